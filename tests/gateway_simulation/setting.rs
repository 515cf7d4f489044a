//! One gateway and its surroundings, drawn from a seed: addresses, users, queues, carriers, policies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rand::RngExt;
use rand::rngs::StdRng;
use tandem::config::{
    AccessPolicy, Config, GatewayConfig, Listener, MediaConfig, Music, OffWifi, Profile, Queue, RegistrationLimits,
    Route, ScreenConfig, Seat, Secret, StoreConfig, Strategy, Trunk, TrunkMedia, User,
};
use tandem::sip::Transport;

pub const DOMAIN: &str = "tandem.test";
pub const PASSWORD: &str = "correct-horse";
/// The 400 number behind which the queue waits.
pub const NUMBER: &str = "4008001234";
pub const TRAVELLERS: usize = 5;
pub const DESKS: usize = 4;

const US: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// The gateway's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    AppUdp,
    AppTcp,
    /// Asks for no password.
    Lab,
    SeatsUdp,
    SeatsTcp,
    Carriers,
}

impl Door {
    const ALL: [Door; 6] = [Door::AppUdp, Door::AppTcp, Door::Lab, Door::SeatsUdp, Door::SeatsTcp, Door::Carriers];

    pub fn transport(self) -> Transport {
        match self {
            Door::AppTcp | Door::SeatsTcp => Transport::Tcp,
            Door::AppUdp | Door::Lab | Door::SeatsUdp | Door::Carriers => Transport::Udp,
        }
    }

    pub fn address(self) -> SocketAddr {
        let port = match self {
            Door::AppUdp | Door::AppTcp => 5060,
            Door::Lab => 5070,
            Door::SeatsUdp | Door::SeatsTcp => 5062,
            Door::Carriers => 5064,
        };
        SocketAddr::new(US, port)
    }

    fn profile(self) -> usize {
        match self {
            Door::AppUdp | Door::AppTcp | Door::SeatsUdp | Door::SeatsTcp => 0,
            Door::Lab => 1,
            Door::Carriers => 2,
        }
    }

    fn index(self) -> usize {
        Door::ALL.iter().position(|door| *door == self).expect("all are listed")
    }
}

/// A carrier's own address. Carrier 0's voice passes through the gateway, carrier 1's past it.
pub fn carrier(index: usize) -> SocketAddr {
    SocketAddr::from(([10, 3, 0, 1 + index as u8], 5080))
}

/// A configuration for one schedule.
pub fn config(rng: &mut StdRng, seats: usize) -> Config {
    let other = match rng.random_range(0..6) {
        0 => OffWifi::Redirect { number: NUMBER.into() },
        1 => OffWifi::Reject { status: 403 },
        _ => OffWifi::Bridge { trunk: 0, number: NUMBER.into() },
    };
    // One schedule in four runs out of ports.
    let port_max = if rng.random_bool(0.25) { 20_199 } else { 29_999 };
    Config {
        gateway: GatewayConfig {
            name: "Tandem".into(),
            domain: DOMAIN.into(),
            aliases: vec![],
            max_calls: rng.random_range(100..2_000),
        },
        listeners: Door::ALL.iter().map(|door| listener(*door)).collect(),
        profiles: profiles(),
        media: MediaConfig { address: US, port_min: 20_000, port_max, ..MediaConfig::default() },
        screen: ScreenConfig { bind: SocketAddr::new(US, 2855), ..ScreenConfig::default() },
        store: StoreConfig { url: String::new() },
        console: None,
        users: users(seats),
        queues: vec![queue(rng)],
        seats: (0..seats).map(|n| seat(rng, n)).collect(),
        trunks: vec![trunk(0, TrunkMedia::Relay), trunk(1, TrunkMedia::Bypass)],
        routes: vec![Route { prefix: "021".into(), trunk: 0 }, Route { prefix: "010".into(), trunk: 1 }],
        access: AccessPolicy { other },
    }
}

fn listener(door: Door) -> Listener {
    Listener { name: format!("{door:?}"), transport: door.transport(), bind: door.address(), profile: door.profile() }
}

fn profiles() -> Vec<Profile> {
    let registration = RegistrationLimits::default();
    let app = Profile { name: "app".into(), registration, ..Profile::default() };
    let lab = Profile { name: "lab".into(), authenticate: false, ..app.clone() };
    let carrier = Profile { name: "carrier".into(), authenticate: false, trunks_only: true, ..app.clone() };
    vec![app, lab, carrier]
}

fn users(seats: usize) -> Vec<User> {
    let user = |name: String| User { name, password: Secret::new(PASSWORD), display: None };
    let agents = (0..seats).map(|n| user(format!("agent{n}")));
    let travellers = (0..TRAVELLERS).map(|n| user(format!("traveller{n}")));
    agents.chain(travellers).chain((0..DESKS).map(|n| user(format!("desk{n}")))).collect()
}

fn queue(rng: &mut StdRng) -> Queue {
    Queue {
        name: "flights".into(),
        addresses: vec!["flights".into()],
        numbers: vec![NUMBER.into()],
        strategy: Strategy::LongestIdle,
        music: Music::Builtin,
        ring_timeout_s: rng.random_range(3..12),
        max_wait_s: rng.random_range(5..90),
        max_callers: rng.random_range(2..60),
        wrap_up_s: rng.random_range(0..3),
    }
}

fn seat(rng: &mut StdRng, n: usize) -> Seat {
    let wrap_up_s = rng.random_bool(0.3).then_some(0);
    Seat { id: format!("seat-{n}"), user: n, queues: vec![0], wrap_up_s }
}

fn trunk(index: usize, media: TrunkMedia) -> Trunk {
    Trunk {
        name: format!("carrier{index}"),
        peer: carrier(index),
        listener: Door::Carriers.index(),
        max_calls: 12,
        caller_number: (index == 0).then(|| NUMBER.into()),
        media,
    }
}
