//! `Authorization` and `Proxy-Authorization` (RFC 3261 §20.7, §20.28).

use std::fmt;

use super::scheme::{Scheme, Writer};
use super::{Algorithm, Qop};

/// Digest credentials. Secrets are only in `response`, but the user's name is personal: keep it out of logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub username: String,
    /// The realm that they are for.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// What is asked for, as the client saw it.
    pub uri: String,
    /// The digest in hex.
    pub response: String,
    /// The hash function.
    pub algorithm: Algorithm,
    /// Given back as it came.
    pub opaque: Option<String>,
    /// Protection with nonce count (eight hex digits) and client nonce; `None`: an RFC 2069 client.
    pub protection: Option<(Qop, String, String)>,
}

/// Why a value holds no digest credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotDigest {
    /// Another scheme: not for us (RFC 4475 §3.3.7).
    OtherScheme,
    /// Digest, but incomplete or of a kind that we did not offer; the client's fault.
    Malformed,
}

impl Credentials {
    /// Reads one header value. `None`: another scheme, or incomplete, or with an algorithm or protection unknown here.
    pub fn parse(value: &str) -> Option<Credentials> {
        Credentials::read(value).ok()
    }

    pub(super) fn read(value: &str) -> Result<Credentials, NotDigest> {
        let schemes = Scheme::parse_all(value);
        let scheme = schemes.first().filter(|scheme| scheme.is_digest()).ok_or(NotDigest::OtherScheme)?;
        Credentials::from_scheme(scheme).ok_or(NotDigest::Malformed)
    }

    fn from_scheme(scheme: &Scheme) -> Option<Credentials> {
        let text = |name| scheme.get(name).map(str::to_owned);
        let protection = match scheme.get("qop") {
            None => None,
            Some(qop) => Some((Qop::parse(qop)?, text("nc")?, text("cnonce")?)),
        };
        Some(Credentials {
            username: text("username")?,
            realm: text("realm")?,
            nonce: text("nonce")?,
            uri: text("uri")?,
            response: text("response")?,
            algorithm: Algorithm::parse(scheme.get("algorithm"))?,
            opaque: text("opaque"),
            protection,
        })
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Writer::digest(f)?;
        out.quoted("username", &self.username)?;
        out.quoted("realm", &self.realm)?;
        out.quoted("nonce", &self.nonce)?;
        out.quoted("uri", &self.uri)?;
        out.quoted("response", &self.response)?;
        out.token("algorithm", self.algorithm.as_str())?;
        if let Some(opaque) = &self.opaque {
            out.quoted("opaque", opaque)?;
        }
        if let Some((qop, nc, cnonce)) = &self.protection {
            out.token("qop", qop.as_str())?;
            out.token("nc", nc)?;
            out.quoted("cnonce", cnonce)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let credentials = Credentials {
            username: r#"al"ice\"#.into(),
            realm: "agency".into(),
            nonce: "abc".into(),
            uri: "sip:flights@example.com;user=phone".into(),
            response: "00ff".into(),
            algorithm: Algorithm::Sha256,
            opaque: Some("o".into()),
            protection: Some((Qop::Auth, "0000000a".into(), "c,n".into())),
        };
        assert_eq!(Credentials::parse(&credentials.to_string()), Some(credentials));
    }

    #[test]
    fn other_schemes_are_told_from_broken_digests() {
        assert_eq!(Credentials::read("NoOneKnowsThisScheme opaque-data=here"), Err(NotDigest::OtherScheme));
        assert_eq!(Credentials::read(r#"Digest username="alice""#), Err(NotDigest::Malformed));
        let unasked = r#"Digest username="a",realm="b",nonce="c",uri="d",response="e",algorithm=MD5-sess"#;
        assert_eq!(Credentials::read(unasked), Err(NotDigest::Malformed));
    }
}
