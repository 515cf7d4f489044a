//! What the gateway gave for a message, and whether that is what the message deserves.

use std::fmt;

use crate::target::MAX_MESSAGE;

/// What the gateway did about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The answer, as it came.
    pub answer: Option<String>,
    /// The connection was closed.
    pub closed: bool,
    /// Nothing came, not even the answer to the OPTIONS behind the message: the gateway waits for the rest of it.
    pub waits: bool,
}

impl Given {
    /// The status of the answer.
    pub fn status(&self) -> Option<u16> {
        let line = self.answer.as_ref()?.lines().next()?;
        line.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    fn has(&self, header: &str) -> bool {
        let prefix = format!("{header}:");
        self.answer.as_ref().is_some_and(|text| text.lines().any(|line| line.starts_with(&prefix)))
    }

    /// Whether this is what `required` demands: the words of the corpus' `expect` column. `is_answerable` is false for
    /// responses and ACKs, to which silence is the only right answer.
    pub fn satisfies(&self, required: &str, is_answerable: bool) -> bool {
        let status = self.status();
        // Understood, whatever the gateway then says about its contents (404, 405, 415, 480, 481, 483, 501 …).
        let understood = match status {
            Some(status) => is_answerable && !matches!(status, 400 | 416 | 505),
            None => !is_answerable,
        };
        match required {
            "parse-ok" => understood,
            "drop" => status.is_none(),
            "no-crash" => true,
            "reject-400" => status == Some(400),
            "reject-400-or-501" => matches!(status, Some(400 | 501)),
            "reject-400-or-ignore" => status == Some(400) || understood,
            "reject-483-or-answer" => matches!(status, Some(483 | 200)),
            "reject-406" => status == Some(406),
            "reject-415" => status == Some(415) && self.has("Accept"),
            "reject-416" => status == Some(416),
            "reject-420" => status == Some(420) && self.has("Unsupported"),
            "reject-505" => status == Some(505),
            "challenge-401" => status == Some(401) && self.has("WWW-Authenticate"),
            // A stream that cannot be followed any further.
            "reject-400-and-close" => status == Some(400) && self.closed,
            "close" => status.is_none() && self.closed,
            "wait" => self.waits,
            other => panic!("what does {other} demand?"),
        }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status(), self.waits) {
            (Some(status), _) => write!(f, "{status}")?,
            (None, true) => f.write_str("waits")?,
            (None, false) => f.write_str("silence")?,
        }
        f.write_str(if self.closed { ", closes" } else { "" })
    }
}

/// As much as is sent behind a message at most, octets.
const FOLLOWING: usize = 400;

/// Line ends behind a message that do no harm, octets.
const BLANK: usize = 4;

/// What has to be given, over a stream, for a message that over datagrams needs `required`. RFC 3261 §18.3: a
/// stream needs a `Content-Length`; without a usable one nobody knows where the next message begins.
pub fn required_of_stream(message: &[u8], required: &str, is_answerable: bool) -> String {
    // Empty lines before a message are skipped (RFC 3261 §7.5).
    let blank = message.iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
    let message = &message[blank..];
    let text = String::from_utf8_lossy(message);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return "no-crash".to_owned() };
    let lengths: Vec<&str> = head.lines().filter_map(content_length).collect();
    let body = message.len() - message.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    match lengths[..] {
        [length] => match length.parse::<usize>() {
            Ok(length) if length > MAX_MESSAGE => "close".to_owned(),
            // Behind the message is the next one, and none: the connection ends, perhaps before the answer left.
            Ok(length) if length + BLANK < body => "no-crash".to_owned(),
            // What follows on the stream may fill it up: no message of its own then, and no verdict to be had.
            Ok(length) if length > body.saturating_add(FOLLOWING) => "wait".to_owned(),
            Ok(length) if length > body => "no-crash".to_owned(),
            Ok(_) => required.to_owned(),
            Err(_) if is_answerable => "reject-400-and-close".to_owned(),
            Err(_) => "close".to_owned(),
        },
        _ if is_answerable => "reject-400-and-close".to_owned(),
        _ => "close".to_owned(),
    }
}

fn content_length(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end().to_ascii_lowercase();
    matches!(name.as_str(), "content-length" | "l").then_some(value.trim())
}

/// Whether the message is a request that may be answered.
pub fn is_answerable(message: &[u8]) -> bool {
    !message.starts_with(b"SIP/") && !message.starts_with(b"ACK ")
}

/// The value of a header by its names, as it is written.
pub fn header<'a>(text: &'a str, names: [&str; 2]) -> Option<&'a str> {
    let line = |line: &'a str| {
        let (name, value) = line.split_once(':')?;
        names.iter().any(|known| name.trim().eq_ignore_ascii_case(known)).then_some(value.trim())
    };
    text.lines().take_while(|line| !line.is_empty()).find_map(line)
}
