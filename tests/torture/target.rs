//! The gateway that is tortured.

use crate::gateway::Gateway;
use crate::ports::Ports;

/// It, and where it listens.
pub struct Target {
    pub gateway: Gateway,
    /// Datagrams, anybody.
    pub udp: u16,
    /// Streams, anybody.
    pub tcp: u16,
    /// Datagrams and streams, users with a password only.
    pub guarded: u16,
    _ports: Ports,
}

/// The largest message it takes, octets.
pub const MAX_MESSAGE: usize = 65_000;

impl Target {
    /// Starts it. Its domains are those of the RFCs' examples, so that messages get as far in as they can; its timers
    /// are short, so that transactions do not last.
    pub fn start() -> Target {
        let mut ports = Ports::claim();
        let [udp, tcp, guarded, screen, console] = std::array::from_fn(|_| ports.take(2));
        let media = ports.take(40);
        let listener = |name: &str, transport: &str, port: u16, profile: &str| {
            format!(
                "[[listener]]\nname = \"{name}\"\ntransport = \"{transport}\"\nbind = \"127.0.0.1:{port}\"\n\
                 profile = \"{profile}\"\n"
            )
        };
        let listeners = [
            listener("udp", "udp", udp, "open"),
            listener("tcp", "tcp", tcp, "open"),
            listener("guarded-udp", "udp", guarded, "guarded"),
            listener("guarded-tcp", "tcp", guarded, "guarded"),
        ];
        let users = ["user", "j.user", "bob", "agent1"]
            .map(|name| format!("[[user]]\nname = \"{name}\"\npassword = \"tandem-demo\"\n"));
        let config = format!(
            "[gateway]\ndomain = \"example.com\"\naliases = [\"example.net\", \"example.org\"]\n{}{}\
             [media]\nport_min = {media}\nport_max = {}\nport_rest_s = 0\n[screen]\nbind = \"127.0.0.1:{screen}\"\n\
             [store]\nurl = \"sqlite://calls.db\"\n[console]\nbind = \"127.0.0.1:{console}\"\n\
             [[queue]]\nname = \"flights\"\naddresses = [\"flights\"]\n\
             [[seat]]\nid = \"seat-1\"\nuser = \"agent1\"\nqueues = [\"flights\"]\n",
            listeners.concat(),
            users.concat(),
            media + 39
        );
        let timers = format!("t1_ms = 10\nt2_ms = 40\nt4_ms = 50\nmax_message_bytes = {MAX_MESSAGE}\n");
        let open = format!("authenticate = false\n{timers}");
        let guarded_profile = format!("authenticate = true\n{timers}");
        let gateway = Gateway::start(&config, &[("open", &open), ("guarded", &guarded_profile)], console);
        Target { gateway, udp, tcp, guarded, _ports: ports }
    }
}
