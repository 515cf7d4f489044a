//! `tandem cdr`: the call records, for people and for programs.

use std::collections::BTreeMap;
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::store::{Bearer, CallFilter, CallRecord, Carried, Store, StoreError};

use super::table::{Column, render, terminal_width};

/// What to print.
#[derive(Clone, Debug)]
pub struct CdrOptions {
    /// The database: `sqlite://PATH`.
    pub url: String,
    /// At most so many calls, the newest.
    pub limit: u32,
    /// One JSON object a line instead of a table.
    pub json: bool,
    /// Only the call with this SIP `Call-ID` on any leg, or with this key or its first 8 digits or more.
    pub call_id: Option<String>,
    /// Numbers and device identities in full.
    pub reveal: bool,
}

/// `tandem cdr`'s arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: super::ConfigFile,
    /// Calls at most, the newest.
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: u32,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    /// Only the call with this SIP Call-ID on any leg, or with this record id or its first 8 digits or more.
    #[arg(long, value_name = "ID")]
    call_id: Option<String>,
    /// Numbers and device identities in full.
    #[arg(long)]
    reveal: bool,
}

/// Finds the database by the configuration and prints.
pub async fn main(args: &Args) -> ExitCode {
    let config = match crate::config::Config::load(&args.config.config) {
        Ok(config) => config,
        Err(errors) => return super::fail(&errors),
    };
    let (url, limit, json, reveal) = (config.store.url, args.limit, args.json, args.reveal);
    run(&CdrOptions { url, limit, json, call_id: args.call_id.clone(), reveal }).await
}

/// Prints the calls on stdout.
pub async fn run(options: &CdrOptions) -> ExitCode {
    match text(options, terminal_width()).await {
        Ok(text) => super::print(&text),
        Err(error) => super::fail(&format_args!("{}: {error}", options.url)),
    }
}

async fn text(options: &CdrOptions, width: usize) -> Result<String, StoreError> {
    let store = Store::open_existing(&options.url).await?;
    let filter = CallFilter { limit: options.limit, call_id: options.call_id.clone() };
    let mut calls = store.calls(&filter).await?;
    if !options.reveal {
        calls.iter_mut().for_each(mask);
    }
    if options.json {
        let lines = calls.iter().map(|call| serde_json::to_string(call).unwrap_or_default() + "\n");
        return Ok(lines.collect());
    }
    let shown = if calls.is_empty() { "no calls\n".to_owned() } else { table(&calls, &TimeZone::system(), width) };
    Ok(format!("{shown}\n{}\n", toll(&store.carried().await?)))
}

fn table(calls: &[CallRecord], zone: &TimeZone, width: usize) -> String {
    const fn column(title: &'static str, is_right: bool, rank: u8) -> Column {
        Column { title, is_right, rank }
    }
    const COLUMNS: &[Column] = &[
        column("STARTED", false, 0),
        column("BEARER", false, 0),
        column("OUTCOME", false, 0),
        column("QUEUE", false, 1),
        column("SEAT", false, 2),
        column("CALLER", false, 3),
        column("WAIT", true, 4),
        column("TALK", true, 1),
        column("SETUP", true, 7),
        column("TO SEAT", true, 5),
        column("TO PHONE", true, 5),
        column("REFUSED", true, 9),
        column("CONFIRMED", false, 6),
        column("SIP", true, 7),
        column("ENDED BY", false, 8),
        column("CALL", false, 4),
    ];
    let rows: Vec<Vec<String>> = calls.iter().map(|call| row(call, zone)).collect();
    render(COLUMNS, &rows, width)
}

fn row(call: &CallRecord, zone: &TimeZone) -> Vec<String> {
    let optional = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let device = &call.device;
    let caller = device.number.as_ref().or(device.imei.as_ref()).or(device.uuid.as_ref());
    vec![
        started(call.started_unix_ms, zone),
        call.bearer.as_str().to_owned(),
        call.outcome.clone(),
        optional(&call.queue),
        optional(&call.seat),
        caller.cloned().unwrap_or_else(|| "-".to_owned()),
        clock(call.wait_ms),
        clock(call.talk_ms),
        call.setup_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
        call.frames_to_seat.to_string(),
        call.frames_to_phone.to_string(),
        call.frames_refused.to_string(),
        confirmed(call),
        call.sip_status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
        call.hangup_by.map_or_else(|| "-".to_owned(), |party| party.as_str().to_owned()),
        call.id.chars().take(8).collect(),
    ]
}

/// The answers in the order of the questions; `?` where there was none.
fn confirmed(call: &CallRecord) -> String {
    let answers = call.confirmations.iter().map(|confirmation| match confirmation.answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    });
    let answers = answers.collect::<Vec<_>>().join(" ");
    if answers.is_empty() { "-".to_owned() } else { answers }
}

fn started(unix_ms: u64, zone: &TimeZone) -> String {
    let moment = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    moment.map_or_else(
        || "-".to_owned(),
        |moment| moment.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// Minutes and seconds, rounded to the nearest second.
fn clock(ms: u64) -> String {
    let seconds = ms.saturating_add(500) / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// What the method is for: minutes that needed no 400 number.
fn toll(carried: &BTreeMap<Bearer, Carried>) -> String {
    let of = |bearer: Bearer| carried.get(&bearer).copied().unwrap_or_default();
    let (wifi, pstn, trunk) = (of(Bearer::Wifi), of(Bearer::Pstn), of(Bearer::Trunk));
    let paid = Carried { calls: pstn.calls + trunk.calls, talk_ms: pstn.talk_ms + trunk.talk_ms };
    let minutes = |carried: Carried| carried.talk_ms as f64 / 60_000.0;
    let line = format!(
        "toll: Wi-Fi {:.1} min in {} calls, 400 number {:.1} min in {} calls",
        minutes(wifi),
        wifi.calls,
        minutes(paid),
        paid.calls
    );
    match wifi.talk_ms + paid.talk_ms {
        0 => line,
        all => format!("{line}; {:.0} % of the minutes needed no 400 number", wifi.talk_ms as f64 * 100.0 / all as f64),
    }
}

/// Leaves of a number what tells calls apart and not people: the first three and the last two digits. An IMEI keeps its
/// type allocation code (the model of phone); a UUID keeps eight digits.
fn mask(call: &mut CallRecord) {
    let device = &mut call.device;
    for (text, first, last) in [(&mut device.number, 3, 2), (&mut device.imei, 8, 0), (&mut device.uuid, 8, 0)] {
        if let Some(text) = text {
            *text = masked(text, first, last);
        }
    }
}

fn masked(text: &str, first: usize, last: usize) -> String {
    let length = text.chars().count();
    // What is too short to be covered in its middle is covered as a whole.
    let (first, last) = if length >= first + last + 3 { (first, last) } else { (0, 0) };
    let covered = |(index, c)| if index < first || index + last >= length { c } else { '*' };
    text.chars().enumerate().map(covered).collect()
}

#[cfg(test)]
mod tests;
