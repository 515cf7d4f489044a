//! SIPp as customer, seat or carrier. Its scenarios are put together here, message by message, so that each test says
//! what it wants of the gateway; SIPp fails (and so does the test) when anything else comes.

use std::process::Command;

use crate::lab::{Door, Lab, PASSWORD};
use crate::patience::until;
use crate::program::Program;
use crate::sound;

/// What SIPp sends as voice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// A tone of so many hertz, without end.
    Tone(u16),
    /// What it receives.
    Echo,
}

/// One call as SIPp plays it.
pub struct Scenario {
    steps: String,
    user: String,
    callee: String,
    voice: Voice,
    /// A header line of its INVITEs.
    extra: String,
    cseq: u32,
}

impl Scenario {
    /// A call from `user` to `callee`.
    pub fn call(user: &str, callee: &str, voice: Voice) -> Scenario {
        let (user, callee) = (user.to_owned(), callee.to_owned());
        Scenario { steps: String::new(), user, callee, voice, extra: String::new(), cseq: 1 }
    }

    /// A call to `user`.
    pub fn called(user: &str, voice: Voice) -> Scenario {
        Scenario::call("", user, voice)
    }

    /// The registration of `user`.
    fn registration(user: &str) -> Scenario {
        let mut scenario = Scenario::called(user, Voice::Echo);
        scenario.register("").receive("<recv response=\"401\" auth=\"true\"/>").register(CREDENTIALS);
        scenario.receives(200)
    }

    /// Adds a header to the INVITEs.
    pub fn with_header(mut self, line: &str) -> Scenario {
        self.extra = format!("{line}\n");
        self
    }

    fn receive(&mut self, step: &str) -> &mut Scenario {
        self.steps.push_str(step);
        self.steps.push('\n');
        self
    }

    fn send(&mut self, message: &str, retransmits: bool) -> &mut Scenario {
        let retransmission = if retransmits { " retrans=\"500\"" } else { "" };
        self.receive(&format!("<send{retransmission}><![CDATA[\n{message}\n]]></send>"))
    }

    fn register(&mut self, authentication: &str) -> &mut Scenario {
        let message = format!(
            "REGISTER sip:[remote_ip]:[remote_port] SIP/2.0\n{VIA}From: <sip:@CALLEE@@tandem.localhost>;tag=[pid]r\n\
             To: <sip:@CALLEE@@tandem.localhost>\nCall-ID: [call_id]\nCSeq: {} REGISTER\n{CONTACT}{}\
             Max-Forwards: 70\nExpires: 300\nContent-Length: 0\n",
            self.cseq, authentication
        );
        self.cseq += 1;
        self.send(&message, true)
    }

    /// A request from the caller; `to_tag` is the callee's tag, once there is one.
    fn request(&self, method: &str, target: &str, via: &str, to_tag: &str, cseq: u32, rest: &str) -> String {
        format!(
            "{method} {target} SIP/2.0\n{via}From: <sip:@USER@@tandem.localhost>;tag=[pid]c\n\
             To: <sip:@CALLEE@@tandem.localhost>{to_tag}\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n{CONTACT}\
             Max-Forwards: 70\n{rest}"
        )
    }

    fn description(&self, direction: &str) -> String {
        let port = match self.voice {
            Voice::Tone(_) => "[rtpstream_audio_port]",
            Voice::Echo => "[media_port]",
        };
        format!(
            "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=- 1 [clock_tick] IN IP4 [local_ip]\ns=-\n\
             c=IN IP4 [media_ip]\nt=0 0\nm=audio {port} RTP/AVP 8\na=rtpmap:8 PCMA/8000\na={direction}\n"
        )
    }

    fn invite(&mut self, authentication: &str) -> &mut Scenario {
        let rest = format!("{}{authentication}{}", self.extra, self.description("sendrecv"));
        let message = self.request("INVITE", TARGET, VIA, "", self.cseq, &rest);
        self.send(&message, true)
    }

    fn acknowledge(&mut self, target: &str, via: &str) -> &mut Scenario {
        let message = self.request("ACK", target, via, "[peer_tag_param]", self.cseq, EMPTY);
        self.send(&message, false)
    }

    /// Calls and answers the challenge.
    pub fn invites(mut self) -> Scenario {
        self.invite("").receive("<recv response=\"100\" optional=\"true\"/>");
        self.receive("<recv response=\"401\" auth=\"true\"/>").acknowledge(TARGET, "[last_Via:]\n");
        self.cseq += 1;
        self.invite(CREDENTIALS);
        self
    }

