//! The messages that others wrote: RFC 4475, RFC 5118, and a folder of adversarial ones.

use std::path::{Path, PathBuf};

/// One message of the corpus.
pub struct Row {
    /// Its path in the corpus.
    pub path: String,
    /// The verdict that it deserves: see `Given::satisfies`.
    pub required: String,
    /// The RFC's section, or what it is about.
    pub source: String,
    /// The message as it is sent.
    pub octets: Vec<u8>,
}

/// What the adversarial messages deserve, by name; the others there deserve 400.
const SOUND: [&str; 10] =
    ["binbody", "invite800.sip", "latin1", "star.sip", "tel.sip", "v6.sip", "cl-ok", "cl-none", "cl-space", "cl-zeros"];

/// Every message, or nothing and a word about it.
pub fn read() -> Vec<Row> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus").into();
    let folder = std::env::var_os("TANDEM_CORPUS").map_or(default, PathBuf::from);
    let Ok(manifest) = std::fs::read_to_string(folder.join("MANIFEST.tsv")) else {
        println!("skipped: no corpus at {}; set TANDEM_CORPUS. Our own cases run all the same.", folder.display());
        return Vec::new();
    };
    let mut rows: Vec<Row> = manifest.lines().skip(1).filter_map(|line| row(&folder, line)).collect();
    for sub in ["", "content-length", "tel"] {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("own-adversarial").join(sub))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        rows.extend(files.iter().map(|file| adversarial(&folder, file)));
    }
    assert!(rows.len() >= 80, "the corpus is whole");
    rows
}

fn row(folder: &Path, line: &str) -> Option<Row> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [path, required, note] = [columns.first()?, columns.get(8)?, columns.get(9)?];
    if !path.starts_with("sip/rfc") {
        return None;
    }
    let octets = std::fs::read(folder.join(path)).expect("a file of the corpus");
    let octets = if path.contains("rfc5118") { repaired(&octets) } else { octets };
    // "RFC 4475 3.1.1.8 …": the number and the section are enough.
    let source: Vec<&str> = note.split([' ', ';']).take(3).collect();
    let source = source.join(" ").trim_end_matches(" -").to_owned();
    Some(Row { path: (*path).to_owned(), required: (*required).to_owned(), source, octets })
}

fn adversarial(folder: &Path, file: &Path) -> Row {
    let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
    let required = if SOUND.contains(&name) { "parse-ok" } else { "reject-400" }.to_owned();
    let path = file.strip_prefix(folder).expect("in the corpus").display().to_string();
    Row { path, required, source: "adversarial".to_owned(), octets: std::fs::read(file).expect("a file") }
}

/// RFC 5118's files are LF-only and three declare a wrong Content-Length: CRLF, an empty line and the right length.
fn repaired(octets: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(octets.to_vec()).expect("text").replace("\r\n", "\n").replace('\n', "\r\n");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.trim_end(), ""));
    let line = |line: &str| match line.starts_with("Content-Length") {
        true => format!("Content-Length: {}", body.len()),
        false => line.to_owned(),
    };
    let head: Vec<String> = head.lines().map(line).collect();
    format!("{}\r\n\r\n{body}", head.join("\r\n")).into_bytes()
}
