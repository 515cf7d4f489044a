//! RFC 3261 §17 transactions, with the Accepted states of RFC 6026.
//!
//! [`Transactions`] holds every transaction of one user agent. A message from the wire goes in by
//! [`Transactions::receive`], which says what it means to the transaction user (TU); requests and responses of the TU go
//! out by [`Transactions::request`] and [`Transactions::respond`]. What is to be sent or told comes out of
//! [`Transactions::poll_output`]. One heap holds all timers; the owner calls [`Transactions::handle_timeout`] at
//! [`Transactions::poll_timeout`].
//!
//! ```text
//! table ─► clients ─► client_invite, client_non_invite ─┐
//!      └─► servers ─► server_invite, server_non_invite ─┴─► step ─► timer
//! ```
//!
//! Not here: the retransmission of a 2xx by the UAS core (§13.3.1.4) and the ACK for a 2xx by the UAC core (§13.2.2.4)
//! belong to the dialog; what to do when a CANCEL goes unheeded (§9.1) to whoever sent it, by
//! [`Transactions::abandon`]. `docs/transactions.md` has the four diagrams.

mod client_invite;
mod client_non_invite;
mod clients;
mod companion;
mod key;
mod refusal;
mod server_invite;
mod server_non_invite;
mod servers;
mod step;
mod table;
#[cfg(test)]
mod tests;
mod timer;

use bytes::Bytes;

use super::Flow;
use super::message::{Request, Response};

pub use companion::cancel;
pub use table::Transactions;
pub use timer::TimerConfig;

/// A client transaction of one [`Transactions`]; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientTx(u64);

/// A server transaction of one [`Transactions`]; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerTx(u64);

/// What a message from the wire means to the transaction user.
#[derive(Debug)]
pub enum Received {
    /// Nothing: a retransmission, an ACK for a failure, a refused or merged request.
    Absorbed,
    /// A new request; answer it through `tx`.
    NewRequest {
        /// The transaction that it opened.
        tx: ServerTx,
        /// The request.
        request: Request,
        /// Where it came from.
        flow: Flow,
    },
    /// An ACK for a 2xx, or one that acknowledges nothing known here (drop it then).
    Ack {
        /// The ACK.
        request: Request,
        /// Where it came from.
        flow: Flow,
    },
    /// A CANCEL. Answer it through `cancel_tx`: 200 when it found its INVITE, 481 when not (RFC 3261 §9.2); the INVITE, if
    /// not answered finally, gets its 487 from the TU.
    Cancel {
        /// The CANCEL's own transaction.
        cancel_tx: ServerTx,
        /// The INVITE that it means, even when that is answered already.
        invite: Option<ServerTx>,
        /// The CANCEL.
        request: Request,
        /// Where it came from.
        flow: Flow,
    },
    /// A response to a request of ours. For an INVITE there may be several 2xx: retransmitted, or from several branches
    /// (RFC 6026 §7.2); each wants its ACK.
    Response {
        /// The transaction that it answers.
        tx: ClientTx,
        /// The response.
        response: Response,
    },
    /// A response that answers nothing known here, such as a 2xx after the transaction has ended.
    StrayResponse {
        /// The response.
        response: Response,
        /// Where it came from.
        flow: Flow,
    },
}

/// What a table wants done or known.
///
/// A client transaction gives the TU exactly one of: a final response, [`TxOutput::Timeout`],
/// [`TxOutput::TransportError`], or nothing when it was abandoned; then exactly one [`TxOutput::Terminated`]. A server
/// transaction that the TU was given ends with exactly one [`TxOutput::ServerTerminated`].
#[derive(Debug)]
pub enum TxOutput {
    /// Send `bytes` on `flow`.
    Transmit {
        /// The way.
        flow: Flow,
        /// One whole message.
        bytes: Bytes,
    },
    /// Nobody answered (timer B or F): to be treated as a 408 (RFC 3261 §8.1.3.1).
    Timeout {
        /// The transaction.
        tx: ClientTx,
    },
    /// The request could not be carried: to be treated as a 503 (RFC 3261 §8.1.3.1).
    TransportError {
        /// The transaction.
        tx: ClientTx,
    },
    /// The client transaction is over and forgotten.
    Terminated {
        /// The transaction.
        tx: ClientTx,
    },
    /// The server transaction is over and forgotten.
    ServerTerminated {
        /// The transaction.
        tx: ServerTx,
    },
    /// Nobody acknowledged a failure response (timer H); the call is over all the same.
    AckTimeout {
        /// The transaction.
        tx: ServerTx,
    },
}
