//! Rules of the code itself: which layer may use which, and who may import the wrapped crates.

mod architecture;
mod private_logs;
mod wrapped_crates;

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below `src/`, with its path from there.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 50, "src/ was not found where it should be");
    found
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).expect("a directory of src/ can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file is UTF-8");
            found.push((path.strip_prefix(root).expect("below src/").to_owned(), text));
        }
    }
}

/// The code of a file: comment lines left out.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}
