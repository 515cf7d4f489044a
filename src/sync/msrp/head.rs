//! The head of an MSRP message: start line and header fields (RFC 4975 §9).

use std::fmt::Write as _;

use super::uri::MsrpUri;

/// The longest identifier (RFC 4975 §9: `ident`, 4 to 32 octets).
pub const MAX_IDENT_BYTES: usize = 32;
/// More header fields than any stack sends.
const MAX_HEADERS: usize = 32;
/// More hops than any path has.
const MAX_PATH: usize = 8;

/// The flag that ends a chunk (RFC 4975 §7.1): the rest follows, the message is complete, the message is abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// `+`: more chunks of this message follow.
    More,
    /// `$`: this was the last chunk.
    Complete,
    /// `#`: the sender gave the message up.
    Aborted,
}

impl Flag {
    /// The octet on the wire.
    pub fn octet(self) -> u8 {
        match self {
            Flag::More => b'+',
            Flag::Complete => b'$',
            Flag::Aborted => b'#',
        }
    }

    /// Reads the octet on the wire.
    pub fn from_octet(octet: u8) -> Option<Flag> {
        match octet {
            b'+' => Some(Flag::More),
            b'$' => Some(Flag::Complete),
            b'#' => Some(Flag::Aborted),
            _ => None,
        }
    }
}

/// `Byte-Range: start-end/total` (RFC 4975 §7.1); `None` is the `*` of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first octet, counted from 1.
    pub start: u64,
    /// The last octet; `start - 1` in a chunk without content.
    pub end: Option<u64>,
    /// The octets of the whole message.
    pub total: Option<u64>,
}

impl ByteRange {
    /// What a request without the field means (RFC 4975 §7.1).
    pub const WHOLE: ByteRange = ByteRange { start: 1, end: None, total: None };

    fn parse(text: &str) -> Option<ByteRange> {
        let (start, rest) = text.split_once('-')?;
        let (end, total) = rest.split_once('/')?;
        let range = ByteRange { start: number(start)?, end: star(end)?, total: star(total)? };
        let ordered = range.end.is_none_or(|end| end + 1 >= range.start)
            && range.total.is_none_or(|total| range.end.is_none_or(|end| end <= total) && range.start <= total + 1);
        (range.start >= 1 && ordered).then_some(range)
    }
}

impl std::fmt::Display for ByteRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-", self.start)?;
        for (value, separator) in [(self.end, "/"), (self.total, "")] {
            match value {
                Some(n) => write!(f, "{n}{separator}")?,
                None => write!(f, "*{separator}")?,
            }
        }
        Ok(())
    }
}

fn number(text: &str) -> Option<u64> {
    // 15 digits: far above any message, far below overflow in the sums made of it.
    (!text.is_empty() && text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn star(text: &str) -> Option<Option<u64>> {
    if text == "*" { Some(None) } else { number(text).map(Some) }
}

/// What the sender wants to hear when a request fails (RFC 4975 §7.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FailureReport {
    /// Every response.
    #[default]
    Yes,
    /// Only failures.
    Partial,
    /// Nothing.
    No,
}

/// What kind of message a head opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// `SEND` carries (a part of) a message.
    Send,
    /// `REPORT` says what became of one.
    Report,
    /// Any other method: `AUTH` (RFC 4976), `NICKNAME` (RFC 7701), … We implement none: 501.
    OtherMethod(Box<str>),
    /// A response with its status.
    Response(u16),
}

/// A parsed head.
#[derive(Clone, Debug)]
pub struct Head {
    /// Pairs a request with its response and closes the message.
    pub transaction: Box<str>,
    /// Method or status.
    pub start: StartLine,
    /// Where it goes; the first hop first.
    pub to_path: Vec<MsrpUri>,
    /// Whence it came; the last hop first.
    pub from_path: Vec<MsrpUri>,
    /// `Message-ID`, the same in all chunks of a message.
    pub message_id: Option<Box<str>>,
    /// `Byte-Range`, as sent.
    pub byte_range: Option<ByteRange>,
    /// `Success-Report: yes`.
    pub success_report: bool,
    /// `Failure-Report`.
    pub failure_report: FailureReport,
    /// `Status` of a REPORT: the status within namespace 000.
    pub report_status: Option<u16>,
    /// `Content-Type` as written.
    pub content_type: Option<Box<str>>,
    /// Whether a body follows: the head ended in an empty line, not in the end-line.
    pub has_body: bool,
}

