//! A crate whose meaning we had to correct is imported in one place only.

use super::{code, sources};

/// Crate, and the folder that alone may name it.
const WRAPPED: &[(&str, &str)] = &[
    ("rsip::", "sip/message"),
    ("rtp_rs::", "media/rtp"),
    ("audiopus::", "media/transcode"),
    ("audio_codec_algorithms::", "media/g711"),
    ("chromiumoxide::", "simulator"),
    ("sqlx::", "store"),
];

#[test]
fn wrapped_crates_stay_wrapped() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (name, home) in WRAPPED {
            if !path.starts_with(home)
                && !path.starts_with(format!("{home}.rs"))
                && code(&text).any(|line| line.contains(name))
            {
                faults.push(format!("src/{} names {name} which belongs to src/{home}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
