//! When two URIs mean the same (RFC 3261 §19.1.4, RFC 3966 §5).

use super::escape::{normal, unescaped};
use super::{Scheme, Uri};

impl Uri {
    /// Whether both name the same resource by the rules of RFC 3261 §19.1.4 (sip, sips) or RFC 3966 §5 (tel); others are
    /// compared as text.
    pub fn equivalent(&self, other: &Uri) -> bool {
        match (self.scheme, other.scheme) {
            (Scheme::Other, Scheme::Other) => self.text == other.text,
            (a, b) if a != b => false,
            (Scheme::Tel, _) => self.tel_number() == other.tel_number() && self.same_params(other),
            _ => {
                self.user().map(normal) == other.user().map(normal)
                    && self.password().map(normal) == other.password().map(normal)
                    && self.host == other.host
                    && self.port == other.port
                    && self.same_params(other)
                    && self.normal_headers() == other.normal_headers()
            }
        }
    }

    fn password(&self) -> Option<&str> {
        let (_, end) = self.user?;
        self.text.get(usize::from(end)..)?.strip_prefix(':')?.split('@').next()
    }

    /// Any parameter in both must match; these must match even when only one side has them.
    fn same_params(&self, other: &Uri) -> bool {
        let lower = |value: Option<&str>| value.map(|value| normal(value).to_ascii_lowercase());
        let both = self.params().all(|(name, value)| {
            let name = String::from_utf8_lossy(&unescaped(name)).into_owned();
            other.param(&name).is_none_or(|theirs| lower(theirs) == lower(value))
        });
        let decisive: &[&str] = match self.scheme {
            Scheme::Tel => &["phone-context", "ext", "isub"],
            _ => &["user", "ttl", "method", "maddr"],
        };
        both && decisive.iter().all(|name| self.param(name).is_some() == other.param(name).is_some())
    }

    fn normal_headers(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let all = self.headers().unwrap_or_default();
        let mut list: Vec<_> = all
            .split('&')
            .filter(|header| !header.is_empty())
            .map(|header| header.split_once('=').unwrap_or((header, "")))
            .map(|(name, value)| (unescaped(name).to_ascii_lowercase(), normal(value)))
            .collect();
        list.sort();
        list
    }
}