    /// Calls as a carrier, who is not challenged.
    pub fn invites_unchallenged(mut self) -> Scenario {
        self.invite("");
        self
    }

    /// Waits for this response; provisional ones may come before it.
    pub fn receives(mut self, status: u16) -> Scenario {
        for provisional in [100, 180, 183].iter().filter(|provisional| **provisional != status) {
            self.receive(&format!("<recv response=\"{provisional}\" optional=\"true\"/>"));
        }
        self.receive(&format!("<recv response=\"{status}\" rrs=\"true\"/>"));
        self
    }

    /// Waits for the answer, acknowledges it and begins to talk.
    pub fn until_answered(self) -> Scenario {
        let mut scenario = self.receives(200);
        scenario.acknowledge("[next_url]", VIA);
        scenario.talk();
        scenario
    }

    /// Acknowledges a refusal.
    pub fn until_refused(self, status: u16) -> Scenario {
        let mut scenario = self.receives(status);
        scenario.acknowledge(TARGET, "[last_Via:]\n");
        scenario
    }

    fn talk(&mut self) {
        if self.voice != Voice::Echo {
            self.receive("<nop><action><exec rtp_stream=\"@TONE@,-1,8,PCMA/8000\"/></action></nop>");
        }
    }

    /// Renegotiates with `a=offered` and wants `a=answered`.
    pub fn renegotiates(mut self, offered: &str, answered: &str) -> Scenario {
        self.cseq += 1;
        let message =
            self.request("INVITE", "[next_url]", VIA, "[peer_tag_param]", self.cseq, &self.description(offered));
        self.send(&message, true).receive("<recv response=\"100\" optional=\"true\"/>");
        self.receive(&format!(
            "<recv response=\"200\"><action><ereg regexp=\"a={answered}\" search_in=\"msg\" check_it=\"true\" \
             assign_to=\"1\"/></action></recv>\n<Reference variables=\"1\"/>"
        ));
        self.acknowledge("[next_url]", VIA);
        self
    }

    /// Goes on as it is for so long.
    pub fn goes_on(mut self, milliseconds: u32) -> Scenario {
        self.receive(&format!("<pause milliseconds=\"{milliseconds}\"/>"));
        self
    }

    /// Gives the call up while it rings.
    pub fn cancels(mut self) -> Scenario {
        let message = self.request("CANCEL", TARGET, "[last_Via:]\n", "", self.cseq, EMPTY);
        self.send(&message, true).receive("<recv response=\"200\"/>");
        self.until_refused(487)
    }

    /// Waits to be hung up on.
    pub fn until_hung_up(mut self) -> Scenario {
        self.receive("<recv request=\"BYE\"/>").reply("200 OK", LAST_CSEQ, "", EMPTY);
        self
    }

    /// Hangs up.
    pub fn hangs_up(mut self) -> Scenario {
        self.cseq += 1;
        let message = self.request("BYE", "[next_url]", VIA, "[peer_tag_param]", self.cseq, EMPTY);
        self.send(&message, true).receive("<recv response=\"200\"/>");
        self
    }

    /// A response; `to_tag` where the request has none.
    fn reply(&mut self, status: &str, cseq: &str, to_tag: &str, rest: &str) -> &mut Scenario {
        let message = format!(
            "SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:]{to_tag}\n[last_Call-ID:]\n{cseq}{CONTACT}{rest}"
        );
        // An INVITE's final response is repeated until its ACK comes.
        let retransmits = !to_tag.is_empty() && !status.starts_with("180");
        self.send(&message, retransmits)
    }

    /// As callee: rings.
    pub fn rings(mut self) -> Scenario {
        self.receive("<recv request=\"INVITE\" rrs=\"true\"/>").reply("180 Ringing", LAST_CSEQ, TO_TAG, EMPTY);
        self
    }

    /// As callee: answers.
    pub fn answers(mut self) -> Scenario {
        let description = self.description("sendrecv");
        self.reply("200 OK", LAST_CSEQ, TO_TAG, &description).receive("<recv request=\"ACK\"/>");
        self.talk();
        self
    }

    /// As callee: refuses.
    pub fn refuses(mut self, status: &str) -> Scenario {
        self.reply(status, LAST_CSEQ, TO_TAG, EMPTY).receive("<recv request=\"ACK\"/>");
        self
    }

