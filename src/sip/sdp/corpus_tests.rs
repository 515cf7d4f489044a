//! Descriptions that this project did not write: every one is read or refused, never a panic, and what is read prints
//! to something that reads the same.

use std::path::{Path, PathBuf};

use super::{Codec, Direction, LocalMedia, ScreenLine, SessionDescription, answer, reoffer, select};

fn corpus() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
    let root = std::env::var_os("TANDEM_CORPUS").map_or_else(|| PathBuf::from(default), PathBuf::from).join("sdp");
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: {} is not there; set TANDEM_CORPUS", root.display());
    None
}

fn files(set: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(set)
        .expect("a corpus set")
        .map(|entry| entry.expect("a directory entry").path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("a corpus file")))
        .collect();
    files.sort();
    files
}

/// Everything that a gateway does with a description it could read.
fn exercise(name: &str, description: &SessionDescription) {
    let printed = description.to_string();
    let again = SessionDescription::parse(printed.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}\n{printed}"));
    assert_eq!(again.to_string(), printed, "{name}");
    for media in &description.media {
        Codec::list(media);
        media.rtcp_address(description);
        ScreenLine::read(media, description);
        Direction::of(media, description);
    }
    let codecs = vec![Codec::pcma(), Codec::pcmu(), Codec::telephony_event(101)];
    let local = LocalMedia::new([192, 0, 2, 1].into(), 40000, codecs);
    if let Ok((ours, agreed)) = answer(description, &local) {
        assert_eq!(ours.media.len(), description.media.len(), "{name}");
        assert_eq!(ours.media.iter().filter(|m| m.port != 0).count(), 1, "{name}");
        let theirs = select(description, &ours).unwrap_or_else(|e| panic!("{name}: {e}\n{ours}"));
        assert_eq!(theirs.audio.codec.payload_type, agreed.audio.codec.payload_type, "{name}");
        assert_eq!(reoffer(&ours, &local).media.len(), ours.media.len(), "{name}");
    }
}

#[test]
fn every_seed_is_read_or_refused() {
    let Some(root) = corpus() else { return };
    for set in ["pjsip-fuzz-sdes", "pjsip-fuzz-sdp", "pjsip-sdp_neg", "sdp-transform"] {
        for (name, bytes) in files(&root.join(set)) {
            if let Ok(description) = SessionDescription::parse(&bytes) {
                exercise(&name, &description);
            }
            for cut in 0..bytes.len() {
                let _ = SessionDescription::parse(&bytes[..cut]);
            }
        }
    }
}

#[test]
fn real_descriptions_are_read() {
    let Some(root) = corpus() else { return };
    for set in ["pjsip-sdp_neg", "sdp-transform"] {
        for (name, bytes) in files(&root.join(set)) {
            SessionDescription::parse(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}
