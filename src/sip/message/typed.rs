//! Typed access to header values, parsed when somebody asks and never stored.

use super::{CSeq, HeaderName, Headers, MediaType, Message, Method, NameAddr, ParseError, Request, Response, Via, lex};

/// The values of Contact (RFC 3261 §20.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactList {
    /// `Contact: *`, which only a REGISTER that removes all bindings has (RFC 3261 §10.2.2).
    Star,
    /// The addresses in order; empty without a Contact.
    List(Vec<NameAddr>),
}

impl ContactList {
    /// The addresses; none for `*`.
    pub fn list(&self) -> &[NameAddr] {
        match self {
            ContactList::Star => &[],
            ContactList::List(list) => list,
        }
    }

    /// The first address: the remote target of a dialog (RFC 3261 §12.1).
    pub fn first(&self) -> Option<&NameAddr> {
        self.list().first()
    }
}

impl Headers {
    fn required(&self, name: HeaderName) -> Result<bytes::Bytes, ParseError> {
        let first = self.shared_values(&name).next();
        first.ok_or(ParseError::Missing(name))
    }

    /// The topmost `Via`.
    pub fn via(&self) -> Result<Via, ParseError> {
        Via::parse_shared(&self.required(HeaderName::Via)?)
    }

    /// All `Via` values, topmost first.
    pub fn vias(&self) -> Result<Vec<Via>, ParseError> {
        self.shared_values(&HeaderName::Via).map(|value| Via::parse_shared(&value)).collect()
    }

    /// `From`.
    pub fn from(&self) -> Result<NameAddr, ParseError> {
        NameAddr::parse_shared(&self.required(HeaderName::From)?)
    }

    /// `To`.
    pub fn to(&self) -> Result<NameAddr, ParseError> {
        NameAddr::parse_shared(&self.required(HeaderName::To)?)
    }

    /// `Call-ID`: any visible ASCII, which is more than RFC 3261 §25.1 allows and what the field sends.
    pub fn call_id(&self) -> Result<&str, ParseError> {
        let header = self.get(&HeaderName::CallId).ok_or(ParseError::Missing(HeaderName::CallId))?;
        let text = std::str::from_utf8(header.value()).ok();
        text.filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or(ParseError::Malformed("Call-ID"))
    }

    /// `CSeq`.
    pub fn cseq(&self) -> Result<CSeq, ParseError> {
        CSeq::parse(&self.required(HeaderName::CSeq)?)
    }

    /// All Contact values.
    pub fn contacts(&self) -> Result<ContactList, ParseError> {
        let mut values = self.values(&HeaderName::Contact);
        if values.next() == Some(b"*") {
            // RFC 3261 §20.10: the star stands alone.
            return if values.next().is_none() { Ok(ContactList::Star) } else { Err(ParseError::Malformed("Contact")) };
        }
        drop(values);
        self.name_addrs(&HeaderName::Contact).map(ContactList::List)
    }

    /// `Route` values in order.
    pub fn routes(&self) -> Result<Vec<NameAddr>, ParseError> {
        self.name_addrs(&HeaderName::Route)
    }

    /// `Record-Route` values in order.
    pub fn record_routes(&self) -> Result<Vec<NameAddr>, ParseError> {
        self.name_addrs(&HeaderName::RecordRoute)
    }

    /// All values of a header made of name-addrs (`P-Asserted-Identity`, `Refer-To`, `Path` …).
    pub fn name_addrs(&self, name: &HeaderName) -> Result<Vec<NameAddr>, ParseError> {
        self.shared_values(name).map(|value| NameAddr::parse_shared(&value)).collect()
    }

    /// `Max-Forwards`, 0 to 255 (RFC 3261 §20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, ParseError> {
        let Some(header) = self.get(&HeaderName::MaxForwards) else { return Ok(None) };
        let hops = lex::number(header.value()).and_then(|hops| u8::try_from(hops).ok());
        hops.map(Some).ok_or(ParseError::Malformed("Max-Forwards"))
    }

    /// `Expires` in seconds; a number too large is `u32::MAX` (RFC 3261 §20.19).
    pub fn expires(&self) -> Result<Option<u32>, ParseError> {
        let Some(header) = self.get(&HeaderName::Expires) else { return Ok(None) };
        lex::saturating_u32(header.value()).map(Some).ok_or(ParseError::Malformed("Expires"))
    }

    /// `Content-Type`; `None` also when it is malformed, since nothing can be done with the body either way.
    pub fn content_type(&self) -> Option<MediaType> {
        MediaType::parse(self.get(&HeaderName::ContentType)?.value()).ok()
    }
}

impl NameAddr {
    /// The `expires` parameter of a Contact in seconds; a number too large is `u32::MAX`. RFC 3261 §10.2.1.1: a malformed
    /// value counts as 3600.
    pub fn expires(&self) -> Option<u32> {
        self.params.get("expires").map(|value| value.and_then(|v| lex::saturating_u32(v.as_bytes())).unwrap_or(3600))
    }
}

macro_rules! typed_access {
    ($($owner:ident)*) => { $(
        /// Typed header values, read from [`Headers`] at each call.
        impl $owner {
            /// See [`Headers::via`].
            pub fn via(&self) -> Result<Via, ParseError> { self.headers.via() }
            /// See [`Headers::from`].
            pub fn from(&self) -> Result<NameAddr, ParseError> { self.headers.from() }
            /// See [`Headers::to`].
            pub fn to(&self) -> Result<NameAddr, ParseError> { self.headers.to() }
            /// See [`Headers::call_id`].
            pub fn call_id(&self) -> Result<&str, ParseError> { self.headers.call_id() }
            /// See [`Headers::cseq`].
            pub fn cseq(&self) -> Result<CSeq, ParseError> { self.headers.cseq() }
            /// See [`Headers::contacts`].
            pub fn contacts(&self) -> Result<ContactList, ParseError> { self.headers.contacts() }
            /// See [`Headers::routes`].
            pub fn routes(&self) -> Result<Vec<NameAddr>, ParseError> { self.headers.routes() }
            /// See [`Headers::record_routes`].
            pub fn record_routes(&self) -> Result<Vec<NameAddr>, ParseError> { self.headers.record_routes() }
            /// See [`Headers::max_forwards`].
            pub fn max_forwards(&self) -> Result<Option<u8>, ParseError> { self.headers.max_forwards() }
            /// See [`Headers::expires`].
            pub fn expires(&self) -> Result<Option<u32>, ParseError> { self.headers.expires() }
            /// See [`Headers::content_type`].
            pub fn content_type(&self) -> Option<MediaType> { self.headers.content_type() }
        }
    )* };
}

typed_access! { Request Response }

impl Message {
    /// The method of the request, or of the request that a response answers (its CSeq).
    pub fn method(&self) -> Result<Method, ParseError> {
        match self {
            Message::Request(request) => Ok(request.method.clone()),
            Message::Response(response) => Ok(response.cseq()?.method),
        }
    }
}
