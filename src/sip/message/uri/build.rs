//! URIs of our own. No argument can break the text: whatever does not belong is escaped or left out.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::check::PARAM;
use super::escape::{escape, unescaped};
use super::{Host, Scheme, Uri};

impl Uri {
    /// `sip:user@host:port`. The user part is escaped as needed; a host that is none becomes `invalid.invalid`
    /// (RFC 2606 §2), because a constructor from configuration must not be able to break a message.
    pub fn sip(user: Option<&str>, host: &str, port: Option<u16>) -> Uri {
        let user = user.filter(|user| !user.is_empty()).map(|user| format!("{}@", escape(user, b"&=+$,;?/")));
        let host = match host.parse::<Ipv6Addr>() {
            Ok(ip) => Host::V6(ip),
            Err(_) => Host::parse(host.as_bytes()).unwrap_or(Host::Name("invalid.invalid".into())),
        };
        let port = port.map(|port| format!(":{port}"));
        let text = format!("sip:{}{host}{}", user.unwrap_or_default(), port.unwrap_or_default());
        Uri::rebuilt(text)
    }

    /// `tel:number`; characters that no telephone number has are left out.
    pub fn tel(number: &str) -> Uri {
        let digits: String =
            number.chars().filter(|c| c.is_ascii_digit() || matches!(c, '+' | '*' | '#' | '-' | '.')).collect();
        Uri::rebuilt(format!("tel:{digits}"))
    }

    /// From text that our own constructors wrote; if it is too long or empty after all, a URI that routes nowhere.
    fn rebuilt(text: String) -> Uri {
        Uri::parse_shared(&text.into()).unwrap_or_else(|_| Uri {
            text: "sip:invalid.invalid".into(),
            scheme: Scheme::Sip,
            opaque: 4,
            user: None,
            host: Some(Host::Name("invalid.invalid".into())),
            port: None,
            params: (0, 0),
            headers: None,
        })
    }

    /// The URI with one more parameter, or with that parameter replaced (sip, sips, tel; others stay as they are).
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Uri {
        if self.scheme == Scheme::Other || name.is_empty() {
            return self.clone();
        }
        let all = self.as_str();
        let end = self.headers.map_or(all.len(), |(start, _)| usize::from(start) - 1);
        let base = if self.params.0 == 0 { &all[..end] } else { &all[..usize::from(self.params.0) - 1] };
        let mut text = String::from(base);
        let kept = self.params().filter(|(old, _)| !unescaped(old).eq_ignore_ascii_case(name.as_bytes()));
        for (name, value) in kept.map(|(n, v)| (Cow::Borrowed(n), v.map(Cow::Borrowed))).chain([(
            Cow::Owned(escape(name, PARAM)),
            value.filter(|value| !value.is_empty()).map(|value| Cow::Owned(escape(value, PARAM))),
        )]) {
            text.push(';');
            text.push_str(&name);
            if let Some(value) = value {
                text.push('=');
                text.push_str(&value);
            }
        }
        text.push_str(&all[end..]);
        Uri::parse_shared(&text.into()).unwrap_or_else(|_| self.clone())
    }
}
