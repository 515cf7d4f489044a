//! Call records, as `tandem cdr --json` prints them.

use std::process::Command;

use serde_json::Value;

use crate::gateway::Gateway;
use crate::patience::until;

/// Waits until there are `count` records and returns them, the newest first.
pub fn records(gateway: &Gateway, count: usize) -> Vec<Value> {
    until("call records", || Some(read(gateway)).filter(|rows| rows.len() >= count))
}

fn read(gateway: &Gateway) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(["cdr", "--json", "--config"]).arg(gateway.config()).current_dir(gateway.directory.path());
    let output = command.output().expect("tandem cdr runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
