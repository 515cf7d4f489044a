//! Opening the configured sockets.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use crate::sip::Transport;

/// Octets of kernel buffer asked for per datagram socket: some thousand messages, so that a burst survives the time that
/// the driver is busy elsewhere. The kernel grants up to `net.core.rmem_max`.
const DATAGRAM_BUFFER: usize = 4 * 1024 * 1024;

/// Connections that the kernel completes before we accept them; it grants up to `net.core.somaxconn`.
const BACKLOG: i32 = 1024;

/// One socket to open.
#[derive(Clone, Debug)]
pub struct ListenerSpec {
    /// The name in the configuration, for messages to people.
    pub name: String,
    /// What it speaks.
    pub transport: Transport,
    /// Where it listens; port 0 lets the kernel choose, which suits clients.
    pub bind: SocketAddr,
    /// The longest message it takes, headers and body, in octets.
    pub max_message_bytes: usize,
}

/// A listener could not be opened: the machine's or the configuration's fault.
#[derive(Debug, thiserror::Error)]
#[error("listener `{name}` cannot listen on {transport} {address}: {source}; {}", remedy(.source))]
pub struct BindError {
    /// The listener's name in the configuration.
    pub name: String,
    /// What it was to speak.
    pub transport: Transport,
    /// Where it was to listen.
    pub address: SocketAddr,
    /// What the kernel said.
    pub source: io::Error,
}

/// What the person who reads the error can do about it.
fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has that port: stop it (`ss -lptun` shows which one it is) or change `bind`"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: change `bind` to one that `ip address` shows, or to 0.0.0.0 or [::]"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE: grant it (systemd: AmbientCapabilities=) or change `bind`"
        }
        io::ErrorKind::Unsupported => {
            "the kernel does not speak that address family: enable IPv6 or change `bind` to an IPv4 address"
        }
        _ => "check `bind`, and the limit of open files (`ulimit -n`, systemd: LimitNOFILE=)",
    }
}

/// An open socket, before its task starts.
pub(super) enum Opened {
    Datagram(UdpSocket),
    Stream(TcpListener),
}

impl ListenerSpec {
    /// Opens the socket; gives it with its real address.
    pub(super) fn open(&self) -> Result<(Opened, SocketAddr), BindError> {
        let opened = match self.transport {
            Transport::Udp => self.open_datagram(),
            Transport::Tcp => self.open_stream(),
        };
        opened.map_err(|source| BindError {
            name: self.name.clone(),
            transport: self.transport,
            address: self.bind,
            source,
        })
    }

    fn open_datagram(&self) -> io::Result<(Opened, SocketAddr)> {
        let socket = self.socket(Type::DGRAM, Protocol::UDP)?;
        // Best effort: a smaller buffer only loses datagrams earlier.
        let _ = socket.set_recv_buffer_size(DATAGRAM_BUFFER);
        let _ = socket.set_send_buffer_size(DATAGRAM_BUFFER);
        socket.bind(&self.bind.into())?;
        let socket = UdpSocket::from_std(socket.into())?;
        let local = socket.local_addr()?;
        Ok((Opened::Datagram(socket), local))
    }

    fn open_stream(&self) -> io::Result<(Opened, SocketAddr)> {
        let socket = self.socket(Type::STREAM, Protocol::TCP)?;
        // Connections of an earlier run that linger in TIME_WAIT do not keep a restart from listening.
        socket.set_reuse_address(true)?;
        socket.bind(&self.bind.into())?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        let local = listener.local_addr()?;
        Ok((Opened::Stream(listener), local))
    }

    fn socket(&self, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(self.bind), kind, Some(protocol))?;
        socket.set_nonblocking(true)?;
        if self.bind.is_ipv6() {
            // `[::]` and `0.0.0.0` may both be configured, and no peer shows up as ::ffff:192.0.2.1.
            socket.set_only_v6(true)?;
        }
        Ok(socket)
    }
}
