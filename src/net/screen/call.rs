//! One call's task: its session, at most two MSRP connections, and SIP MESSAGE where there is none.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use super::ScreenShellConfig;
use super::carrier::{Carrier, Ended, seed, sleep_until};
use super::door::{Visitor, refuse};
use crate::sync::contract::{Role, ScreenCommand, ScreenEvent, Side};
use crate::sync::cpim;
use crate::sync::msrp::{Class, Connection, ConnectionConfig, Event, MsrpUri, Outgoing, Ticket, status};
use crate::sync::session::{Input, Origin, Output, Progress, ScreenSession};

/// Events that may wait for the driver before we stop reading from the sides.
const MAX_EVENTS: usize = 64;
/// Frames whose report is awaited, per connection.
const MAX_TICKETS: usize = 64;
/// How long opening a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the last words of a call may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a call's task is told.
pub enum CallInput {
    /// By the driver.
    Command(ScreenCommand),
    /// By the listener: somebody connected to a side's session.
    Visit {
        /// Whose.
        side: Side,
        /// The connection.
        visitor: Box<Visitor>,
    },
    /// By the task that opens a connection.
    Opened {
        /// For whom.
        side: Side,
        /// For which opening of it.
        generation: u64,
        /// The connection.
        stream: io::Result<TcpStream>,
    },
}

/// A leg that has MSRP.
struct Msrp {
    own: MsrpUri,
    peer: MsrpUri,
    role: Role,
    carrier: Option<Carrier>,
    tickets: BTreeMap<Ticket, u64>,
    bound: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

#[derive(Default)]
struct Leg {
    msrp: Option<Msrp>,
    /// Counts connections and openings, so that what is late can be told from what is current.
    generation: u64,
}

/// The task's state.
pub struct Call {
    call: u64,
    config: ScreenShellConfig,
    session: ScreenSession,
    phone: Leg,
    seat: Leg,
    own_input: mpsc::Sender<CallInput>,
    events: VecDeque<ScreenEvent>,
    closing: bool,
}

enum Step {
    Input(Option<CallInput>),
    Carrier(Side, Result<Event, Ended>),
    EventTaken,
    DriverGone,
    Timeout,
}

impl Call {
    /// A call without legs. `own_input` is the sender of the channel that [`Call::run`] gets.
    pub fn new(call: u64, config: ScreenShellConfig, own_input: mpsc::Sender<CallInput>) -> Self {
        Call {
            call,
            session: ScreenSession::new(call, config.session),
            config,
            phone: Leg::default(),
            seat: Leg::default(),
            own_input,
            events: VecDeque::new(),
            closing: false,
        }
    }

    /// Runs until the call is closed or the driver is gone.
    pub async fn run(mut self, mut inputs: mpsc::Receiver<CallInput>, events: mpsc::Sender<ScreenEvent>) {
        while !self.closing {
            match self.step(&mut inputs, &events).await {
                Step::Input(Some(input)) => self.input(input),
                Step::Input(None) | Step::DriverGone => break,
                Step::Carrier(side, Ok(event)) => self.carrier_event(side, event),
                Step::Carrier(side, Err(ended)) => self.carrier_ended(side, &ended),
                Step::EventTaken => {}
                Step::Timeout => self.session.handle_timeout(Instant::now().into_std()),
            }
            self.drain();
        }
        for event in self.events {
            if events.send(event).await.is_err() {
                break;
            }
        }
        for carrier in [self.phone.msrp, self.seat.msrp].into_iter().flatten().filter_map(|msrp| msrp.carrier) {
            carrier.finish(LAST_WORDS).await;
        }
    }

    async fn step(&mut self, inputs: &mut mpsc::Receiver<CallInput>, events: &mpsc::Sender<ScreenEvent>) -> Step {
        let room = self.events.len() < MAX_EVENTS;
        let timeout = self.session.poll_timeout().map(Instant::from_std);
        tokio::select! {
            input = inputs.recv(), if room => Step::Input(input),
            event = next_of(&mut self.phone), if room => Step::Carrier(Side::Phone, event),
            event = next_of(&mut self.seat), if room => Step::Carrier(Side::Seat, event),
            permit = events.reserve(), if !self.events.is_empty() => match (permit, self.events.pop_front()) {
                (Ok(permit), Some(event)) => {
                    permit.send(event);
                    Step::EventTaken
                }
                _ => Step::DriverGone,
            },
            () = sleep_until(timeout) => Step::Timeout,
        }
    }

    fn input(&mut self, input: CallInput) {
        match input {
            CallInput::Command(command) => self.command(command),
            CallInput::Visit { side, visitor } => self.visit(side, *visitor),
            CallInput::Opened { side, generation, stream } => self.opened(side, generation, stream),
        }
    }

