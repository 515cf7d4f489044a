//! How the user agents behave: callers, seats, desk phones, carriers.

use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use tandem::gateway::Input;
use tandem::media::MediaEvent;
use tandem::sip::endpoint::{Event, Invitation, LegEvent, LegId, Login, Outgoing, Routing};
use tandem::sip::message::{HeaderName, Method, Request, Uri};

use super::agent::{self, Kind, Part};
use super::setting::{DOMAIN, PASSWORD};
use super::world::{Act, DEAD_AFTER, Happening, Talk, World};

const SDP: &str = "application/sdp";

impl World {
    pub fn perform(&mut self, agent: usize, act: Act) {
        match act {
            Act::Leave => return self.leave(agent),
            Act::Return => return self.come_back(agent),
            Act::Break => return self.break_connection(agent),
            Act::Call | Act::Register | Act::Unregister | Act::Shout if self.agents[agent].gone => return,
            _ => {}
        }
        match act {
            Act::Call => self.call(agent),
            Act::HangUp(leg) => self.hang_up(leg),
            Act::Ring(leg, status) => self.ring(leg, status),
            Act::Answer(leg) => self.answer(leg),
            Act::Refuse(leg, status) => {
                self.peers.reject(leg, status, &[], self.now);
                self.over(leg);
            }
            Act::Offer(leg, direction) => self.offer(leg, direction),
            Act::Say(leg, method) => {
                let body = if method == Method::Info {
                    (String::from("application/dtmf-relay"), Bytes::from_static(b"Signal=5"))
                } else {
                    agent::control()
                };
                self.peers.request_in_dialog(leg, method, &[], Some(body), self.now);
            }
            Act::Shout => self.shout(agent),
            Act::Register => self.register(agent, 3_600),
            Act::Unregister => {
                self.register(agent, 0);
                let back = self.random(5_000, 60_000);
                self.act(back, agent, Act::Register);
            }
            Act::Leave | Act::Return | Act::Break => {}
        }
    }

    fn call(&mut self, agent: usize) {
        let flow = self.agents[agent].flow();
        let rtp = self.agents[agent].rtp();
        let Some(caller) = self.agents[agent].caller() else { return };
        let kind = caller.kind;
        let target: Uri = caller.target.parse().expect("a URI");
        let invitation = Invitation {
            to: format!("<{target}>"),
            target,
            flow,
            routing: if kind == Kind::Trunk { Routing::Target } else { Routing::Flow },
            from: format!("<sip:{}@{DOMAIN}>", caller.number),
            contact_user: caller.number.clone(),
            contact_params: String::new(),
            call_id: caller.call_id.clone(),
            max_forwards: 70,
            headers: caller.headers(),
            body: caller.body(rtp),
            credentials: caller.login.clone(),
        };
        let vanishes = caller.vanishes;
        let leg = self.peers.invite(invitation, self.now);
        self.talks.insert(leg, Talk { agent, offer: String::new(), version: 1 });
        // One in six gives up at once, the others talk for a while.
        let end = if self.rng.random_bool(0.17) { self.random(0, 3_000) } else { self.random(2_000, 70_000) };
        self.act(end, agent, if vanishes { Act::Leave } else { Act::HangUp(leg) });
        if self.rng.random_bool(self.weather.breaks) {
            let at = self.random(0, 40_000);
            self.act(at, agent, Act::Break);
        }
    }

    fn hang_up(&mut self, leg: LegId) {
        self.peers.hang_up(leg, 480, None, self.now);
        self.over(leg);
    }

    /// The agent counts a call less.
    fn over(&mut self, leg: LegId) {
        if let Some(talk) = self.talks.remove(&leg) {
            let busy = &mut self.agents[talk.agent].busy;
            *busy = busy.saturating_sub(1);
        }
    }

    fn ring(&mut self, leg: LegId, status: u16) {
        let Some(talk) = self.talks.get(&leg) else { return };
        let early = status == 183;
        let body = early.then(|| (SDP.to_owned(), agent::answer(&talk.offer, self.agents[talk.agent].rtp()).into()));
        self.peers.ring(leg, status, body, self.now);
    }

