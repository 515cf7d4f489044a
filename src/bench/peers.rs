//! What others need for the same, for the table. Not measured in this run: on another two-core machine (Linux 6.18,
//! Debian 12, 2026-11-22), one core for the peer, one for the load; `docs/performance.md` has the whole tables.

/// Where these figures come from.
pub(super) const NOTE: &str = "measured elsewhere, on a two-core virtual machine on 2026-11-22, not in this run: \
FreeSWITCH 1.11.2-dev, Asterisk 22.10,\nrustpbx 0.5.0-rc.1, Kamailio 5.6.3 (a proxy: no dialogs, no media), rtpengine 26.0. \
Compare ratios, not absolutes.";

pub(super) const CALL: &str = "Kamailio 0.92, Asterisk 2.9 (anchored), rustpbx 5.8, FreeSWITCH 5.9 ";
pub(super) const CALL_KNEE: &str = "Kamailio 0.38, Asterisk 2.07 (anchored), rustpbx 4.1, FreeSWITCH 5.7";
pub(super) const ANCHORED: &str = "Asterisk 2.9, rustpbx 7.2, FreeSWITCH 10.4";
pub(super) const RATE: &str = "Kamailio 1950, Asterisk 400, rustpbx 195–244, FreeSWITCH 156";
pub(super) const SETUP: &str = "Kamailio <1 / 4, Asterisk 2–4 / 8, rustpbx 4 / 8, FreeSWITCH 44 / 48";
pub(super) const MEMORY: &str = "rustpbx 255, Asterisk 290, FreeSWITCH 504";
pub(super) const BURST: &str = "Asterisk 56 → 224, rustpbx 33 → 1500";
pub(super) const PACKET: &str = "rtpengine 11.0, rustpbx 21.8, Asterisk 25.3, FreeSWITCH 35";
pub(super) const LATENCY: &str = "rtpengine 50 / 250, rustpbx 80 / 330, Asterisk 90 / 1400, FreeSWITCH 20000+";
pub(super) const ARRIVAL: &str = "Asterisk 1.4 / 2.1, FreeSWITCH 72 / 121";
pub(super) const MUSIC: &str = "with 300 callers: Asterisk 50, FreeSWITCH 69";
