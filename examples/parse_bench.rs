//! Measures the SIP message layer: one line of JSON on stdout. Run it with `--release`.
//!
//! `parse_ns` and `parse_allocs` are for `Message::parse_datagram` of an 864-octet INVITE; `roundtrip_ns` adds typing Via, From,
//! To, CSeq, Contact and Call-ID, one header of our own and writing the message anew. Best of several rounds, because
//! other work on the machine only ever makes a round slower.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tandem::sip::message::{HeaderName, Message, validate};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system allocator unchanged; only a counter is added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

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

fn parse(octets: &Bytes) -> Message {
    Message::parse_datagram(octets.clone()).expect("a well-formed INVITE")
}

fn round_trip(octets: &Bytes) -> Bytes {
    let mut message = parse(octets);
    let headers = message.headers();
    black_box(headers.via().expect("Via"));
    black_box(headers.from().expect("From"));
    black_box(headers.to().expect("To"));
    black_box(headers.cseq().expect("CSeq"));
    black_box(headers.contacts().expect("Contact"));
    black_box(headers.call_id().expect("Call-ID"));
    message.headers_mut().set(HeaderName::MaxForwards, Bytes::from_static(b"69"));
    message.to_bytes()
}

/// Nanoseconds of one `run`, the best of many short rounds: a short one often runs undisturbed.
fn nanoseconds<T>(run: impl Fn() -> T) -> f64 {
    const ROUNDS: u32 = 2_000;
    const RUNS: u32 = 200;
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..RUNS {
            black_box(run());
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(RUNS));
    }
    best
}

fn allocations<T>(run: impl Fn() -> T) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    black_box(run());
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

fn main() {
    let text = format!("{HEAD}Content-Length: {}\r\n\r\n{SDP}", SDP.len());
    // As the socket delivers it: a vector that becomes shared, which costs its allocation once a message.
    let fresh = || Bytes::from(text.clone().into_bytes());
    let octets = fresh();
    let message = parse(&octets);
    validate(&message).expect("a valid INVITE");
    let copy = allocations(fresh);
    println!(
        "{{\"octets\":{},\"parse_ns\":{:.0},\"parse_allocs\":{},\"roundtrip_ns\":{:.0},\"roundtrip_allocs\":{},\"validate_ns\":{:.0}}}",
        octets.len(),
        nanoseconds(|| parse(&octets)),
        allocations(|| parse(&fresh())) - copy,
        nanoseconds(|| round_trip(&octets)),
        allocations(|| round_trip(&fresh())) - copy,
        nanoseconds(|| validate(&message)),
    );
}
