//! `WWW-Authenticate` and `Proxy-Authenticate` (RFC 3261 §20.27, §20.44).

use std::fmt;

use super::scheme::{Scheme, Writer};
use super::{Algorithm, Qop};

/// A digest challenge that we can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Whose password is meant; shown to people.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// To be given back as it is.
    pub opaque: Option<String>,
    /// The hash function.
    pub algorithm: Algorithm,
    /// The protection that we would choose of those offered; `None`: an RFC 2069 server.
    pub qop: Option<Qop>,
    /// The password was right, only the nonce too old: answer anew without asking anybody.
    pub stale: bool,
}

impl Challenge {
    /// The digest challenges in one header value that use an algorithm and a protection known here, in their order.
    /// Everything else is passed over (RFC 8760 §2.4).
    pub fn parse_all(value: &str) -> Vec<Challenge> {
        Scheme::parse_all(value).iter().filter_map(Challenge::from_scheme).collect()
    }

    fn from_scheme(scheme: &Scheme) -> Option<Challenge> {
        if !scheme.is_digest() {
            return None;
        }
        let qop = match scheme.get("qop") {
            None => None,
            Some(offered) => Some(choose(offered)?),
        };
        Some(Challenge {
            realm: scheme.get("realm")?.to_owned(),
            nonce: scheme.get("nonce")?.to_owned(),
            opaque: scheme.get("opaque").map(str::to_owned),
            algorithm: Algorithm::parse(scheme.get("algorithm"))?,
            qop,
            stale: scheme.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }
}

/// `auth` where it is offered: proxies may change a body (RFC 3261 §22.4 leaves the choice to us).
fn choose(offered: &str) -> Option<Qop> {
    let offers = || offered.split(',').filter_map(Qop::parse);
    offers().find(|qop| *qop == Qop::Auth).or_else(|| offers().next())
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Writer::digest(f)?;
        out.quoted("realm", &self.realm)?;
        out.quoted("nonce", &self.nonce)?;
        if let Some(opaque) = &self.opaque {
            out.quoted("opaque", opaque)?;
        }
        if self.stale {
            out.token("stale", "true")?;
        }
        out.token("algorithm", self.algorithm.as_str())?;
        if let Some(qop) = self.qop {
            out.quoted("qop", qop.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_schemes_algorithms_and_protections_are_passed_over() {
        let value = r#"NoOneKnowsThisScheme opaque-data=here, Digest realm="a",nonce="1",algorithm=SHA-512-256,
            Digest realm="b",nonce="2",qop="auth-conf", Digest realm="c",nonce="3",qop="auth-int,AUTH",STALE=TRUE"#;
        let known = Challenge::parse_all(value);
        assert_eq!(known.len(), 1);
        assert_eq!((known[0].realm.as_str(), known[0].qop, known[0].stale), ("c", Some(Qop::Auth), true));
        assert_eq!(known[0].algorithm, Algorithm::Md5);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let challenge = Challenge {
            realm: r#"the "agency" \ desk"#.into(),
            nonce: "n=,1".into(),
            opaque: Some(String::new()),
            algorithm: Algorithm::Sha256,
            qop: Some(Qop::Auth),
            stale: true,
        };
        assert_eq!(Challenge::parse_all(&challenge.to_string()), [challenge]);
    }
}