/// Why a head cannot be understood at all: there is nobody to answer, the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not `MSRP ident METHOD` nor `MSRP ident NNN text`.
    #[error("the start line is no MSRP start line")]
    StartLine,
    /// Not UTF-8, or without a colon, or with a bare control character.
    #[error("a header line is malformed")]
    HeaderLine,
    /// Too many header fields.
    #[error("more than {MAX_HEADERS} header fields")]
    TooManyHeaders,
    /// `To-Path` or `From-Path` is missing or malformed: an answer would have no address.
    #[error("To-Path or From-Path is missing or malformed")]
    Path,
}

/// A head whose addresses are good; `fault` tells a defect that can be answered with 400.
#[derive(Clone, Debug)]
pub struct ParsedHead {
    /// What was read.
    pub head: Head,
    /// What is wrong with it, for the comment of the 400.
    pub fault: Option<&'static str>,
}

/// Reads the start line: identifier and what it opens.
pub fn parse_start_line(line: &[u8]) -> Result<(Box<str>, StartLine), HeadError> {
    let line = std::str::from_utf8(line).map_err(|_| HeadError::StartLine)?;
    let rest = line.strip_prefix("MSRP ").ok_or(HeadError::StartLine)?;
    let (transaction, rest) = rest.split_once(' ').ok_or(HeadError::StartLine)?;
    if !is_ident(transaction) {
        return Err(HeadError::StartLine);
    }
    let word = rest.split(' ').next().unwrap_or_default();
    let start = match word {
        "SEND" => StartLine::Send,
        "REPORT" => StartLine::Report,
        _ if word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit()) => {
            StartLine::Response(word.parse().map_err(|_| HeadError::StartLine)?)
        }
        _ if is_method(word) => StartLine::OtherMethod(word.into()),
        _ => return Err(HeadError::StartLine),
    };
    if !matches!(start, StartLine::Response(_)) && rest.len() != word.len() {
        return Err(HeadError::StartLine);
    }
    Ok((transaction.into(), start))
}

/// Reads the header lines (each without its CRLF) that followed a start line.
pub fn parse_headers<'a>(
    transaction: Box<str>,
    start: StartLine,
    lines: impl Iterator<Item = &'a [u8]>,
    has_body: bool,
) -> Result<ParsedHead, HeadError> {
    let mut head = Head {
        transaction,
        start,
        to_path: Vec::new(),
        from_path: Vec::new(),
        message_id: None,
        byte_range: None,
        success_report: false,
        failure_report: FailureReport::default(),
        report_status: None,
        content_type: None,
        has_body,
    };
    let mut fault = None;
    for (count, line) in lines.enumerate() {
        if count == MAX_HEADERS {
            return Err(HeadError::TooManyHeaders);
        }
        let line = std::str::from_utf8(line).map_err(|_| HeadError::HeaderLine)?;
        let (name, value) = line.split_once(':').ok_or(HeadError::HeaderLine)?;
        if name.is_empty() || !name.bytes().all(is_token_byte) || line.bytes().any(|b| b < b' ' && b != b'\t') {
            return Err(HeadError::HeaderLine);
        }
        if let Err(problem) = set_field(&mut head, name, value.trim_matches([' ', '\t']))? {
            fault = fault.or(Some(problem));
        }
    }
    if head.to_path.is_empty() || head.from_path.is_empty() {
        return Err(HeadError::Path);
    }
    if fault.is_none() {
        fault = missing_field(&head);
    }
    Ok(ParsedHead { head, fault })
}

