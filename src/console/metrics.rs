//! The figures, by name.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::driver::Status;

/// What a figure is to Prometheus.
#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

/// Every figure: its name, what kind it is, its value.
fn figures(status: &Status) -> Vec<(&'static str, Kind, u64)> {
    use Kind::{Counter, Gauge};
    let census = &status.census;
    let gauge = |name, value: usize| (name, Gauge, value as u64);
    vec![
        gauge("calls", census.calls),
        gauge("legs", census.legs),
        gauge("transactions", census.transactions),
        gauge("pending_requests", census.pending),
        gauge("media_ports", census.ports),
        gauge("callers_waiting", census.waiting),
        gauge("callers_in_queues", census.queued),
        gauge("seats_leased", census.leases),
        gauge("messages_in_flight", census.messages),
        gauge("media_legs", status.media_legs),
        gauge("media_listeners", status.media_listeners),
        ("sip_messages_received_total", Counter, status.sip.received),
        ("sip_messages_sent_total", Counter, status.sip.transmitted),
        ("sip_unparseable_total", Counter, status.sip.unparseable),
        ("sip_malformed_total", Counter, status.sip.malformed),
        ("sip_stray_responses_total", Counter, status.sip.stray_responses),
        ("sip_unknown_dialog_total", Counter, status.sip.unknown_dialog),
        ("sip_overload_total", Counter, status.sip.overload),
        ("screen_uncorrelated_total", Counter, status.uncorrelated),
        ("sip_connections", Gauge, status.net.connections_now),
        ("sip_connections_refused_total", Counter, status.net.connections_refused),
        ("sip_datagrams_dropped_total", Counter, status.net.datagrams_dropped_in),
        ("sip_oversize_total", Counter, status.net.oversize),
        ("sip_framing_errors_total", Counter, status.net.framing_errors),
        ("panics_total", Counter, status.panics),
        ("records_written_total", Counter, status.store.written),
        ("records_spilled_total", Counter, status.store.spilled),
        ("records_lost_total", Counter, status.store.lost),
    ]
}

/// As one JSON object.
pub(super) fn json(status: &Status) -> Value {
    let entries = figures(status).into_iter().map(|(name, _, value)| (name.to_owned(), Value::from(value)));
    Value::Object(entries.collect::<Map<_, _>>())
}

/// In Prometheus' text format.
pub(super) fn text(status: &Status) -> String {
    let mut text = String::new();
    for (name, kind, value) in figures(status) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        // Writing into a String cannot fail.
        let _ = writeln!(text, "# TYPE tandem_{name} {kind}\ntandem_{name} {value}");
    }
    text
}
