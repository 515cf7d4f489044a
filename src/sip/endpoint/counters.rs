//! What an endpoint counted.

/// Totals since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages received, whatever became of them.
    pub received: u64,
    /// Messages sent, retransmissions included.
    pub transmitted: u64,
    /// Input that is no SIP message and was dropped.
    pub unparseable: u64,
    /// Requests refused because the message breaks the grammar or its own declarations (400, 416, 505 …).
    pub malformed: u64,
    /// Responses dropped because they are malformed or answer nothing of ours.
    pub stray_responses: u64,
    /// Requests of dialogs nobody here knows (481).
    pub unknown_dialog: u64,
    /// Requests refused because a limit was reached (503).
    pub overload: u64,
}
