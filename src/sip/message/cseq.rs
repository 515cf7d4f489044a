//! `CSeq` (RFC 3261 §20.16).

use std::fmt;

use super::{Method, ParseError, lex};

/// Sequence number and method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// Below 2^31 (RFC 3261 §8.1.1.5).
    pub seq: u32,
    /// The method of the request that this numbers.
    pub method: Method,
}

impl CSeq {
    /// A number and a method.
    pub fn new(seq: u32, method: Method) -> Self {
        CSeq { seq, method }
    }

    /// Reads an unfolded value.
    pub fn parse(value: &[u8]) -> Result<CSeq, ParseError> {
        let bad = ParseError::Malformed("CSeq");
        let value = &value[lex::trimmed(value)];
        let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
        let (number, rest) = value.split_at(digits);
        let name = &rest[lex::trimmed(rest)];
        let seq = lex::number(number).and_then(|seq| u32::try_from(seq).ok()).filter(|seq| *seq < 1 << 31);
        if name.len() == rest.len() {
            return Err(bad);
        }
        Ok(CSeq { seq: seq.ok_or(bad)?, method: Method::parse(name)? })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_number_and_method() {
        assert_eq!(CSeq::parse(b"0009   INVITE"), Ok(CSeq::new(9, Method::Invite)));
        assert_eq!(CSeq::parse(b" 2147483647\tBYE ").map(|c| c.to_string()), Ok("2147483647 BYE".into()));
    }

    #[test]
    fn refuses_large_numbers_and_half_values() {
        for bad in [
            &b"2147483648 INVITE"[..],
            b"36893488147419103232 REGISTER",
            b"1",
            b"INVITE",
            b"1INVITE",
            b"-1 BYE",
            b"1 A B",
        ] {
            assert!(CSeq::parse(bad).is_err(), "{bad:?}");
        }
    }
}
