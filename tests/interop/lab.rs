//! A contact centre on loopback: a gateway with two queues, two seats and a carrier, and ports for those who call it.

use crate::gateway::Gateway;
use crate::ports::Ports;

/// The password of all users.
pub const PASSWORD: &str = "tandem-demo";

/// The 400 number that the carrier knows.
pub const NUMBER: &str = "4008001234";

/// T1 is a fifth of the default, so that transactions are soon gone and tests do not wait for them.
const TIMERS: &str = "t1_ms = 100\nt2_ms = 800\nt4_ms = 1000\n";

/// The lab. Fields are dropped in order: the gateway first.
pub struct Lab {
    pub gateway: Gateway,
    /// For apps, over datagrams and streams.
    pub app: u16,
    /// For seats.
    pub seats: u16,
    /// For the carrier.
    pub carrier: u16,
    /// Where the gateway expects the carrier.
    pub peer: u16,
    ports: Ports,
}

/// How a listener is reached, for a peer's account.
#[derive(Clone, Copy)]
pub struct Door {
    pub port: u16,
    pub transport: &'static str,
}

impl Lab {
    /// Starts it.
    pub fn start() -> Lab {
        let mut ports = Ports::claim();
        let (app, seats, carrier, peer) = (ports.take(2), ports.take(2), ports.take(2), ports.take(2));
        let (screen, console, media) = (ports.take(1), ports.take(1), ports.take(40));
        let config = format!(
            r#"
[gateway]
domain = "tandem.localhost"

[[listener]]
name = "app-udp"
transport = "udp"
bind = "127.0.0.1:{app}"
profile = "open"

[[listener]]
name = "app-tcp"
transport = "tcp"
bind = "127.0.0.1:{app}"
profile = "open"

[[listener]]
name = "seats-udp"
transport = "udp"
bind = "127.0.0.1:{seats}"
profile = "open"

[[listener]]
name = "carrier-udp"
transport = "udp"
bind = "127.0.0.1:{carrier}"
profile = "carrier"

[media]
port_min = {media}
port_max = {media_end}
port_rest_s = 0

[screen]
bind = "127.0.0.1:{screen}"

[store]
url = "sqlite://calls.db"

[console]
bind = "127.0.0.1:{console}"
{users}
[[queue]]
name = "flights"
addresses = ["flights"]
numbers = ["{NUMBER}"]
ring_timeout_s = 3
wrap_up_s = 0

[[seat]]
id = "seat-1"
user = "agent1"
queues = ["flights"]

[[seat]]
id = "seat-2"
user = "agent2"
queues = ["flights"]

[[trunk]]
name = "carrier"
peer = "127.0.0.1:{peer}"
listener = "carrier-udp"

[access]
other = "bridge"
trunk = "carrier"
number = "{NUMBER}"
"#,
            media_end = media + 39,
            users = ["traveller", "traveller2", "agent1", "agent2"]
                .map(|name| format!("\n[[user]]\nname = \"{name}\"\npassword = \"{PASSWORD}\"\n"))
                .concat(),
        );
        let open = format!("authenticate = true\nmin_expires_s = 10\n{TIMERS}");
        let trunk = format!("authenticate = false\ntrunks_only = true\n{TIMERS}");
        let gateway = Gateway::start(&config, &[("open", &open), ("carrier", &trunk)], console);
        Lab { gateway, app, seats, carrier, peer, ports }
    }

    /// The customers' door over datagrams.
    pub fn app_udp(&self) -> Door {
        Door { port: self.app, transport: "udp" }
    }

    /// The customers' door over a stream.
    pub fn app_tcp(&self) -> Door {
        Door { port: self.app, transport: "tcp" }
    }

    /// The seats' door.
    pub fn seat_door(&self) -> Door {
        Door { port: self.seats, transport: "udp" }
    }

    /// The carrier's door.
    pub fn carrier_door(&self) -> Door {
        Door { port: self.carrier, transport: "udp" }
    }

    /// The first of so many free ports.
    pub fn ports(&mut self, count: u16) -> u16 {
        self.ports.take(count)
    }

    /// A directory for a peer's files.
    pub fn directory(&self, name: &str) -> std::path::PathBuf {
        let directory = self.gateway.directory.path().join(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        directory
    }
}
