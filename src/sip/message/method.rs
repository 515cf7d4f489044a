//! Request methods (RFC 3261 §7.1 and the extensions that Tandem speaks).

use std::fmt;

use super::{ParseError, lex};

/// A request method. Names are case-sensitive: `invite` is an unknown method, not INVITE.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Method {
    /// RFC 3261 §13.
    Invite,
    /// RFC 3261 §13.
    Ack,
    /// RFC 3261 §15.
    Bye,
    /// RFC 3261 §9.
    Cancel,
    /// RFC 3261 §10.
    Register,
    /// RFC 3261 §11.
    Options,
    /// RFC 6086.
    Info,
    /// RFC 3428.
    Message,
    /// RFC 3262.
    Prack,
    /// RFC 3311.
    Update,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3515.
    Refer,
    /// RFC 3903.
    Publish,
    /// Any other token, as written.
    Other(Box<str>),
}

impl Method {
    /// The methods with a name of their own, in a fixed order.
    pub const KNOWN: [Method; 14] = [
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Register,
        Method::Options,
        Method::Info,
        Method::Message,
        Method::Prack,
        Method::Update,
        Method::Subscribe,
        Method::Notify,
        Method::Refer,
        Method::Publish,
    ];

    /// Reads a method: any `token`.
    pub fn parse(name: &[u8]) -> Result<Method, ParseError> {
        if let Some(known) = Method::KNOWN.iter().find(|known| known.as_str().as_bytes() == name) {
            return Ok(known.clone());
        }
        match std::str::from_utf8(name) {
            Ok(text) if lex::is_token(name) => Ok(Method::Other(text.into())),
            _ => Err(ParseError::Malformed("method")),
        }
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Invite => "INVITE",
            Method::Ack => "ACK",
            Method::Bye => "BYE",
            Method::Cancel => "CANCEL",
            Method::Register => "REGISTER",
            Method::Options => "OPTIONS",
            Method::Info => "INFO",
            Method::Message => "MESSAGE",
            Method::Prack => "PRACK",
            Method::Update => "UPDATE",
            Method::Subscribe => "SUBSCRIBE",
            Method::Notify => "NOTIFY",
            Method::Refer => "REFER",
            Method::Publish => "PUBLISH",
            Method::Other(name) => name,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive_and_unknown_tokens_are_kept() {
        for method in Method::KNOWN {
            assert_eq!(Method::parse(method.as_str().as_bytes()), Ok(method));
        }
        assert_eq!(Method::parse(b"invite"), Ok(Method::Other("invite".into())));
        assert_eq!(Method::parse(b"RE%47IST%45R"), Ok(Method::Other("RE%47IST%45R".into())));
    }

    #[test]
    fn what_is_no_token_is_no_method() {
        for bad in [&b""[..], b"IN VITE", b"INV\r\nITE", b"\xffINVITE", b"INVITE:"] {
            assert!(Method::parse(bad).is_err(), "{bad:?}");
        }
    }
}