    fn command(&mut self, command: ScreenCommand) {
        let input = match command {
            ScreenCommand::Open { side, call_id, session_id, peer_path, role, identity, message_limit, .. } => {
                let message_limit = peer_path.is_none().then_some(message_limit);
                self.session_input(Input::Open { side, call_id, identity, message_limit });
                if let Some(peer_path) = peer_path {
                    self.open_msrp(side, &session_id, &peer_path, role);
                } else {
                    self.leg(side).msrp = None;
                }
                return;
            }
            ScreenCommand::InviteContext { body, .. } => Input::InviteContext(body),
            ScreenCommand::Assign { seat_id, seat_name, .. } => Input::Assign { seat_id, seat_name },
            ScreenCommand::Position { position, expected_wait_s, .. } => Input::Position { position, expected_wait_s },
            ScreenCommand::SipMessage { side, ticket, content_type, body, .. } => {
                Input::Message { side, origin: Origin::Sip { ticket }, content_type, body }
            }
            ScreenCommand::MessageResult { side, ticket, status, .. } => {
                let progress =
                    if (200..300).contains(&status) { Progress::Delivered } else { Progress::Failed(status) };
                Input::Progress { side, ticket, progress }
            }
            ScreenCommand::CloseSide { side, .. } => {
                self.leg(side).msrp = None;
                Input::CloseSide(side)
            }
            ScreenCommand::Close { .. } => {
                self.closing = true;
                Input::Close
            }
        };
        self.session_input(input);
    }

    fn open_msrp(&mut self, side: Side, session_id: &str, peer_path: &str, role: Role) {
        // The last URI is the endpoint; relays before it (RFC 4976) are not spoken to.
        let peer = peer_path.split(' ').rfind(|uri| !uri.is_empty()).and_then(|uri| uri.parse::<MsrpUri>().ok());
        let own = MsrpUri::tcp(&self.config.advertised_host, self.config.advertised_port, session_id);
        let (Some(peer), Ok(own)) = (peer, own) else {
            return self.side_closed(side, "malformed path".to_owned());
        };
        let (call, leg) = (self.own_input.clone(), self.leg(side));
        leg.generation += 1;
        let generation = leg.generation;
        if role == Role::Active {
            let address = (peer.host().trim_matches(['[', ']']).to_owned(), peer.port());
            tokio::spawn(async move {
                let opened = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
                let stream = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                // A call that is over does not want it any more.
                let _ = call.send(CallInput::Opened { side, generation, stream }).await;
            });
        }
        let tickets = BTreeMap::new();
        leg.msrp = Some(Msrp { own, peer, role, carrier: None, tickets, bound: false, _permit: None });
    }

    fn visit(&mut self, side: Side, visitor: Visitor) {
        let Visitor { stream, early, head, permit } = visitor;
        let limits = self.config.msrp;
        let seed = seed();
        let leg = self.leg(side);
        match &mut leg.msrp {
            Some(msrp) if msrp.carrier.is_none() && msrp.role == Role::Passive => {
                leg.generation += 1;
                let (own, peer) = (msrp.own.clone(), Some(msrp.peer.clone()));
                let connection = Connection::new(ConnectionConfig { own, peer, active: false, limits, seed });
                msrp.carrier = Some(Carrier::new(stream, connection, &early));
                msrp.bound = false;
                msrp.tickets.clear();
                msrp._permit = Some(permit);
            }
            other => {
                // RFC 4975 §10.12: one session, one connection.
                let code = if other.is_some() { status::SESSION_IN_USE } else { status::NO_SESSION };
                tokio::spawn(async move {
                    let _permit = permit;
                    let _ = tokio::time::timeout(LAST_WORDS, refuse(stream, &head, code)).await;
                });
            }
        }
    }

    fn opened(&mut self, side: Side, generation: u64, stream: io::Result<TcpStream>) {
        let limits = self.config.msrp;
        let seed = seed();
        let leg = self.leg(side);
        let Some(msrp) = leg.msrp.as_mut().filter(|_| leg.generation == generation) else { return };
        match stream {
            Ok(stream) => {
                let (own, peer) = (msrp.own.clone(), Some(msrp.peer.clone()));
                let connection = Connection::new(ConnectionConfig { own, peer, active: true, limits, seed });
                msrp.carrier = Some(Carrier::new(stream, connection, &[]));
                // Whom we called is who we wanted; our greeting is the first thing he hears.
                msrp.bound = true;
                self.session_input(Input::Connected(side));
            }
            Err(error) => self.side_closed(side, format!("connect: {}", error.kind())),
        }
    }

