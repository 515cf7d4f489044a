//! The figures of a run: as JSON for programs, as a table beside the peers' for people.

use super::affinity::Cores;
use super::core::CoreCost;
use super::machine::Machine;
use super::message::MessageCost;
use super::queue::Queue;
use super::signalling::Signalling;
use super::voice::Voice;
use super::{Extent, peers};

/// Everything that was measured. The unit is the end of each key.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    /// The version of the program.
    pub version: &'static str,
    /// What it was measured on.
    pub machine: Machine,
    /// Whether gateway and load had a core each.
    pub pinned: bool,
    /// Whether it was the short run.
    pub quick: bool,
    /// How long it took.
    pub seconds: f64,
    /// Processor time of the gateway for a complete call whose voice goes past it, at `calls_per_s`. Call records and
    /// logs are part of it.
    pub cpu_ms_per_call: f64,
    /// That of the signalling thread alone.
    pub signalling_ms_per_call: f64,
    /// At 50 calls a second, where every message finds the gateway asleep and wakes it.
    pub cpu_ms_per_call_at_50_per_s: f64,
    /// The same at the highest clean rate.
    pub cpu_ms_per_call_at_highest_rate: Option<f64>,
    /// For a call with ports and media legs, but no packets.
    pub cpu_ms_per_anchored_call: f64,
    /// The pure signalling core alone, without sockets, logs and records.
    pub core_us_per_call: f64,
    /// Its heap allocations.
    pub core_allocs_per_call: f64,
    /// Resident memory of a held call.
    pub rss_kib_per_call: f64,
    /// How many were held.
    pub held_calls: usize,
    /// Resident memory before the first call, and when the last one is over.
    pub rss_idle_kib: u64,
    /// See `rss_idle_kib`.
    pub rss_after_burst_kib: u64,
    /// INVITE to 200 without media; SIPp's clock ticks once a millisecond.
    pub setup_ms_p50: f64,
    /// The 99th percentile.
    pub setup_ms_p99: f64,
    /// INVITE to 200 with media anchored, to the microsecond; twenty calls are placed at a time.
    pub anchored_setup_ms_p50: f64,
    /// The 99th percentile.
    pub anchored_setup_ms_p99: f64,
    /// The rate of the moderate run, and its outcome.
    pub calls_per_s: f64,
    /// Complete calls, 0 to 1.
    pub success: f64,
    /// Messages that SIPp sent again.
    pub retransmissions: usize,
    /// The highest rate with 99.9 % of the calls complete and at most 1 % of them with a message sent again. SIPp itself
    /// ends at about 3,000 on one core.
    pub highest_clean_calls_per_s: Option<f64>,
    /// Calls at once with packets of 20 ms both ways.
    pub media_calls: usize,
    /// Processor time of the whole gateway for a packet received and sent on.
    pub cpu_us_per_packet: f64,
    /// That of the media thread alone.
    pub media_us_per_packet: f64,
    /// A bare recv+send loop on the same number of sockets, same load, same run.
    pub bare_us_per_packet: f64,
    /// Packets that did not arrive, 0 to 1.
    pub packet_loss: f64,
    /// Departure to arrival through the gateway, the load's own wake-ups included.
    pub latency_us_p50: f64,
    /// The 99th percentile.
    pub latency_us_p99: f64,
    /// The same through the bare loop.
    pub bare_latency_us_p50: f64,
    /// The 99th percentile.
    pub bare_latency_us_p99: f64,
    /// Caller's INVITE to the INVITE of a free seat.
    pub queue_arrival_ms_p50: f64,
    /// The 99th percentile.
    pub queue_arrival_ms_p99: f64,
    /// Callers who hear music at once.
    pub music_listeners: usize,
    /// What they cost.
    pub music_core_percent: f64,
    /// Framing an 864-octet INVITE.
    pub parse_ns: f64,
    /// Heap allocations of that.
    pub parse_allocs: u64,
    /// Framing, typing six headers, changing one and writing it all.
    pub round_trip_ns: f64,
    /// Heap allocations of that.
    pub round_trip_allocs: u64,
}

/// What a run found, part by part.
pub(super) struct Parts {
    pub machine: Machine,
    pub cores: Cores,
    pub extent: Extent,
    pub seconds: f64,
    pub message: MessageCost,
    pub core: CoreCost,
    pub signalling: Signalling,
    pub voice: Voice,
    pub queue: Queue,
    pub rss_idle_kib: u64,
    pub rss_after_burst_kib: u64,
}

