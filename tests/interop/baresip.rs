//! baresip as customer, seat or carrier: plays a tone, records what it hears, obeys over its control socket.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::lab::{Door, Lab, PASSWORD};
use crate::patience::{PATIENCE, until};
use crate::program::Program;
use crate::sound::{self, Recording};

/// Longer than any test listens.
const TONE_S: usize = 120;

/// A baresip under our control.
pub struct Baresip {
    _program: Program,
    control: Control,
    recordings: PathBuf,
    door: Door,
}

/// Who it is.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// User part of its address, and its digest user name.
    pub user: &'a str,
    /// The tone it plays, in hertz.
    pub hz: f64,
    /// The codec it speaks: `PCMA` or `PCMU`.
    pub codec: &'a str,
    /// Whether it takes calls by itself.
    pub answers: bool,
}

impl Baresip {
    /// Starts it and waits until it has registered.
    pub fn registered(lab: &mut Lab, door: Door, account: Account) -> Baresip {
        let port = lab.ports(2);
        let baresip = Baresip::start(lab, door, account, port, "regint=60");
        baresip._program.says("[1 binding", 1);
        baresip
    }

    /// Starts it where the gateway expects the carrier. Carriers do not register.
    pub fn carrier(lab: &mut Lab, account: Account) -> Baresip {
        let (door, port) = (lab.carrier_door(), lab.peer);
        Baresip::start(lab, door, account, port, "regint=0")
    }

    fn start(lab: &mut Lab, door: Door, account: Account, port: u16, registration: &str) -> Baresip {
        let (control, rtp) = (lab.ports(1), lab.ports(8));
        let directory = lab.directory(&format!("baresip-{}-{port}", account.user));
        let recordings = directory.join("recordings");
        std::fs::create_dir_all(&recordings).expect("a directory");
        let tone = directory.join("tone.wav");
        sound::write_wav(&tone, account.hz, TONE_S);
        let config = configuration(port, control, rtp, &tone, &recordings);
        std::fs::write(directory.join("config"), config).expect("a file");
        std::fs::write(directory.join("contacts"), "").expect("a file");
        let Account { user, codec, answers, .. } = account;
        let answer_mode = if answers { "auto" } else { "manual" };
        let account = format!(
            "<sip:{user}@127.0.0.1:{};transport={}>;auth_user={user};auth_pass={PASSWORD};{registration};\
             audio_codecs={codec};answermode={answer_mode}\n",
            door.port, door.transport
        );
        std::fs::write(directory.join("accounts"), account).expect("a file");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(&directory).args(["-v", "-s"]);
        let program = Program::start(&format!("baresip {user}"), "baresip-core", &mut command);
        program.says("baresip is ready", 1);
        Baresip { _program: program, control: Control::connect(control), recordings, door }
    }

    /// Calls somebody at the door where it is registered.
    pub fn dials(&mut self, user: &str) {
        let target = format!("sip:{user}@127.0.0.1:{};transport={}", self.door.port, self.door.transport);
        self.control.order("dial", &target);
    }

    /// Hangs up.
    pub fn hangs_up(&mut self) {
        self.control.order("hangup", "");
    }

    /// Waits until its call is up.
    pub fn is_connected(&mut self) {
        self.control.event("CALL_ESTABLISHED");
    }

    /// Waits until its call is over.
    pub fn is_hung_up(&mut self) {
        self.control.event("CALL_CLOSED");
    }

    /// What it hears in its latest call.
    pub fn recording(&self) -> Recording {
        Recording::new(until("a recording", || latest(&self.recordings)))
    }
}

/// The newest recording of what came from the peer; file names carry the time and so sort by it.
fn latest(directory: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(directory).expect("a directory");
    let paths = files.map(|file| file.expect("a file").path());
    paths.filter(|path| path.to_string_lossy().ends_with("-dec.wav")).max()
}

fn configuration(port: u16, control: u16, rtp: u16, tone: &Path, recordings: &Path) -> String {
    let (tone, recordings, rtp_end) = (tone.display(), recordings.display(), rtp + 7);
    format!(
        "poll_method epoll
net_interface 127.0.0.1
sip_listen 127.0.0.1:{port}
call_local_timeout 120
call_max_calls 4
audio_source aufile,{tone}
audio_player ausine,440
audio_alert ausine,440
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_level no
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_buffer 20-160
rtp_ports {rtp}-{rtp_end}
rtcp_mux no
jitter_buffer_delay 5-10
rtp_stats yes
module_path {modules}
module aufile.so
module ausine.so
module sndfile.so
module g711.so
module uuid.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {recordings}
menu_bell no
",
        modules = "/usr/lib/baresip/modules"
    )
}

/// baresip's control socket: JSON in netstrings (`12:{"…"},`), orders in, answers and events out.
struct Control {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Events that came while something else was waited for.
    events: VecDeque<Value>,
}

impl Control {
    fn connect(port: u16) -> Control {
        let stream = until("baresip's control socket", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        Control { stream, buffer: Vec::new(), events: VecDeque::new() }
    }

    fn order(&mut self, command: &str, parameters: &str) {
        let order = json!({ "command": command, "params": parameters, "token": "t" }).to_string();
        write!(self.stream, "{}:{order},", order.len()).expect("a control socket");
        loop {
            let message = self.next();
            if message["response"] == true {
                assert!(message["ok"] == true, "baresip refused {command} {parameters}: {message}");
                return;
            }
            self.events.push_back(message);
        }
    }

    /// Waits for an event of this type; earlier ones are left behind.
    fn event(&mut self, wanted: &str) {
        loop {
            let event = self.events.pop_front().unwrap_or_else(|| self.next());
            if event["type"] == wanted {
                return;
            }
        }
    }

    fn next(&mut self) -> Value {
        loop {
            if let Some(message) = self.take() {
                return message;
            }
            let mut piece = [0; 4096];
            let octets = self.stream.read(&mut piece).expect("an event from baresip in time");
            assert!(octets > 0, "baresip closed its control socket");
            self.buffer.extend_from_slice(&piece[..octets]);
        }
    }

    fn take(&mut self) -> Option<Value> {
        let colon = self.buffer.iter().position(|octet| *octet == b':')?;
        let length: usize = std::str::from_utf8(&self.buffer[..colon]).ok()?.parse().ok()?;
        let end = colon + 1 + length;
        if self.buffer.len() <= end {
            return None;
        }
        let message = serde_json::from_slice(&self.buffer[colon + 1..end]).expect("JSON from baresip");
        self.buffer.drain(..=end);
        Some(message)
    }
}
