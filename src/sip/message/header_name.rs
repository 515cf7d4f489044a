//! Header field names (RFC 3261 §7.3, compact forms §7.3.3 and the IANA registry).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;

use super::lex;

/// Longest name with a variant of its own; a longer one is looked up in no table.
const LONGEST: usize = 24;

macro_rules! header_names {
    ($($variant:ident $shape:ident $canonical:literal $($lower:literal)|+;)*) => {
        /// The name of a header field. Compared without regard to case; a compact form is the same name.
        #[derive(Clone, Debug)]
        pub enum HeaderName {
            $(#[doc = $canonical] $variant,)*
            /// A name without a variant of its own, as written.
            Other(Box<str>),
        }

        impl HeaderName {
            /// Reads a name in any case, long or compact; `None` when it is no `token`.
            pub fn parse(name: &[u8]) -> Option<HeaderName> {
                let mut lower = [0; LONGEST];
                if let Some(lower) = lower.get_mut(..name.len()) {
                    lower.copy_from_slice(name);
                    lower.make_ascii_lowercase();
                    match &*lower {
                        $($($lower)|+ => return Some(HeaderName::$variant),)*
                        _ => {}
                    }
                }
                lex::is_token(name).then(|| HeaderName::Other(String::from_utf8_lossy(name).into()))
            }

            /// The long form in its usual spelling.
            pub fn as_str(&self) -> &str {
                match self {
                    $(HeaderName::$variant => $canonical,)*
                    HeaderName::Other(name) => name,
                }
            }

            /// Whether one line may carry several values, joined by commas (RFC 3261 §7.3.1). Of names without a variant
            /// nothing is known: they are never split.
            pub fn is_list(&self) -> bool {
                match self {
                    $(HeaderName::$variant => header_names!(@ $shape),)*
                    HeaderName::Other(_) => false,
                }
            }
        }
    };
    (@ list) => { true };
    (@ one) => { false };
}

header_names! {
    Via list "Via" b"via" | b"v";
    From one "From" b"from" | b"f";
    To one "To" b"to" | b"t";
    CallId one "Call-ID" b"call-id" | b"i";
    CSeq one "CSeq" b"cseq";
    Contact list "Contact" b"contact" | b"m";
    MaxForwards one "Max-Forwards" b"max-forwards";
    Route list "Route" b"route";
    RecordRoute list "Record-Route" b"record-route";
    ContentType one "Content-Type" b"content-type" | b"c";
    ContentLength one "Content-Length" b"content-length" | b"l";
    Expires one "Expires" b"expires";
    MinExpires one "Min-Expires" b"min-expires";
    Allow list "Allow" b"allow";
    Supported list "Supported" b"supported" | b"k";
    Require list "Require" b"require";
    ProxyRequire list "Proxy-Require" b"proxy-require";
    Unsupported list "Unsupported" b"unsupported";
    Accept list "Accept" b"accept";
    AcceptEncoding list "Accept-Encoding" b"accept-encoding";
    AcceptLanguage list "Accept-Language" b"accept-language";
    Authorization one "Authorization" b"authorization";
    WwwAuthenticate one "WWW-Authenticate" b"www-authenticate";
    ProxyAuthorization one "Proxy-Authorization" b"proxy-authorization";
    ProxyAuthenticate one "Proxy-Authenticate" b"proxy-authenticate";
    AuthenticationInfo one "Authentication-Info" b"authentication-info";
    UserAgent one "User-Agent" b"user-agent";
    Server one "Server" b"server";
    Reason list "Reason" b"reason";
    RetryAfter one "Retry-After" b"retry-after";
    Warning list "Warning" b"warning";
    Date one "Date" b"date";
    Event one "Event" b"event" | b"o";
    ReferTo one "Refer-To" b"refer-to" | b"r";
    ReferredBy one "Referred-By" b"referred-by" | b"b";
    Replaces one "Replaces" b"replaces";
    RSeq one "RSeq" b"rseq";
    RAck one "RAck" b"rack";
    SessionExpires one "Session-Expires" b"session-expires" | b"x";
    MinSe one "Min-SE" b"min-se";
    SessionId one "Session-ID" b"session-id";
    InReplyTo list "In-Reply-To" b"in-reply-to";
    PAccessNetworkInfo list "P-Access-Network-Info" b"p-access-network-info";
    PAssertedIdentity list "P-Asserted-Identity" b"p-asserted-identity";
    PPreferredIdentity list "P-Preferred-Identity" b"p-preferred-identity";
    Privacy one "Privacy" b"privacy";
    Geolocation list "Geolocation" b"geolocation";
    CallInfo list "Call-Info" b"call-info";
    Subject one "Subject" b"subject" | b"s";
    Timestamp one "Timestamp" b"timestamp";
    MimeVersion one "MIME-Version" b"mime-version";
    ContentDisposition one "Content-Disposition" b"content-disposition";
    ContentLanguage list "Content-Language" b"content-language";
    ContentEncoding list "Content-Encoding" b"content-encoding" | b"e";
    Path list "Path" b"path";
    Organization one "Organization" b"organization";
    AllowEvents list "Allow-Events" b"allow-events" | b"u";
    RequestDisposition list "Request-Disposition" b"request-disposition" | b"d";
    AcceptContact list "Accept-Contact" b"accept-contact" | b"a";
    RejectContact list "Reject-Contact" b"reject-contact" | b"j";
    Identity one "Identity" b"identity" | b"y";
}

impl HeaderName {
    /// The name as it may be written: one that is no `token` (made by hand, not by [`HeaderName::parse`]) has its other
    /// characters replaced, so that it cannot start another line.
    pub(super) fn sanitised(self) -> HeaderName {
        match self {
            HeaderName::Other(name) if !lex::is_token(name.as_bytes()) => {
                let token: String = name
                    .chars()
                    .map(|c| u8::try_from(c).ok().filter(|b| lex::is_token_char(*b)).map_or('-', char::from))
                    .collect();
                HeaderName::parse(token.as_bytes()).unwrap_or(HeaderName::Other("X".into()))
            }
            name => name,
        }
    }
}

impl From<&str> for HeaderName {
    /// A name from our own code or configuration.
    fn from(name: &str) -> Self {
        HeaderName::parse(name.as_bytes()).unwrap_or_else(|| HeaderName::Other(name.into()).sanitised())
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (HeaderName::Other(a), HeaderName::Other(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => discriminant(a) == discriminant(b),
        }
    }
}

impl Eq for HeaderName {}

impl Hash for HeaderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
        if let HeaderName::Other(name) = self {
            name.bytes().for_each(|b| state.write_u8(b.to_ascii_lowercase()));
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_compact_forms_do_not_matter() {
        for (compact, long) in [
            ("v", "via"),
            ("f", "FROM"),
            ("t", "To"),
            ("i", "Call-ID"),
            ("l", "Content-Length"),
            ("m", "contact"),
            ("k", "Supported"),
            ("s", "Subject"),
            ("c", "Content-Type"),
            ("e", "Content-Encoding"),
            ("o", "Event"),
            ("r", "Refer-To"),
            ("b", "Referred-By"),
            ("u", "Allow-Events"),
            ("x", "Session-Expires"),
            ("d", "Request-Disposition"),
            ("a", "Accept-Contact"),
            ("j", "Reject-Contact"),
            ("y", "Identity"),
        ] {
            let name = HeaderName::parse(compact.as_bytes()).unwrap();
            assert!(!matches!(name, HeaderName::Other(_)), "{compact}");
            assert_eq!(Some(&name), HeaderName::parse(long.as_bytes()).as_ref(), "{compact}");
            assert!(name.as_str().eq_ignore_ascii_case(long));
        }
    }

    #[test]
    fn unknown_names_compare_without_case_and_keep_their_spelling() {
        let name = HeaderName::from("C%6Fntact");
        assert_eq!(name.as_str(), "C%6Fntact");
        assert_ne!(name, HeaderName::Contact, "RFC 4475 3.1.1.5: a percent sign is an ordinary character here");
        assert_eq!(name, HeaderName::from("c%6fNTACT"));
    }

    #[test]
    fn a_name_cannot_carry_a_line_end() {
        assert_eq!(HeaderName::parse(b"X\r\nEvil"), None);
        assert_eq!(HeaderName::from("X\r\nEvil: 1").as_str(), "X--Evil--1");
        assert_eq!(HeaderName::from("").as_str(), "X");
    }
}
