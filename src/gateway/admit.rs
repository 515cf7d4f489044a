//! Who sends a request, and whether he may (RFC 3261 §22). Nobody unknown gets past this file.

use super::Gateway;
use crate::config::{Config, Digest, Profile};
use crate::sip::Flow;
use crate::sip::auth::{Algorithm, Secret, Verdict};
use crate::sip::endpoint::Refusal;
use crate::sip::message::{HeaderName, Request};

/// A sender who was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A configured user who proved it by digest.
    User(usize),
    /// A carrier, known by the address and listener of his trunk.
    Trunk(usize),
    /// Anybody, on a listener whose profile asks for no authentication.
    Anyone,
}

impl Gateway {
    /// Lets the sender in, or says how to refuse him.
    pub(super) fn admit(&mut self, request: &Request, flow: &Flow) -> Result<Sender, Refusal> {
        if let Some(trunk) = trunk_of(&self.config, flow) {
            return Ok(Sender::Trunk(trunk));
        }
        let Some(profile) = profile_of(&self.config, flow) else {
            return Err(Refusal::status(403));
        };
        if profile.trunks_only {
            return Err(Refusal::status(403));
        }
        if !profile.authenticate {
            return Ok(Sender::Anyone);
        }
        let algorithms = algorithms(profile.digest);
        self.authenticate(request, algorithms)
    }

    fn authenticate(&mut self, request: &Request, algorithms: &[Algorithm]) -> Result<Sender, Refusal> {
        let config = self.config.clone();
        let unix_s = self.clock.unix_s(self.now);
        let secret = |name: &str| {
            config.users.iter().find(|user| user.name == name).map(|user| Secret::password(user.password.expose()))
        };
        match self.authenticator.verify(request, algorithms, &secret, unix_s) {
            Verdict::Ok { username } => match config.users.iter().position(|user| user.name == username) {
                Some(user) => Ok(Sender::User(user)),
                None => Err(self.challenge(algorithms, false)),
            },
            Verdict::Stale => Err(self.challenge(algorithms, true)),
            Verdict::Missing | Verdict::Bad => Err(self.challenge(algorithms, false)),
        }
    }

    /// 401 for a registrar and for ourselves as a user agent (RFC 3261 §22.2); we are no proxy, so never 407.
    fn challenge(&mut self, algorithms: &[Algorithm], stale: bool) -> Refusal {
        let challenges = self.authenticator.challenge(algorithms, self.clock.unix_s(self.now), stale);
        let headers = challenges.into_iter().map(|value| (HeaderName::WwwAuthenticate, value)).collect();
        Refusal { status: 401, headers }
    }

    /// The address of record a user may register, and call from: his own.
    pub(super) fn user_name(&self, sender: Sender) -> Option<&str> {
        match sender {
            Sender::User(user) => Some(&self.config.users[user].name),
            Sender::Trunk(_) | Sender::Anyone => None,
        }
    }
}

/// The algorithms of a profile's challenge, the preferred one first (RFC 8760 §2.3).
fn algorithms(digest: Digest) -> &'static [Algorithm] {
    match digest {
        Digest::Md5 => &[Algorithm::Md5],
        Digest::Sha256 => &[Algorithm::Sha256],
        Digest::Both => &[Algorithm::Sha256, Algorithm::Md5],
    }
}

/// The trunk whose carrier a flow comes from: its listener, and the peer's address. On a listener for trunks only the
/// port may differ (a carrier's outgoing connections have any).
pub(super) fn trunk_of(config: &Config, flow: &Flow) -> Option<usize> {
    config.trunks.iter().position(|trunk| {
        let listener = &config.listeners[trunk.listener];
        let here = listener.transport == flow.transport && listener.bind == flow.local;
        let any_port = config.profile_of(listener).trunks_only;
        here && trunk.peer.ip() == flow.remote.ip() && (any_port || trunk.peer.port() == flow.remote.port())
    })
}

/// The profile of the listener a flow belongs to.
pub(super) fn profile_of<'a>(config: &'a Config, flow: &Flow) -> Option<&'a Profile> {
    let listener =
        config.listeners.iter().find(|listener| listener.transport == flow.transport && listener.bind == flow.local)?;
    Some(config.profile_of(listener))
}
