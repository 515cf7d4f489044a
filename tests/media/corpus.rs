//! Packets and captures that others made (`rtp` in the shared corpus). Absent in a plain clone: then this says so, and
//! the unit tests of `media::rtp`, `media::rtcp` and `media::dtmf` still cover each rule.

use std::path::PathBuf;

use tandem::media::dtmf::DigitReceiver;
use tandem::media::rtp::{self, Kind, Packet};
use tandem::media::{AudioCodec, g711, rtcp};

/// The files of one folder of the corpus, by name; `None`, said aloud, when there is no corpus.
fn corpus(folder: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let root = std::env::var_os("TANDEM_CORPUS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus")), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(root.join("rtp").join(folder)) else {
        println!("skipped: no corpus at {}", root.display());
        return None;
    };
    let read = |entry: std::fs::DirEntry| {
        (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap())
    };
    let mut files: Vec<_> = entries.flatten().map(read).collect();
    files.sort();
    assert!(!files.is_empty());
    Some(files)
}

/// The UDP payloads of a classic capture of Ethernet or Linux "cooked" frames with IPv4.
fn datagrams(capture: &[u8]) -> Vec<&[u8]> {
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_c3d4, "a little-endian capture");
    let link = match word(20) {
        1 => 14,
        113 => 16,
        other => panic!("link type {other}"),
    };
    let (mut at, mut found) = (24, Vec::new());
    while at + 16 <= capture.len() {
        let len = word(at + 8) as usize;
        let ip = &capture[at + 16..at + 16 + len][link..];
        let header = usize::from(ip[0] & 0x0f) * 4;
        let udp = usize::from(u16::from_be_bytes([ip[header + 4], ip[header + 5]]));
        found.push(&ip[header + 8..header + udp]);
        at += 16 + len;
    }
    found
}

/// Every parser gets the octets as they are and cut at every length.
fn parse_everything(octets: &[u8]) {
    for end in 0..=octets.len().min(400) {
        let cut = &octets[..end];
        if let Ok(Kind::Rtp) = rtp::classify(cut) {
            let packet = Packet::parse(cut).unwrap();
            let _ = DigitReceiver::default().receive(packet.ssrc(), packet.timestamp(), packet.payload());
            for codec in AudioCodec::ALL {
                assert_eq!(g711::decode(codec, packet.payload(), &mut [0; 400]), packet.payload().len());
            }
        }
        rtcp::reports(cut).for_each(|report| assert!(report.blocks.len() <= 31));
    }
}

#[test]
fn no_seed_of_another_projects_fuzzer_panics() {
    for folder in ["pjsip-fuzz-rtp", "pjsip-fuzz-rtcp", "pjsip-fuzz-audio"] {
        for (name, octets) in corpus(folder).into_iter().flatten() {
            println!("{name}: {:?}", rtp::classify(&octets));
            parse_everything(&octets);
        }
    }
}

#[test]
fn the_keys_of_real_captures_are_each_read_once() {
    for (name, capture) in corpus("sipp-pcap").into_iter().flatten() {
        let packets = datagrams(&capture);
        assert!(packets.iter().all(|packet| rtp::classify(packet) == Ok(Kind::Rtp)), "{name}");
        let Some(key) = name.strip_prefix("dtmf_2833_") else { continue };
        let mut receiver = DigitReceiver::default();
        let digits: String = packets
            .iter()
            .map(|packet| Packet::parse(packet).unwrap())
            .filter_map(|packet| receiver.receive(packet.ssrc(), packet.timestamp(), packet.payload()))
            .collect();
        let expected = match key.trim_end_matches(".pcap") {
            "star" => "*",
            "pound" => "#",
            digit => digit,
        };
        assert_eq!(digits, expected, "{name}");
    }
}
