//! The media plane: RTP between the two legs of a call, music for a caller who waits, and the pieces a reference
//! endpoint needs to speak and to listen.
//!
//! ```text
//! driver ── MediaCommand ──► MediaHandle ──► worker (OS thread, owns its legs) ──► relay (pure: where to, or why not)
//!    ▲                                          │   └─► music (frames encoded once, shared by every listener)
//!    └────────── MediaEvent ◄───────────────────┘
//! ```
//!
//! Pure, and leaves of the dependency graph: [`contract`], [`port_pool`], [`rtp`], [`rtcp`], [`dtmf`], [`g711`], [`tone`],
//! [`music`], [`latch`], [`relay`]. Shells: [`worker`] (threads, sockets) and [`client`] (tokio). `docs/media.md`
//! explains the rules, `docs/adr/0002-media-workers.md` why they are so.

pub mod client;
pub mod contract;
pub mod dtmf;
pub mod g711;
pub mod latch;
mod melody;
pub mod music;
pub mod port_pool;
pub mod relay;
pub mod rtcp;
pub mod rtp;
mod splice;
pub mod tone;
pub mod worker;

pub use contract::{AudioCodec, LegStats, MediaCommand, MediaEvent, MediaLegId, PromptId};
pub use port_pool::PortPool;
pub use worker::{EventSink, MediaHandle, MediaSettings, MediaWorkers, SendError, StartError};

/// Samples per second of every audio stream handled here (G.711, RFC 3551 §4.5.14).
pub const SAMPLE_RATE: u32 = 8_000;
/// Samples in one packet: 20 ms at [`SAMPLE_RATE`], the default packet time of RFC 3551 §4.2.
pub const FRAME_SAMPLES: usize = 160;
/// Milliseconds of sound in one packet.
pub const FRAME_MS: u64 = 20;
