//! Which call a command is for, and whose session a connection names. Starts and ends the calls' tasks.

use std::collections::{HashMap, VecDeque};

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::ScreenShellConfig;
use super::call::{Call, CallInput};
use super::door::Lookup;
use crate::sync::contract::{FrameCounters, ScreenCommand, ScreenEvent, Side};
use crate::sync::msrp::status;

/// Inputs that may wait for one call's task; it never blocks for long.
const CALL_INPUTS: usize = 64;
/// Events of the registry's own that may wait for the driver.
const MAX_EVENTS: usize = 64;

struct Entry {
    inputs: mpsc::Sender<CallInput>,
    /// Session ids of phone and seat.
    session_ids: [Option<String>; 2],
}

/// The registry's state; owned by one task.
pub struct Registry {
    config: ScreenShellConfig,
    calls: FxHashMap<u64, Entry>,
    /// Keys come from connections, that is from anybody: the standard hasher is keyed.
    by_session: HashMap<String, (u64, Side)>,
    tasks: JoinSet<()>,
    task_calls: HashMap<tokio::task::Id, u64>,
    events: mpsc::Sender<ScreenEvent>,
    backlog: VecDeque<ScreenEvent>,
}

impl Registry {
    /// A registry without calls.
    pub fn new(config: ScreenShellConfig, events: mpsc::Sender<ScreenEvent>) -> Self {
        Registry {
            config,
            calls: FxHashMap::default(),
            by_session: HashMap::new(),
            tasks: JoinSet::new(),
            task_calls: HashMap::new(),
            events,
            backlog: VecDeque::new(),
        }
    }

    /// Runs until the driver drops its end of the commands; the calls' tasks end with it.
    pub async fn run(mut self, mut commands: mpsc::Receiver<ScreenCommand>, mut lookups: mpsc::Receiver<Lookup>) {
        let events = self.events.clone();
        loop {
            let room = self.backlog.len() < MAX_EVENTS;
            tokio::select! {
                // A phone may connect the moment it has our answer, so what opened its session is always heard first.
                biased;
                command = commands.recv(), if room => match command {
                    Some(command) => self.command(command).await,
                    None => return,
                },
                Some(lookup) = lookups.recv() => self.lookup(lookup),
                permit = events.reserve(), if !self.backlog.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(event) = self.backlog.pop_front() {
                            permit.send(event);
                        }
                    }
                    Err(_) => return,
                },
                Some(ended) = self.tasks.join_next_with_id() => self.task_ended(ended),
            }
        }
    }

    async fn command(&mut self, command: ScreenCommand) {
        let call = command.call();
        match &command {
            ScreenCommand::Open { side, session_id, .. } if !self.open(call, *side, session_id.clone()) => {
                let reason = "too many screen sessions".to_owned();
                self.backlog.push_back(ScreenEvent::SideClosed { call, side: *side, reason });
                return;
            }
            ScreenCommand::CloseSide { side, .. } => self.forget_session(call, *side),
            _ => {}
        }
        let closing = matches!(command, ScreenCommand::Close { .. });
        let Some(entry) = self.calls.get(&call) else { return self.no_such_call(&command) };
        // The task's end is noticed by the join; what it did not take is void.
        let _ = entry.inputs.send(CallInput::Command(command)).await;
        if closing {
            self.forget(call);
        }
    }

    fn open(&mut self, call: u64, side: Side, session_id: String) -> bool {
        if !self.calls.contains_key(&call) {
            if self.calls.len() >= self.config.sessions_max {
                return false;
            }
            let (inputs, receiver) = mpsc::channel(CALL_INPUTS);
            let task = Call::new(call, self.config.clone(), inputs.clone()).run(receiver, self.events.clone());
            let id = self.tasks.spawn(task).id();
            self.task_calls.insert(id, call);
            self.calls.insert(call, Entry { inputs, session_ids: [None, None] });
        }
        self.forget_session(call, side);
        if let Some(entry) = self.calls.get_mut(&call) {
            entry.session_ids[side as usize] = Some(session_id.clone());
            self.by_session.insert(session_id, (call, side));
        }
        true
    }

    fn lookup(&self, lookup: Lookup) {
        let found = self.by_session.get(&lookup.session_id);
        let found = found.and_then(|(call, side)| Some((self.calls.get(call)?.inputs.clone(), *side)));
        // A connection that did not wait for the answer is gone.
        let _ = lookup.answer.send(found);
    }

    fn no_such_call(&mut self, command: &ScreenCommand) {
        let call = command.call();
        match command {
            ScreenCommand::SipMessage { ticket, .. } => {
                let status = status::NO_SESSION;
                self.backlog.push_back(ScreenEvent::Verdict { call, ticket: *ticket, status });
            }
            ScreenCommand::Close { .. } => {
                self.backlog.push_back(ScreenEvent::Closed { call, counters: FrameCounters::default() });
            }
            _ => tracing::debug!(call, "screen command for no open session"),
        }
    }

    /// A task that ended without a `Close` has panicked: that call's screens are over, no other's.
    fn task_ended(&mut self, ended: Result<(tokio::task::Id, ()), tokio::task::JoinError>) {
        let (id, panicked) = match ended {
            Ok((id, ())) => (id, false),
            Err(error) => (error.id(), error.is_panic()),
        };
        let Some(call) = self.task_calls.remove(&id) else { return };
        if panicked {
            tracing::error!(call, "screen session panicked");
            self.forget(call);
            self.backlog.push_back(ScreenEvent::Closed { call, counters: FrameCounters::default() });
        }
    }

    fn forget_session(&mut self, call: u64, side: Side) {
        if let Some(id) = self.calls.get_mut(&call).and_then(|entry| entry.session_ids[side as usize].take()) {
            self.by_session.remove(&id);
        }
    }

    fn forget(&mut self, call: u64) {
        self.forget_session(call, Side::Phone);
        self.forget_session(call, Side::Seat);
        self.calls.remove(&call);
    }
}
