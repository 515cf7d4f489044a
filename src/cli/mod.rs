//! The commands that print something and end.

mod arguments;
pub mod bench;
pub mod carrier;
pub mod cdr;
pub mod check;
mod client;
pub mod demo;
pub mod handset;
mod lifeline;
pub mod seat;
pub mod site;
mod table;

pub use arguments::ConfigFile;
pub use lifeline::end_with_stdin;

use std::io::{self, Write};
use std::process::ExitCode;

/// Prints to stdout; a reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Says why on stderr.
fn fail(reason: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("tandem: {reason}");
    ExitCode::FAILURE
}
