//! What a server or client knows of a user.

use std::fmt;

use super::Algorithm;

/// A user's secret: the password, or the hashes of user, realm and password that a careful store keeps instead.
#[derive(Clone)]
pub struct Secret(Kind);

#[derive(Clone)]
enum Kind {
    Password(String),
    Hashes { md5: Option<String>, sha256: Option<String> },
}

impl Secret {
    /// A password in the clear.
    pub fn password(password: &str) -> Secret {
        Secret(Kind::Password(password.to_owned()))
    }

    /// H(user:realm:password) in hex, per algorithm; a user without one of them cannot use that algorithm.
    pub fn hashes(md5: Option<&str>, sha256: Option<&str>) -> Secret {
        let lower = |hash: &str| hash.to_ascii_lowercase();
        Secret(Kind::Hashes { md5: md5.map(lower), sha256: sha256.map(lower) })
    }

    /// H(A1) in hex (RFC 7616 §3.4.2).
    pub(super) fn ha1(&self, algorithm: Algorithm, username: &str, realm: &str) -> Option<String> {
        match (&self.0, algorithm) {
            (Kind::Password(password), _) => {
                Some(algorithm.hash(&[username.as_bytes(), realm.as_bytes(), password.as_bytes()]))
            }
            (Kind::Hashes { md5, .. }, Algorithm::Md5) => md5.clone(),
            (Kind::Hashes { sha256, .. }, Algorithm::Sha256) => sha256.clone(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}
