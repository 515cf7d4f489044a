//! The other end: what an app or a seat's simulator does with its screen session. The reference handset and seat use it,
//! on the same machine as the gateway.

use std::io;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};

use super::carrier::{Carrier, Ended, seed};
use crate::sync::control::{self, Control, ControlError};
use crate::sync::cpim::{self, Cpim};
use crate::sync::frame::{self, Frame, FrameLimits};
use crate::sync::identity::DeviceIdentity;
use crate::sync::msrp::{
    Class, Connection, ConnectionConfig, Event, Incoming, Limits, MsrpUri, Outgoing, SendError, Ticket, status,
};

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Our `a=path`.
    pub own_path: MsrpUri,
    /// The gateway's.
    pub peer_path: MsrpUri,
    /// The SIP Call-ID of our leg.
    pub call_id: String,
    /// Our name: of a phone, a URI of the device.
    pub from: String,
    /// The other side's name. A seat learns the phone's from `seat.assigned`.
    pub to: String,
    /// The bounds of the connection.
    pub msrp: Limits,
    /// The bounds of frames.
    pub frame: FrameLimits,
}

/// What a client hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// A frame of the other side's.
    Frame(Box<Frame>),
    /// A control message.
    Control(Box<Control>),
    /// The gateway took a message of ours.
    Accepted(Ticket),
    /// The other side has a frame of ours, whole.
    Delivered(Ticket),
    /// A newer frame took the place of this one before it was sent.
    Superseded(Ticket),
    /// A message of ours was refused, with the status.
    Failed(Ticket, u16),
    /// A message named another call, or another device than [`ScreenClient::accept_only`] says. It was refused.
    Foreign,
}

/// One end of a screen session.
pub struct ScreenClient {
    config: ClientConfig,
    carrier: Carrier,
    own: Option<DeviceIdentity>,
}

impl ScreenClient {
    /// Connects to the gateway (`a=setup:active`).
    pub async fn connect(config: ClientConfig) -> io::Result<ScreenClient> {
        let host = config.peer_path.host().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, config.peer_path.port())).await?;
        Ok(ScreenClient::new(config, stream, true))
    }

    /// Waits for the gateway to connect (`a=setup:passive`).
    pub async fn accept(listener: &TcpListener, config: ClientConfig) -> io::Result<ScreenClient> {
        let (stream, _) = listener.accept().await?;
        Ok(ScreenClient::new(config, stream, false))
    }

    fn new(config: ClientConfig, stream: TcpStream, active: bool) -> Self {
        let connection = Connection::new(ConnectionConfig {
            own: config.own_path.clone(),
            peer: Some(config.peer_path.clone()),
            active,
            limits: config.msrp,
            seed: seed(),
        });
        ScreenClient { config, carrier: Carrier::new(stream, connection, &[]), own: None }
    }

    /// Refuses whatever is not addressed to this device.
    pub fn accept_only(&mut self, own: DeviceIdentity) {
        self.own = Some(own);
    }

    /// Addresses what follows to another name.
    pub fn set_to(&mut self, to: impl Into<String>) {
        self.config.to = to.into();
    }

    /// Queues a frame. The latest wins: one that is not sent yet is given up for it. Written by [`ScreenClient::recv`].
    pub fn send_frame(&mut self, frame: &Frame) -> Result<Ticket, SendError> {
        let cpim = frame.envelope(&self.config.call_id, &self.config.from, &self.config.to);
        self.send(Class::Frame, cpim::MEDIA_TYPE, cpim.to_bytes())
    }

    /// Queues a control message; it overtakes frames. Written by [`ScreenClient::recv`].
    pub fn send_control(&mut self, control: &Control) -> Result<Ticket, SendError> {
        let cpim = frame::control_envelope(control, &self.config.call_id, &self.config.from, &self.config.to);
        self.send(Class::Control, cpim::MEDIA_TYPE, cpim.to_bytes())
    }

    /// Queues anything at all.
    pub fn send(&mut self, class: Class, content_type: &str, body: Bytes) -> Result<Ticket, SendError> {
        let content_type = content_type.to_owned();
        self.carrier.connection().send(Outgoing { class, content_type, body, success_report: true })
    }

    /// Reads, writes and answers until there is something to tell. It must be called for anything to be written; it is
    /// cancel-safe, so it fits into a `select!`. Whole messages are answered and reported here.
    pub async fn recv(&mut self) -> Result<Received, Ended> {
        loop {
            match self.carrier.next().await? {
                Event::Message(incoming) => {
                    if let Some(received) = self.take(&incoming) {
                        return Ok(received);
                    }
                }
                Event::Accepted { ticket } => return Ok(Received::Accepted(ticket)),
                Event::Delivered { ticket } => return Ok(Received::Delivered(ticket)),
                Event::Superseded { ticket } => return Ok(Received::Superseded(ticket)),
                Event::Failed { ticket, status } => return Ok(Received::Failed(ticket, status)),
                Event::Bound | Event::Closed(_) => {}
            }
        }
    }

    /// Writes what is queued, for at most `within`, and closes.
    pub async fn close(self, within: std::time::Duration) {
        self.carrier.finish(within).await;
    }

    fn take(&mut self, incoming: &Incoming) -> Option<Received> {
        let outcome = self.understand(incoming);
        let connection = self.carrier.connection();
        let code = outcome.as_ref().err().copied().unwrap_or(status::OK);
        connection.answer(incoming.ticket, code, status::comment(code));
        match outcome {
            Ok(received) => {
                connection.report(incoming.ticket);
                received
            }
            Err(status::NO_SESSION | status::FORBIDDEN) => Some(Received::Foreign),
            Err(_) => None,
        }
    }

    /// `Ok(None)` for what a newer gateway may say.
    fn understand(&self, incoming: &Incoming) -> Result<Option<Received>, u16> {
        if !frame::is_envelope(&incoming.content_type) {
            return Err(status::UNSUPPORTED_MEDIA);
        }
        let cpim = Cpim::parse(&incoming.body).map_err(|_| status::BAD_REQUEST)?;
        if frame::call_id(&cpim) != Some(&self.config.call_id) {
            return Err(status::NO_SESSION);
        }
        let is_ours = |own: &DeviceIdentity| !cpim.to.is_empty() && cpim.to.iter().all(|to| own.is(to));
        if self.own.as_ref().is_some_and(|own| !is_ours(own)) {
            return Err(status::FORBIDDEN);
        }
        if cpim.content_type().as_deref() == Some(control::MEDIA_TYPE) {
            return match Control::parse(&cpim.body) {
                Ok(control) => Ok(Some(Received::Control(Box::new(control)))),
                Err(ControlError::UnknownType) => Ok(None),
                Err(ControlError::Version) => Err(status::UNSUPPORTED_MEDIA),
                Err(ControlError::Malformed) => Err(status::BAD_REQUEST),
            };
        }
        let frame = Frame::parse(&cpim, &self.config.frame).map_err(|_| status::BAD_REQUEST)?;
        Ok(Some(Received::Frame(Box::new(frame))))
    }
}