    fn carrier_event(&mut self, side: Side, event: Event) {
        let leg = self.leg(side);
        let generation = leg.generation;
        let Some(msrp) = &mut leg.msrp else { return };
        let known = |ticket: Ticket| msrp.tickets.get(&ticket).copied();
        let (ticket, progress) = match event {
            Event::Bound => {
                if !std::mem::replace(&mut msrp.bound, true) {
                    self.session_input(Input::Connected(side));
                }
                return;
            }
            Event::Message(incoming) => {
                let origin = Origin::Msrp { side, generation, ticket: incoming.ticket };
                let content_type = incoming.content_type.into();
                return self.session_input(Input::Message { side, origin, content_type, body: incoming.body });
            }
            Event::Accepted { ticket } => (known(ticket), Progress::Accepted),
            Event::Delivered { ticket } => (msrp.tickets.remove(&ticket), Progress::Delivered),
            Event::Superseded { ticket } => (msrp.tickets.remove(&ticket), Progress::Superseded),
            Event::Failed { ticket, status } => (msrp.tickets.remove(&ticket), Progress::Failed(status)),
            // The carrier turns it into its end.
            Event::Closed(_) => return,
        };
        if let Some(ticket) = ticket {
            self.session_input(Input::Progress { side, ticket, progress });
        }
    }

    fn carrier_ended(&mut self, side: Side, ended: &Ended) {
        self.side_closed(side, ended.to_string());
    }

    fn side_closed(&mut self, side: Side, reason: String) {
        let leg = self.leg(side);
        leg.generation += 1;
        if let Some(msrp) = &mut leg.msrp {
            msrp.carrier = None;
            msrp._permit = None;
            msrp.bound = false;
        }
        tracing::debug!(call = self.call, ?side, reason, "screen side closed");
        self.events.push_back(ScreenEvent::SideClosed { call: self.call, side, reason });
        self.session_input(Input::Disconnected(side));
    }

    fn session_input(&mut self, input: Input) {
        self.session.handle_input(input, Instant::now().into_std());
        self.drain();
    }

    /// Does what the session wants. What a carrier does not take is told to the session, which may want something else
    /// then: hence the loop. It ends because a refused message is never sent again.
    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Event(event) => self.events.push_back(event),
                Output::Verdict { origin: Origin::Sip { ticket }, status, .. } => {
                    self.events.push_back(ScreenEvent::Verdict { call: self.call, ticket, status });
                }
                Output::Verdict { origin: Origin::Msrp { side, generation, ticket }, status, comment } => {
                    if let Some(connection) = self.connection(side, generation) {
                        connection.answer(ticket, status, comment);
                    }
                }
                Output::Report { origin: Origin::Msrp { side, generation, ticket } } => {
                    if let Some(connection) = self.connection(side, generation) {
                        connection.report(ticket);
                    }
                }
                // The 200 to a SIP MESSAGE is all the report there is.
                Output::Report { origin: Origin::Sip { .. } } => {}
                Output::Send { side, ticket, class, body } => self.send(side, ticket, class, body),
            }
        }
    }

    fn send(&mut self, side: Side, ticket: u64, class: Class, body: bytes::Bytes) {
        let content_type = cpim::MEDIA_TYPE.to_owned();
        let success_report = class == Class::Frame;
        let sent = self.leg(side).msrp.as_mut().and_then(|msrp| {
            let connection = msrp.carrier.as_mut()?.connection();
            let own = connection.send(Outgoing { class, content_type, body, success_report }).ok()?;
            if success_report {
                msrp.tickets.insert(own, ticket);
                if msrp.tickets.len() > MAX_TICKETS {
                    msrp.tickets.pop_first();
                }
            }
            Some(())
        });
        if sent.is_none() {
            let progress = Progress::Failed(status::TIMEOUT);
            let now = Instant::now().into_std();
            self.session.handle_input(Input::Progress { side, ticket, progress }, now);
        }
    }

    fn connection(&mut self, side: Side, generation: u64) -> Option<&mut Connection> {
        let leg = self.leg(side);
        let current = leg.generation == generation;
        leg.msrp.as_mut()?.carrier.as_mut().filter(|_| current).map(Carrier::connection)
    }

    fn leg(&mut self, side: Side) -> &mut Leg {
        match side {
            Side::Phone => &mut self.phone,
            Side::Seat => &mut self.seat,
        }
    }
}

async fn next_of(leg: &mut Leg) -> Result<Event, Ended> {
    match leg.msrp.as_mut().and_then(|msrp| msrp.carrier.as_mut()) {
        Some(carrier) => carrier.next().await,
        None => std::future::pending().await,
    }
}
