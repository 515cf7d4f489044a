//! The digest itself (RFC 7616 §3.4.1 to §3.4.3).

use super::Algorithm;

/// Quality of protection (RFC 7616 §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    /// `auth`: method and URI.
    Auth,
    /// `auth-int`: the body too.
    AuthInt,
}

impl Qop {
    /// Reads a token, in any case.
    pub fn parse(token: &str) -> Option<Qop> {
        match token.trim() {
            token if token.eq_ignore_ascii_case("auth") => Some(Qop::Auth),
            token if token.eq_ignore_ascii_case("auth-int") => Some(Qop::AuthInt),
            _ => None,
        }
    }

    /// The token on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Qop::Auth => "auth",
            Qop::AuthInt => "auth-int",
        }
    }
}

/// All that goes into a digest besides the secret.
pub(super) struct Digest<'a> {
    pub algorithm: Algorithm,
    pub nonce: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
    pub body: &'a [u8],
    /// With `qop`: the nonce count as written and the client's nonce. Without (RFC 2069): nothing more.
    pub protection: Option<(Qop, &'a str, &'a str)>,
}

impl Digest<'_> {
    /// The `response` value, given H(A1) in hex.
    pub fn response(&self, ha1: &str) -> String {
        let hash = |parts: &[&[u8]]| self.algorithm.hash(parts);
        let ha2 = match self.protection {
            Some((Qop::AuthInt, ..)) => {
                let body = hash(&[self.body]);
                hash(&[self.method.as_bytes(), self.uri.as_bytes(), body.as_bytes()])
            }
            Some((Qop::Auth, ..)) | None => hash(&[self.method.as_bytes(), self.uri.as_bytes()]),
        };
        let (ha1, nonce, ha2) = (ha1.as_bytes(), self.nonce.as_bytes(), ha2.as_bytes());
        match self.protection {
            Some((qop, nc, cnonce)) => {
                hash(&[ha1, nonce, nc.as_bytes(), cnonce.as_bytes(), qop.as_str().as_bytes(), ha2])
            }
            None => hash(&[ha1, nonce, ha2]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::auth::Secret;

    fn rfc7616(algorithm: Algorithm) -> String {
        let digest = Digest {
            algorithm,
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            method: "GET",
            uri: "/dir/index.html",
            body: b"",
            protection: Some((Qop::Auth, "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        };
        let secret = Secret::password("Circle of Life");
        digest.response(&secret.ha1(algorithm, "Mufasa", "http-auth@example.org").unwrap())
    }

    #[test]
    fn rfc_7616_section_3_9_1() {
        assert_eq!(rfc7616(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(rfc7616(Algorithm::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    #[test]
    fn rfc_2617_section_3_5() {
        let digest = Digest {
            algorithm: Algorithm::Md5,
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            method: "GET",
            uri: "/dir/index.html",
            body: b"",
            protection: Some((Qop::Auth, "00000001", "0a4f113b")),
        };
        let ha1 = Secret::password("Circle Of Life").ha1(Algorithm::Md5, "Mufasa", "testrealm@host.com").unwrap();
        assert_eq!(digest.response(&ha1), "6629fae49393a05397450978507c4ef1");
        // The same without qop is what RFC 2069 computes, with its erratum.
        let old = Digest { protection: None, ..digest };
        assert_eq!(old.response(&ha1), "670fd8c2df070c60b045671b8b24ff02");
    }
}