impl From<Parts> for Report {
    fn from(parts: Parts) -> Report {
        let Parts { signalling, voice, queue, message, core, .. } = parts;
        let bypassed = signalling.bypassed;
        Report {
            version: env!("CARGO_PKG_VERSION"),
            machine: parts.machine,
            pinned: parts.cores.are_pinned(),
            quick: parts.extent == Extent::Quick,
            seconds: round(parts.seconds),
            cpu_ms_per_call: round(bypassed.cpu_ms_per_call),
            signalling_ms_per_call: round(bypassed.signalling_ms_per_call),
            cpu_ms_per_call_at_50_per_s: round(signalling.idle.cpu_ms_per_call),
            cpu_ms_per_call_at_highest_rate: signalling.highest.as_ref().map(|cost| round(cost.cpu_ms_per_call)),
            cpu_ms_per_anchored_call: round(signalling.anchored.cpu_ms_per_call),
            core_us_per_call: round(core.us_per_call),
            core_allocs_per_call: round(core.allocations_per_call),
            rss_kib_per_call: round(signalling.rss_kib_per_call),
            held_calls: signalling.held,
            rss_idle_kib: parts.rss_idle_kib,
            rss_after_burst_kib: parts.rss_after_burst_kib,
            setup_ms_p50: round(bypassed.setup_ms_p50),
            setup_ms_p99: round(bypassed.setup_ms_p99),
            anchored_setup_ms_p50: round(voice.setup_ms_p50),
            anchored_setup_ms_p99: round(voice.setup_ms_p99),
            calls_per_s: round(bypassed.calls_per_s),
            success: bypassed.success,
            retransmissions: bypassed.retransmissions,
            highest_clean_calls_per_s: signalling.highest.map(|cost| round(cost.calls_per_s)),
            media_calls: voice.calls,
            cpu_us_per_packet: round(voice.cpu_us_per_packet),
            media_us_per_packet: round(voice.media_us_per_packet),
            bare_us_per_packet: round(voice.bare_us_per_packet),
            packet_loss: voice.relayed.loss(),
            latency_us_p50: round(voice.relayed.latency_us_p50),
            latency_us_p99: round(voice.relayed.latency_us_p99),
            bare_latency_us_p50: round(voice.bare.latency_us_p50),
            bare_latency_us_p99: round(voice.bare.latency_us_p99),
            queue_arrival_ms_p50: round(queue.arrival_ms_p50),
            queue_arrival_ms_p99: round(queue.arrival_ms_p99),
            music_listeners: queue.listeners,
            music_core_percent: round(queue.music_core_percent),
            parse_ns: message.parse_ns.round(),
            parse_allocs: message.parse_allocs,
            round_trip_ns: message.round_trip_ns.round(),
            round_trip_allocs: message.round_trip_allocs,
        }
    }
}

/// To a thousandth: more digits are noise.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

impl Report {
    /// The table for people.
    pub fn table(&self) -> String {
        let mut text = format!("Tandem {} on {}\n\n", self.version, self.machine);
        for line in self.lines() {
            let Line { what, value, peers } = line;
            let line = format!("{what:<46} {value:>14}   {peers}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push_str("\nPeers: ");
        text.push_str(peers::NOTE);
        text.push('\n');
        text
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = self.call_lines();
        lines.extend(self.packet_lines());
        lines.extend(self.queue_lines());
        lines.push(line("parse an 864-octet INVITE, ns", format!("{:.0}", self.parse_ns), ""));
        lines.push(line("  allocations", self.parse_allocs.to_string(), ""));
        lines
    }

    fn call_lines(&self) -> Vec<Line> {
        let highest = self.highest_clean_calls_per_s;
        let call = format!("CPU for a call, media bypassed, {:.0}/s, ms", self.calls_per_s);
        let core = format!("{:.0} ({:.0})", self.core_us_per_call, self.core_allocs_per_call);
        let memory = format!("{} → {}", mebibytes(self.rss_idle_kib), mebibytes(self.rss_after_burst_kib));
        vec![
            line(&call, format!("{:.3}", self.cpu_ms_per_call), peers::CALL_KNEE),
            line("  at 50 calls/s, ms", format!("{:.3}", self.cpu_ms_per_call_at_50_per_s), peers::CALL),
            line("  signalling thread alone, ms", format!("{:.3}", self.signalling_ms_per_call), ""),
            line("  signalling core alone, µs (allocations)", core, ""),
            line(
                "  at the highest clean rate, ms",
                optional(self.cpu_ms_per_call_at_highest_rate, 3),
                peers::CALL_KNEE,
            ),
            line(
                "CPU for a call, media anchored, ms",
                format!("{:.3}", self.cpu_ms_per_anchored_call),
                peers::ANCHORED,
            ),
            line("highest clean rate, calls/s (SIPp ends at 3,000)", optional(highest, 0), peers::RATE),
            line("set-up p50 / p99, ms", format!("{} / {}", self.setup_ms_p50, self.setup_ms_p99), peers::SETUP),
            line("success, % (retransmissions)", format!("{:.2} ({})", self.success * 1e2, self.retransmissions), ""),
            line("memory of a held call, KiB", format!("{:.1}", self.rss_kib_per_call), peers::MEMORY),
            line("memory idle → after the burst, MiB", memory, peers::BURST),
        ]
    }

    fn packet_lines(&self) -> Vec<Line> {
        let latency = format!("{:.0} / {:.0}", self.latency_us_p50, self.latency_us_p99);
        let bare = format!("{:.0} / {:.0}", self.bare_latency_us_p50, self.bare_latency_us_p99);
        let calls = format!("CPU for a relayed packet, {} calls, µs", self.media_calls);
        vec![
            line(&calls, format!("{:.2}", self.cpu_us_per_packet), peers::PACKET),
            line("  media thread alone, µs", format!("{:.2}", self.media_us_per_packet), ""),
            line("  bare recv+send loop, same load, µs", format!("{:.2}", self.bare_us_per_packet), ""),
            line("packet latency p50 / p99, µs", latency, peers::LATENCY),
            line("  bare loop, same load, µs", bare, ""),
            line("packet loss, %", format!("{:.3}", self.packet_loss * 100.0), ""),
        ]
    }

    fn queue_lines(&self) -> Vec<Line> {
        let arrival = format!("{} / {}", self.queue_arrival_ms_p50, self.queue_arrival_ms_p99);
        let music = format!("{} callers hearing music, % of a core", self.music_listeners);
        vec![
            line("queue: arrival to seat's INVITE p50 / p99, ms", arrival, peers::ARRIVAL),
            line(&music, format!("{:.1}", self.music_core_percent), peers::MUSIC),
        ]
    }
}

/// A line of the table.
struct Line {
    what: String,
    value: String,
    peers: &'static str,
}

fn line(what: &str, value: String, peers: &'static str) -> Line {
    Line { what: what.to_owned(), value, peers }
}

fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
}

fn mebibytes(kib: u64) -> String {
    format!("{:.1}", kib as f64 / 1024.0)
}