    /// As callee: wants the caller to give up.
    pub fn until_cancelled(mut self) -> Scenario {
        self.receive("<recv request=\"CANCEL\"/>").reply("200 OK", LAST_CSEQ, "", EMPTY);
        // The gateway's first request of a dialog has the CSeq 1.
        self.reply("487 Request Terminated", "CSeq: 1 INVITE\n", TO_TAG, EMPTY).receive("<recv request=\"ACK\"/>");
        self
    }

    fn xml(&self, tone: &std::path::Path) -> String {
        let own = if self.user.is_empty() { &self.callee } else { &self.user };
        let steps = self.steps.replace("@OWN@", own).replace("@USER@", &self.user).replace("@CALLEE@", &self.callee);
        let steps = steps.replace("@PASSWORD@", PASSWORD).replace("@TONE@", &tone.to_string_lossy());
        format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"interop\">\n{steps}</scenario>\n")
    }
}

const CREDENTIALS: &str = "[authentication username=@OWN@ password=@PASSWORD@]\n";
const TARGET: &str = "sip:@CALLEE@@[remote_ip]:[remote_port]";
const VIA: &str = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n";
const CONTACT: &str = "Contact: <sip:@OWN@@[local_ip]:[local_port];transport=[transport]>\n";
const LAST_CSEQ: &str = "[last_CSeq:]\n";
const EMPTY: &str = "Content-Length: 0\n";
const TO_TAG: &str = ";tag=[pid]s";

/// A running SIPp.
pub struct Sipp(Program);

impl Sipp {
    /// Plays a caller's scenario.
    pub fn calls(lab: &mut Lab, door: Door, scenario: &Scenario) -> Sipp {
        let port = lab.ports(2);
        Sipp::start(lab, door, port, scenario)
    }

    /// Registers the callee of the scenario, then waits for its call.
    pub fn seat(lab: &mut Lab, scenario: &Scenario) -> Sipp {
        let (port, door) = (lab.ports(2), lab.seat_door());
        Sipp::start(lab, door, port, &Scenario::registration(&scenario.callee)).succeeds();
        Sipp::listening(lab, door, port, scenario)
    }

    /// Waits for a call where the gateway expects the carrier.
    pub fn carrier(lab: &mut Lab, scenario: &Scenario) -> Sipp {
        let (port, door) = (lab.peer, lab.carrier_door());
        Sipp::listening(lab, door, port, scenario)
    }

    fn listening(lab: &mut Lab, door: Door, port: u16, scenario: &Scenario) -> Sipp {
        let sipp = Sipp::start(lab, door, port, scenario);
        let address = (std::net::Ipv4Addr::LOCALHOST, port);
        until("SIPp to listen", || std::net::UdpSocket::bind(address).is_err().then_some(()));
        sipp
    }

    fn start(lab: &mut Lab, door: Door, port: u16, scenario: &Scenario) -> Sipp {
        let media = lab.ports(6);
        let directory = lab.directory(&format!("sipp-{port}-{media}"));
        let file = |name: &str| directory.join(name);
        let tone = file("tone.alaw");
        if let Voice::Tone(hz) = scenario.voice {
            sound::write_alaw(&tone, hz);
        }
        std::fs::write(file("scenario.xml"), scenario.xml(&tone)).expect("a file");
        let mut command = Command::new("sipp");
        command.arg(format!("127.0.0.1:{}", door.port)).args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", "1"]);
        command.args(["-t", if door.transport == "tcp" { "t1" } else { "u1" }, "-nostdin", "-timeout", "60"]);
        command.args(["-p", &port.to_string(), "-mp", &media.to_string()]);
        if scenario.voice == Voice::Echo {
            command.arg("-rtp_echo");
        }
        command.arg("-sf").arg(file("scenario.xml")).current_dir(&directory);
        command.arg("-trace_msg").arg("-message_file").arg(file("messages"));
        command.arg("-trace_err").arg("-error_file").arg(file("errors"));
        let mut program = Program::start(&format!("sipp on port {port}"), "sip-tester", &mut command);
        program.traces = vec![file("errors"), file("messages")];
        Sipp(program)
    }

    /// Waits until the scenario was played to its end, as it is written.
    pub fn succeeds(mut self) {
        let status = self.0.ended();
        assert!(status.success(), "the scenario failed: {status}");
    }
}
