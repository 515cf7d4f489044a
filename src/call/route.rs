//! Where an INVITE goes: the access-network policy first, then queues, users and number routes.

use crate::config::{Config, OffWifi};
use crate::sip::message::Uri;

use super::access::AccessNetwork;
use super::device::number_of;

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A queue, by index.
    Queue(usize),
    /// A configured user, by index; he must be registered.
    User(usize),
    /// A trunk, by index, with the number to dial.
    Trunk(usize, String),
    /// 302 to this number (`tel:`).
    Redirect(String),
}

/// Why a call goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The request-URI names another domain: we are no open relay.
    ForeignDomain,
    /// Nothing here has that name or number.
    NotFound,
    /// The caller may not go there.
    Forbidden,
    /// The policy for calls off Wi-Fi says so, with this status.
    OffWifi(u16),
}

impl Rejection {
    /// The status the caller hears.
    pub fn status(self) -> u16 {
        match self {
            Rejection::ForeignDomain | Rejection::NotFound => 404,
            Rejection::Forbidden => 403,
            Rejection::OffWifi(status) => status,
        }
    }
}

/// Who calls, as far as routing cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An authenticated user, or anybody on a listener that asks for no authentication.
    User,
    /// A carrier.
    Trunk(usize),
}

/// Finds the destination of an INVITE.
pub fn route(config: &Config, target: &Uri, origin: Origin, access: AccessNetwork) -> Result<Destination, Rejection> {
    if !is_ours(config, target) {
        return Err(Rejection::ForeignDomain);
    }
    let name = target.tel_number().or_else(|| target.user().map(str::to_owned)).ok_or(Rejection::NotFound)?;
    let name = name.as_str();
    match origin {
        Origin::Trunk(_) => queue_by_number(config, name).map(Destination::Queue).ok_or(Rejection::NotFound),
        Origin::User => route_user(config, target, name, access),
    }
}

fn route_user(config: &Config, target: &Uri, name: &str, access: AccessNetwork) -> Result<Destination, Rejection> {
    let by_address = config.queues.iter().position(|queue| queue.addresses.iter().any(|address| address == name));
    if let Some(queue) = by_address.or_else(|| queue_by_number(config, name)) {
        return match access {
            AccessNetwork::Wifi | AccessNetwork::Unstated => Ok(Destination::Queue(queue)),
            AccessNetwork::Other => off_wifi(&config.access.other),
        };
    }
    if let Some(user) = config.users.iter().position(|user| user.name == name) {
        return Ok(Destination::User(user));
    }
    let number = number_of(target).ok_or(Rejection::NotFound)?;
    let longest = config.routes.iter().filter(|route| route.matches(&number)).max_by_key(|route| route.prefix.len());
    longest.map(|route| Destination::Trunk(route.trunk, number)).ok_or(Rejection::NotFound)
}

fn off_wifi(policy: &OffWifi) -> Result<Destination, Rejection> {
    match policy {
        OffWifi::Bridge { trunk, number } => Ok(Destination::Trunk(*trunk, number.clone())),
        OffWifi::Redirect { number } => Ok(Destination::Redirect(number.clone())),
        OffWifi::Reject { status } => Err(Rejection::OffWifi(*status)),
    }
}

/// A 400 number as carriers write it: with or without the plus and the country code's digits in front is the
/// configuration's business; here the strings are compared digit by digit.
fn queue_by_number(config: &Config, number: &str) -> Option<usize> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let wanted = digits(number);
    if wanted.is_empty() {
        return None;
    }
    config.queues.iter().position(|queue| queue.numbers.iter().any(|own| digits(own) == wanted))
}

/// Whether a request-URI speaks of us: our domain, one of its aliases, or one of our listeners' addresses.
pub fn is_ours(config: &Config, target: &Uri) -> bool {
    let Some(host) = target.host() else { return target.tel_number().is_some() };
    let host_text = host.to_string();
    let named = std::iter::once(&config.gateway.domain)
        .chain(&config.gateway.aliases)
        .any(|name| name.eq_ignore_ascii_case(&host_text));
    named || host.ip().is_some_and(|ip| config.listeners.iter().any(|listener| listener.bind.ip() == ip))
}
