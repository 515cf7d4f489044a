//! The shell of the relay: a fixed number of OS threads, each owning its legs, their sockets and their listeners.
//!
//! A thread never waits for anybody: orders come over a bounded channel that refuses when full, reports leave through
//! an [`EventSink`] that may refuse, and a datagram that the kernel does not take at once is lost, as datagrams are.
//! `docs/adr/0002-media-workers.md` says why it is `epoll` level-triggered and not something else.
#![allow(clippy::disallowed_methods)] // a shell: threads with a clock of their own

mod event_loop;
mod outbox;
mod player;
mod sockets;

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use thiserror::Error;

use super::contract::{MediaCommand, MediaLegId};
use super::music::Prompt;
use event_loop::Worker;
pub use outbox::EventSink;

/// Orders that may wait for one worker.
const ORDERS: usize = 4_096;

/// What the workers need to know.
#[derive(Clone, Debug)]
pub struct MediaSettings {
    /// The local address of every media socket.
    pub address: IpAddr,
    /// How many threads; at least one is started.
    pub workers: usize,
    /// How long a leg may be silent before it is called dead.
    pub dead_after: Duration,
    /// What can be played.
    pub music: Vec<Prompt>,
}

/// Why the media plane does not start. The operator's settings or the machine are at fault.
#[derive(Debug, Error)]
pub enum StartError {
    /// No socket can be bound on the media address.
    #[error("media address {address}: {source}")]
    Address {
        /// The address from the settings.
        address: IpAddr,
        /// What the kernel says.
        source: io::Error,
    },
    /// No thread or no descriptor to be had.
    #[error("cannot start a media worker: {0}")]
    Worker(#[from] io::Error),
}

/// Why an order was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SendError {
    /// The worker is behind by its whole queue. Overload: refuse the call.
    #[error("the media worker's queue is full")]
    Full,
    /// The worker has been shut down.
    #[error("the media worker has stopped")]
    Stopped,
    /// Legs of different calls (`id.0 >> 8`) cannot be bridged. The caller is at fault.
    #[error("the legs belong to different calls")]
    Apart,
}

/// What is shared between a worker and the world.
#[derive(Debug)]
struct Shared {
    wake: OwnedFd,
    stop: AtomicBool,
    open_legs: AtomicUsize,
    listeners: AtomicUsize,
    events_lost: AtomicU64,
}

impl Shared {
    fn new() -> io::Result<Self> {
        Ok(Self {
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            stop: AtomicBool::new(false),
            open_legs: AtomicUsize::new(0),
            listeners: AtomicUsize::new(0),
            events_lost: AtomicU64::new(0),
        })
    }

    fn wake(&self) {
        // It fails only when the counter is full, and then the worker is woken already.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}

#[derive(Clone, Debug)]
struct Lane {
    orders: SyncSender<MediaCommand>,
    shared: Arc<Shared>,
}

/// Gives orders to the workers and reads their gauges. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MediaHandle {
    lanes: Arc<[Lane]>,
}

impl MediaHandle {
    /// Hands an order to the worker that owns the leg. Never waits.
    pub fn send(&self, order: MediaCommand) -> Result<(), SendError> {
        let (leg, other) = parties(&order);
        if other.is_some_and(|other| other.0 >> 8 != leg.0 >> 8) {
            return Err(SendError::Apart);
        }
        let lane = &self.lanes[leg.worker(self.lanes.len())];
        lane.orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) => SendError::Full,
            TrySendError::Disconnected(_) => SendError::Stopped,
        })?;
        lane.shared.wake();
        Ok(())
    }

    /// Legs whose sockets are open now.
    pub fn open_legs(&self) -> usize {
        self.lanes.iter().map(|lane| lane.shared.open_legs.load(Ordering::Relaxed)).sum()
    }

    /// Legs that are listening to a prompt now.
    pub fn listeners(&self) -> usize {
        self.lanes.iter().map(|lane| lane.shared.listeners.load(Ordering::Relaxed)).sum()
    }

    /// Events that were lost because nobody took them, ever.
    pub fn events_lost(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.shared.events_lost.load(Ordering::Relaxed)).sum()
    }
}

fn parties(order: &MediaCommand) -> (MediaLegId, Option<MediaLegId>) {
    match *order {
        MediaCommand::Bridge { a, b } | MediaCommand::Unbridge { a, b } => (a, Some(b)),
        MediaCommand::Open { leg, .. }
        | MediaCommand::Remote { leg, .. }
        | MediaCommand::Play { leg, .. }
        | MediaCommand::StopPlay { leg }
        | MediaCommand::Close { leg } => (leg, None),
    }
}

/// The running threads. Dropping it shuts them down.
#[derive(Debug)]
pub struct MediaWorkers {
    handle: MediaHandle,
    threads: Vec<JoinHandle<()>>,
}

impl MediaWorkers {
    /// Starts the threads, `media-0` and on. Every event of every worker goes to a clone of `events`.
    pub fn start(settings: MediaSettings, events: impl EventSink + Clone) -> Result<Self, StartError> {
        let address = settings.address;
        std::net::UdpSocket::bind((address, 0)).map_err(|source| StartError::Address { address, source })?;
        let prompts: Arc<[Prompt]> = settings.music.into();
        let mut lanes = Vec::new();
        let mut workers = Vec::new();
        for _ in 0..settings.workers.max(1) {
            let shared = Arc::new(Shared::new()?);
            let (orders, inbox) = sync_channel(ORDERS);
            let outbox = outbox::Outbox::new(events.clone(), Arc::clone(&shared));
            let prompts = Arc::clone(&prompts);
            workers.push(Worker::new(address, settings.dead_after, prompts, inbox, outbox, Arc::clone(&shared))?);
            lanes.push(Lane { orders, shared });
        }
        // From here on a failure drops `started`, which stops the threads that already run.
        let mut started = Self { handle: MediaHandle { lanes: lanes.into() }, threads: Vec::new() };
        for (index, worker) in workers.into_iter().enumerate() {
            let thread = std::thread::Builder::new().name(format!("media-{index}"));
            started.threads.push(thread.spawn(move || worker.run())?);
        }
        Ok(started)
    }

    /// A handle to give orders with.
    pub fn handle(&self) -> MediaHandle {
        self.handle.clone()
    }

    /// Legs whose sockets are open now.
    pub fn open_legs(&self) -> usize {
        self.handle.open_legs()
    }

    /// Closes every leg, offers its account to the sink once, and joins the threads.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        for lane in self.handle.lanes.iter() {
            lane.shared.stop.store(true, Ordering::Release);
            lane.shared.wake();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media worker had panicked");
            }
        }
    }
}

impl Drop for MediaWorkers {
    fn drop(&mut self) {
        self.stop();
    }
}