/// The outer error closes the connection, the inner one is answered with 400.
fn set_field(head: &mut Head, name: &str, value: &str) -> Result<Result<(), &'static str>, HeadError> {
    // RFC 4975 §9: header field names compare without case (RFC 5234 literals).
    let outcome = if name.eq_ignore_ascii_case("To-Path") {
        return path(&mut head.to_path, value).map(Ok);
    } else if name.eq_ignore_ascii_case("From-Path") {
        return path(&mut head.from_path, value).map(Ok);
    } else if name.eq_ignore_ascii_case("Message-ID") {
        once(&mut head.message_id, is_message_id(value).then(|| value.into()), "Message-ID is malformed or repeated")
    } else if name.eq_ignore_ascii_case("Byte-Range") {
        once(&mut head.byte_range, ByteRange::parse(value), "Byte-Range is malformed or repeated")
    } else if name.eq_ignore_ascii_case("Content-Type") {
        once(&mut head.content_type, value.contains('/').then(|| value.into()), "Content-Type is malformed or repeated")
    } else if name.eq_ignore_ascii_case("Status") {
        once(&mut head.report_status, report_status(value), "Status is malformed or repeated")
    } else if name.eq_ignore_ascii_case("Success-Report") {
        yes_or_no(value).map(|yes| head.success_report = yes).ok_or("Success-Report is neither yes nor no")
    } else if name.eq_ignore_ascii_case("Failure-Report") {
        failure_report(value).map(|report| head.failure_report = report).ok_or("Failure-Report is malformed")
    } else {
        Ok(())
    };
    Ok(outcome)
}

fn path(slot: &mut Vec<MsrpUri>, value: &str) -> Result<(), HeadError> {
    if !slot.is_empty() {
        return Err(HeadError::Path);
    }
    for text in value.split(' ').filter(|text| !text.is_empty()) {
        if slot.len() == MAX_PATH {
            return Err(HeadError::Path);
        }
        slot.push(text.parse().map_err(|_| HeadError::Path)?);
    }
    if slot.is_empty() { Err(HeadError::Path) } else { Ok(()) }
}

fn once<T>(slot: &mut Option<T>, value: Option<T>, problem: &'static str) -> Result<(), &'static str> {
    if slot.is_some() || value.is_none() {
        return Err(problem);
    }
    *slot = value;
    Ok(())
}

fn yes_or_no(value: &str) -> Option<bool> {
    if value.eq_ignore_ascii_case("yes") { Some(true) } else { value.eq_ignore_ascii_case("no").then_some(false) }
}

fn failure_report(value: &str) -> Option<FailureReport> {
    if value.eq_ignore_ascii_case("partial") {
        return Some(FailureReport::Partial);
    }
    yes_or_no(value).map(|yes| if yes { FailureReport::Yes } else { FailureReport::No })
}

/// `000 200 OK`: namespace, status, text. A namespace that we do not know says nothing (RFC 4975 §7.1.3).
fn report_status(value: &str) -> Option<u16> {
    let mut words = value.split(' ');
    let (namespace, status) = (words.next()?, words.next()?);
    (namespace == "000" && status.len() == 3).then(|| number(status))?.and_then(|n| u16::try_from(n).ok())
}

fn missing_field(head: &Head) -> Option<&'static str> {
    match head.start {
        StartLine::Send if head.message_id.is_none() => Some("SEND without Message-ID"),
        StartLine::Send if head.has_body && head.content_type.is_none() => Some("content without Content-Type"),
        StartLine::Report if head.message_id.is_none() => Some("REPORT without Message-ID"),
        StartLine::Report if head.report_status.is_none() => Some("REPORT without Status"),
        _ => None,
    }
}

/// RFC 4975 §9: `ident = ALPHANUM 3*31ident-char`.
pub fn is_ident(text: &str) -> bool {
    let bytes = text.as_bytes();
    (4..=MAX_IDENT_BYTES).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().copied().all(is_ident_byte)
}

/// The same grammar, but stacks send shorter and longer ones, and nothing is found by them in a stream.
fn is_message_id(text: &str) -> bool {
    (1..=2 * MAX_IDENT_BYTES).contains(&text.len()) && text.bytes().all(is_ident_byte)
}

fn is_ident_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'%' | b'=')
}

/// RFC 4975 §9: `other-method = 1*UPALPHA`; the underscore is tolerated so that such a request gets its 501.
fn is_method(word: &str) -> bool {
    (1..=32).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// Prints a start line and the two paths.
pub fn write_opening(out: &mut String, transaction: &str, what: &str, to: &[MsrpUri], from: &MsrpUri) {
    let _ = write!(out, "MSRP {transaction} {what}\r\nTo-Path:");
    for uri in to {
        let _ = write!(out, " {uri}");
    }
    let _ = write!(out, "\r\nFrom-Path: {from}\r\n");
}

/// Prints the end-line.
pub fn write_end_line(out: &mut String, transaction: &str, flag: Flag) {
    let _ = write!(out, "-------{transaction}{}\r\n", char::from(flag.octet()));
}
