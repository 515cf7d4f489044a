//! Events on their way out of a worker, which waits for nobody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use crate::media::contract::MediaEvent;

/// Events that may wait for a slow receiver.
const BACKLOG: usize = 4_096;

/// Takes events from a worker without ever making it wait.
pub trait EventSink: Send + 'static {
    /// Takes the event, or gives it back when there is no room now. When nobody will ever take it again it is taken
    /// and dropped.
    fn offer(&mut self, event: MediaEvent) -> Result<(), MediaEvent>;
}

impl EventSink for std::sync::mpsc::SyncSender<MediaEvent> {
    fn offer(&mut self, event: MediaEvent) -> Result<(), MediaEvent> {
        match self.try_send(event) {
            Err(std::sync::mpsc::TrySendError::Full(event)) => Err(event),
            Ok(()) | Err(std::sync::mpsc::TrySendError::Disconnected(_)) => Ok(()),
        }
    }
}

impl EventSink for tokio::sync::mpsc::Sender<MediaEvent> {
    fn offer(&mut self, event: MediaEvent) -> Result<(), MediaEvent> {
        match self.try_send(event) {
            Err(tokio::sync::mpsc::error::TrySendError::Full(event)) => Err(event),
            Ok(()) | Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }
}

/// A sink and the events it did not take yet, in order.
pub(super) struct Outbox {
    sink: Box<dyn EventSink>,
    backlog: VecDeque<MediaEvent>,
    shared: Arc<Shared>,
}

impl Outbox {
    pub(super) fn new(sink: impl EventSink, shared: Arc<Shared>) -> Self {
        Self { sink: Box::new(sink), backlog: VecDeque::new(), shared }
    }

    /// Sends an event, after those that wait. Beyond the bound the new one is lost and counted.
    pub(super) fn push(&mut self, event: MediaEvent) {
        self.flush();
        let refused = if self.backlog.is_empty() { self.sink.offer(event).err() } else { Some(event) };
        let Some(event) = refused else { return };
        if self.backlog.len() < BACKLOG {
            self.backlog.push_back(event);
        } else {
            self.shared.events_lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tries those that wait.
    pub(super) fn flush(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            if let Err(event) = self.sink.offer(event) {
                self.backlog.push_front(event);
                return;
            }
        }
    }

    /// Whether events wait.
    pub(super) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaLegId;
    use std::sync::mpsc::sync_channel;

    fn event(leg: u64) -> MediaEvent {
        MediaEvent::FirstPacket { leg: MediaLegId(leg) }
    }

    #[test]
    fn order_is_kept_through_a_full_channel_and_the_excess_is_counted() {
        let shared = Arc::new(Shared::new().unwrap());
        let (sink, events) = sync_channel(2);
        let mut outbox = Outbox::new(sink, Arc::clone(&shared));
        let room = 2 + BACKLOG as u64;
        (0..room + 3).for_each(|leg| outbox.push(event(leg)));
        assert_eq!(shared.events_lost.load(Ordering::Relaxed), 3);
        for leg in 0..room {
            assert_eq!(events.try_recv(), Ok(event(leg)));
            outbox.flush();
        }
        assert!(!outbox.is_behind());
    }

    #[test]
    fn a_receiver_that_is_gone_holds_nothing_up() {
        let shared = Arc::new(Shared::new().unwrap());
        let (sink, events) = tokio::sync::mpsc::channel(1);
        drop(events);
        let mut outbox = Outbox::new(sink, shared);
        (0..10).for_each(|leg| outbox.push(event(leg)));
        assert!(!outbox.is_behind());
    }
}