    fn answer(&mut self, leg: LegId) {
        let Some(talk) = self.talks.get(&leg) else { return };
        let agent = talk.agent;
        let mut answer = agent::answer(&talk.offer, self.agents[agent].rtp());
        if self.rng.random_bool(0.01) {
            answer = answer.replace("RTP/AVP", "RTP/SAVP"); // it cannot have understood
        }
        self.peers.answer(leg, &[], (SDP.to_owned(), answer.into()), self.now);
        // Whoever never hears of a hang-up notices by himself in the end.
        let end = if self.rng.random_bool(0.4) { self.random(0, 40_000) } else { Duration::from_secs(120) };
        self.act(end, agent, Act::HangUp(leg));
        self.fidget(agent, leg);
    }

    fn offer(&mut self, leg: LegId, direction: &'static str) {
        let Some(talk) = self.talks.get_mut(&leg) else { return };
        talk.version += 1;
        let (agent, version) = (talk.agent, talk.version);
        let mut offer = agent::offer(self.agents[agent].rtp(), version, direction);
        if let Some(message) = talk.offer.find("m=message") {
            // A stream is never taken out of a session (RFC 3264 §8).
            offer.push_str(&agent::answer(&talk.offer[message..], self.agents[agent].rtp()));
        } else if self.agents[agent].caller().is_some_and(|caller| caller.screen == agent::Screen::Msrp) {
            offer.push_str("m=message 9 TCP/MSRP *\r\na=accept-types:message/cpim\r\na=path:msrp://h:9/x;tcp\r\n");
        }
        self.peers.reinvite(leg, (SDP.to_owned(), offer.into()), self.now);
        if direction != "sendrecv" {
            let back = self.random(100, 5_000);
            self.act(back, agent, Act::Offer(leg, "sendrecv"));
        }
    }

    /// A screen message outside the dialog, by the Call-ID of the call.
    fn shout(&mut self, agent: usize) {
        let flow = self.agents[agent].flow();
        let Some(caller) = self.agents[agent].caller() else { return };
        let outgoing = Outgoing {
            method: Method::Message,
            target: Uri::sip(Some("flights"), DOMAIN, None),
            flow,
            from: format!("<sip:{}@{DOMAIN}>", caller.number),
            to: format!("<sip:flights@{DOMAIN}>"),
            call_id: None,
            headers: vec![(HeaderName::InReplyTo, caller.call_id.clone())],
            body: Some(agent::control()),
            credentials: caller.login.clone(),
        };
        self.peers.request(outgoing, self.now);
    }

    /// What a user agent does in a call now and then.
    fn fidget(&mut self, agent: usize, leg: LegId) {
        if self.rng.random_bool(0.1) {
            let at = self.random(0, 10_000);
            let direction = if self.rng.random_bool(0.7) { "sendonly" } else { "sendrecv" };
            self.act(at, agent, Act::Offer(leg, direction));
        }
        if self.rng.random_bool(0.1) {
            let at = self.random(0, 15_000);
            let method = if self.rng.random_bool(0.5) { Method::Info } else { Method::Message };
            self.act(at, agent, Act::Say(leg, method));
        }
        if self.rng.random_bool(0.03) {
            let at = self.random(0, 60_000);
            self.act(at, agent, Act::Shout);
        }
    }

    fn register(&mut self, agent: usize, expires_s: u32) {
        let flow = self.agents[agent].flow();
        let address = self.agents[agent].address;
        let (Part::Seat(registration) | Part::Desk(registration)) = &mut self.agents[agent].part else { return };
        registration.cseq += 5; // room for the repetitions with credentials
        let user = registration.user.clone();
        let outgoing = Outgoing {
            method: Method::Register,
            target: Uri::sip(None, DOMAIN, None),
            flow,
            from: format!("<sip:{user}@{DOMAIN}>"),
            to: format!("<sip:{user}@{DOMAIN}>"),
            call_id: Some((format!("register-{user}"), registration.cseq)),
            headers: vec![(HeaderName::Contact, format!("<sip:{user}@{address}>;expires={expires_s}"))],
            body: None,
            credentials: Some(Login { username: user, password: PASSWORD.into() }),
        };
        self.peers.request(outgoing, self.now);
    }

