//! The SIP message layer alone: an 864-octet INVITE framed, typed, checked and written again.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;

use super::{Extent, allocations};
use crate::sip::message::{HeaderName, Message, ParseError};

/// What handling one message costs.
#[derive(Clone, Copy, Debug)]
pub struct MessageCost {
    /// `Message::parse_datagram`, nanoseconds.
    pub parse_ns: f64,
    /// Its heap allocations, the buffer that the socket filled not counted.
    pub parse_allocs: u64,
    /// Parsing, typing Via, From, To, CSeq, Contact and Call-ID, changing one header and writing it all, nanoseconds.
    pub round_trip_ns: f64,
    /// The allocations of that.
    pub round_trip_allocs: u64,
}

const HEAD: &str = "INVITE sip:flights@gw.example.net;transport=udp SIP/2.0\r\n\
Via: SIP/2.0/UDP 198.51.100.23:5060;branch=z9hG4bK-71c2a90e5d3f;rport\r\n\
Max-Forwards: 70\r\n\
From: \"Desk Phone 17\" <sip:1017@gw.example.net>;tag=5e0c19af\r\n\
To: <sip:flights@gw.example.net>\r\n\
Call-ID: 0b9c5f7e-3f61-4c52-9a7d-f14be2a77c10@198.51.100.23\r\n\
CSeq: 31415 INVITE\r\n\
Contact: <sip:1017@198.51.100.23:5060;transport=udp>\r\n\
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, MESSAGE\r\n\
Supported: timer, 100rel, replaces\r\n\
Session-Expires: 1800\r\n\
User-Agent: BenchPhone/1.0 (ref. 1)\r\n\
Content-Type: application/sdp\r\n";

const SDP: &str = "v=0\r\no=- 2718281828 1 IN IP4 198.51.100.23\r\ns=-\r\nc=IN IP4 198.51.100.23\r\nt=0 0\r\n\
m=audio 40404 RTP/AVP 111 8 0 101\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n";

/// Measures on the calling thread.
pub fn measure(extent: Extent) -> MessageCost {
    let text = format!("{HEAD}Content-Length: {}\r\n\r\n{SDP}", SDP.len());
    // As the socket delivers it: a vector that becomes shared, which costs its allocation once a message.
    let fresh = || Bytes::from(text.clone().into_bytes());
    let octets = fresh();
    let arrival = allocations::of(fresh);
    let rounds = match extent {
        Extent::Full => 2_000,
        Extent::Quick => 500,
    };
    MessageCost {
        parse_ns: nanoseconds(rounds, || Message::parse_datagram(octets.clone())),
        parse_allocs: allocations::of(|| Message::parse_datagram(fresh())) - arrival,
        round_trip_ns: nanoseconds(rounds, || round_trip(&octets)),
        round_trip_allocs: allocations::of(|| round_trip(&fresh())) - arrival,
    }
}

fn round_trip(octets: &Bytes) -> Result<Bytes, ParseError> {
    let mut message = Message::parse_datagram(octets.clone())?;
    let headers = message.headers();
    black_box((
        headers.via()?,
        headers.from()?,
        headers.to()?,
        headers.cseq()?,
        headers.contacts()?,
        headers.call_id()?,
    ));
    message.headers_mut().set(HeaderName::MaxForwards, Bytes::from_static(b"69"));
    Ok(message.to_bytes())
}

/// One run, the best of many short rounds: other work on the machine only ever makes a round slower.
fn nanoseconds<T>(rounds: u32, run: impl Fn() -> T) -> f64 {
    const RUNS: u32 = 200;
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..RUNS {
            black_box(run());
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(RUNS));
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::validate;

    #[test]
    fn the_measured_message_is_a_valid_invite() {
        let text = format!("{HEAD}Content-Length: {}\r\n\r\n{SDP}", SDP.len());
        let message = Message::parse_datagram(Bytes::from(text)).unwrap();
        assert_eq!(message.to_bytes().len(), 864);
        validate(&message).unwrap();
        let written = round_trip(&message.to_bytes()).unwrap();
        assert!(written.windows(18).any(|octets| octets == b"Max-Forwards: 69\r\n"));
    }
}
