//! The bounds every message is held to; nothing a peer sends makes memory grow past them.

/// Most header lines in one message. A B2BUA call carries about fifteen; the RFC 4475 torture message with the most
/// has 52.
pub const MAX_HEADERS: usize = 256;

/// Longest header line in octets, folding included, and longest start line. An `Identity` token (RFC 8224) takes about 1,000.
pub const MAX_LINE: usize = 8 * 1024;

/// Longest datagram that is looked at, in octets; also a sensible default for
/// [`StreamDecoder`](crate::sip::framing::StreamDecoder).
pub const MAX_MESSAGE: usize = 64 * 1024;

/// Most parameters after one header value, one URI or one media type.
pub const MAX_PARAMS: usize = 64;

/// Most parts of one multipart body, counted over all levels of nesting.
pub const MAX_PARTS: usize = 8;

/// How deep multiparts may nest: a multipart in the message is depth 1.
pub const MAX_NESTING: usize = 3;