    /// The agent drops off the network in the middle of whatever it does.
    fn leave(&mut self, agent: usize) {
        self.agents[agent].gone = true;
        for leg in self.workers.towards(self.agents[agent].rtp()) {
            self.later(DEAD_AFTER, Happening::Tell(Input::Media(MediaEvent::Dead { leg })));
        }
        let mut legs: Vec<LegId> =
            self.talks.iter().filter(|(_, talk)| talk.agent == agent).map(|(leg, _)| *leg).collect();
        legs.sort_unstable();
        for leg in legs {
            self.hang_up(leg);
        }
    }

    fn come_back(&mut self, agent: usize) {
        self.agents[agent].gone = false;
        self.register(agent, 3_600);
    }

    pub fn attend(&mut self, event: Event) {
        match event {
            Event::Incoming { leg, request, flow } => {
                let agent = self.by_address[&flow.local];
                self.called(agent, leg, &request);
            }
            Event::Leg { leg, event } => self.leg_event(leg, event),
            Event::Request { id, request, .. } => {
                // A few peers are rude: no answer, or none that helps.
                let status = match self.rng.random_range(0..100) {
                    0 => return,
                    1 => 481,
                    2 => 500,
                    _ => 200,
                };
                let response = self.peers.response_to(&request, status);
                self.peers.respond(id, response, self.now);
            }
            Event::Response { .. } | Event::NoResponse { .. } => {}
        }
    }

    fn leg_event(&mut self, leg: LegId, event: LegEvent) {
        let Some(agent) = self.talks.get(&leg).map(|talk| talk.agent) else { return };
        match event {
            LegEvent::Answered(_) => self.fidget(agent, leg),
            LegEvent::Reinvite(request) => {
                let offer = String::from_utf8_lossy(&request.body).into_owned();
                let answer = agent::answer(&offer, self.agents[agent].rtp());
                self.peers.answer(leg, &[], (SDP.to_owned(), answer.into()), self.now);
            }
            LegEvent::Ended(_) => self.over(leg),
            LegEvent::Progress(_) | LegEvent::Acknowledged(_) | LegEvent::ReinviteDone(_) => {}
        }
    }

    /// An INVITE reaches a seat, a desk phone or a carrier.
    fn called(&mut self, agent: usize, leg: LegId, request: &Request) {
        let is_carrier = match &self.agents[agent].part {
            Part::Carrier => true,
            Part::Seat(_) | Part::Desk(_) => false,
            Part::Caller(_) => panic!("the gateway called a caller"),
        };
        if self.agents[agent].busy > 0 && !is_carrier {
            return self.peers.reject(leg, 486, &[], self.now);
        }
        let offer = String::from_utf8_lossy(&request.body).into_owned();
        self.agents[agent].busy += 1;
        self.talks.insert(leg, Talk { agent, offer, version: 2 });
        let soon = self.random(0, 800);
        let refusal = [403, 404, 408, 480, 486, 488, 500, 503, 603, 302][self.rng.random_range(0..10)];
        match self.rng.random_range(0..100) {
            0..5 => self.act(soon, agent, Act::Refuse(leg, refusal)),
            5..8 => {
                self.act(soon, agent, Act::Ring(leg, 180));
                let then = self.random(100, 6_000);
                self.act(soon + then, agent, Act::Refuse(leg, refusal));
            }
            // It rings for ever, or says nothing at all.
            8..12 => self.act(soon, agent, Act::Ring(leg, 180)),
            12..14 => {}
            14..16 if !is_carrier => {
                self.act(soon, agent, Act::Ring(leg, 180));
                let (then, back) = (self.random(0, 20_000), self.random(20_000, 60_000));
                self.act(soon + then, agent, Act::Leave);
                self.act(soon + then + back, agent, Act::Return);
            }
            16..30 => self.act(soon, agent, Act::Answer(leg)),
            30..50 if is_carrier => {
                self.act(soon, agent, Act::Ring(leg, 183));
                let then = self.random(100, 6_000);
                self.act(soon + then, agent, Act::Answer(leg));
            }
            _ => {
                self.act(soon, agent, Act::Ring(leg, 180));
                let then = self.random(100, 6_000);
                self.act(soon + then, agent, Act::Answer(leg));
            }
        }
        let is_stream = self.agents[agent].door.transport().is_reliable();
        if is_stream && self.rng.random_bool(self.weather.breaks / 4.0) {
            let at: Duration = self.random(0, 10_000);
            self.act(at, agent, Act::Break);
        }
    }
}
