//! Torture by streams: every octet on its own.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use tandem::sip::framing::{StreamDecoder, StreamItem};

use crate::datagrams::options;
use crate::given::{Given, header};
use crate::target::{MAX_MESSAGE, Target};

/// How long nothing may come before the gateway counts as waiting for the rest of a message.
const SILENCE: Duration = Duration::from_secs(2);

/// Opens a connection to a port of the gateway.
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the gateway accepts");
    stream.set_nodelay(true).expect("an option");
    stream.set_read_timeout(Some(SILENCE)).expect("an option");
    stream
}

/// Sends a message octet by octet and an OPTIONS behind it, on a connection of their own.
pub fn ask(target: &Target, port: u16, message: &[u8], number: usize) -> Given {
    if let Some(call_id) = header(&String::from_utf8_lossy(message), ["Call-ID", "i"])
        && !call_id.is_empty()
    {
        // A transaction of the same name must be over, or this is its retransmission.
        target.gateway.reaches("transactions", |transactions| transactions == 0);
    }
    let marker = format!("alive-{port}-{number}");
    let mut stream = connect(port);
    let octets = [message, options("TCP", Ipv4Addr::LOCALHOST, &marker).as_bytes()].concat();
    let mut ear = stream.try_clone().expect("a socket");
    // Answers are read while the rest is written: the kernel forgets what is unread when a connection is reset.
    std::thread::scope(|scope| {
        let given = scope.spawn(|| listen(&mut ear, &marker));
        for octet in octets.chunks(1) {
            // The gateway may have heard enough and closed.
            if stream.write_all(octet).is_err() {
                break;
            }
        }
        given.join().expect("a verdict")
    })
}

/// Reads answers until that to the OPTIONS has come, the connection is closed, or nothing comes.
fn listen(stream: &mut TcpStream, marker: &str) -> Given {
    let mut given = Given { answer: None, closed: false, waits: false };
    let mut decoder = StreamDecoder::new(MAX_MESSAGE);
    let mut buffer = [0; 16_384];
    loop {
        match stream.read(&mut buffer) {
            Ok(octets @ 1..) => decoder.push(&buffer[..octets]).expect("answers are sound"),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                given.waits = given.answer.is_none();
                return given;
            }
            Ok(0) | Err(_) => {
                given.closed = true;
                return given;
            }
        }
        while let Some(item) = decoder.next() {
            let StreamItem::Message(answer) = item.expect("answers are sound") else { continue };
            let answer = String::from_utf8_lossy(&answer).into_owned();
            if header(&answer, ["Call-ID", "i"]) == Some(marker) {
                return given;
            }
            given.answer.get_or_insert(answer);
        }
    }
}

/// Whether the gateway closes the connection, whatever it says before.
pub fn is_closed(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 16_384];
    loop {
        match stream.read(&mut buffer) {
            Ok(1..) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return false,
            Ok(0) | Err(_) => return true,
        }
    }
}

/// Whether an OPTIONS on this connection is answered.
pub fn answers_options(stream: &mut TcpStream) -> bool {
    let marker = "witness";
    stream.write_all(options("TCP", Ipv4Addr::LOCALHOST, marker).as_bytes()).expect("the connection is open");
    let given = listen(stream, marker);
    !given.closed && !given.waits
}
