//! What the judge and the ladder read off a message: a few lines of it, without a parser that could share a fault with
//! the one under test.

use std::str;

/// The lines of one SIP message that matter here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wire<'a> {
    /// The first line.
    pub start: &'a str,
    pub call_id: &'a str,
    /// `1 INVITE`
    pub cseq: &'a str,
    pub session_id: Option<&'a str>,
    pub has_retry_after: bool,
    pub has_challenge: bool,
    /// The RTP port of the first audio stream.
    pub audio_port: Option<u16>,
    /// The `o=` line of a description.
    pub origin: &'a str,
    /// Everything before the body.
    pub head: &'a str,
    pub body: &'a str,
}

impl<'a> Wire<'a> {
    pub fn read(bytes: &'a [u8]) -> Wire<'a> {
        let text = str::from_utf8(bytes).expect("we write UTF-8 only");
        let (head, body) = text.split_once("\r\n\r\n").expect("every message has an empty line");
        let mut lines = head.split("\r\n");
        let mut wire = Wire { start: lines.next().unwrap_or_default(), head, body, ..Wire::default() };
        for line in lines {
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name {
                "Call-ID" => wire.call_id = value,
                "CSeq" => wire.cseq = value,
                "Session-ID" => wire.session_id = Some(value),
                "Retry-After" => wire.has_retry_after = true,
                "WWW-Authenticate" => wire.has_challenge = true,
                _ => {}
            }
        }
        if let Some(at) = body.find("m=audio ") {
            let port = body[at + 8..].split(' ').next().unwrap_or_default();
            wire.audio_port = port.parse().ok();
            wire.origin = body.split("\r\n").find(|line| line.starts_with("o=")).unwrap_or_default();
        }
        wire
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The number of its CSeq.
    pub fn cseq_number(&self) -> u32 {
        self.cseq.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Whether it answers an INVITE.
    pub fn answers_invite(&self) -> bool {
        self.cseq.ends_with(" INVITE")
    }
}
