//! The carrier: a SIP peer behind a trunk. It answers any call with a tone and listens for the other's, or calls in.
#![allow(clippy::disallowed_methods)] // a shell: it measures its call

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::error::ClientError;
use super::line::{Line, LineSettings, sleep_until};
use super::phone::{CallEnd, PhoneEvent, Placing};
use super::report::{CallReport, millis};
use super::story::{Story, What};
use super::voice::{LISTEN_EVERY, Tones, Voice};
use crate::sip::Transport;
use crate::sip::message::Uri;

/// What a carrier does.
#[derive(Clone, Debug)]
pub struct CarrierOptions {
    /// Where it listens.
    pub bind: SocketAddr,
    /// How it talks.
    pub transport: Transport,
    /// The two tones.
    pub tones: Tones,
    /// Whom it calls; `None`: it answers.
    pub call: Option<Uri>,
    /// The number that it calls from.
    pub number: Option<String>,
    /// How long it lets a call of its own, and the longest it lets any, last.
    pub seconds: Option<Duration>,
    /// After how many calls it ends; `None`: only when it is stopped.
    pub calls: Option<u64>,
}

/// How long a call that we place lasts when nothing is said.
const DEFAULT_CALL: Duration = Duration::from_secs(10);

/// Runs until its calls are done or `stop` is cancelled. Fails when the last call did not go as it should.
pub async fn run(options: CarrierOptions, story: Story, stop: CancellationToken) -> Result<CallReport, ClientError> {
    let server = match &options.call {
        Some(target) => Some(peer_of(target)?),
        None => None,
    };
    let mut line = Line::open(LineSettings {
        server,
        transport: options.transport,
        bind: Some(options.bind),
        product: "TandemCarrier/1.0".into(),
        domain: None,
        user: options.number.clone().unwrap_or_else(|| "carrier".into()),
        password: None,
        instance: None,
        number: options.number.clone(),
        access: None,
        register_expires_s: 600,
    })
    .await?;
    let done = serve(&mut line, &options, &story, &stop).await;
    line.leave().await;
    done
}

async fn serve(
    line: &mut Line,
    options: &CarrierOptions,
    story: &Story,
    stop: &CancellationToken,
) -> Result<CallReport, ClientError> {
    let mut last = CallReport { ok: true, ..CallReport::default() };
    let mut served = 0;
    let wanted = if options.call.is_some() { Some(1) } else { options.calls };
    while wanted.is_none_or(|wanted| served < wanted) {
        let begun = match &options.call {
            Some(target) => Some(place(line, options, target, story).await?),
            None => wait(line, options, story, stop).await?,
        };
        let Some(voice) = begun else { break };
        let outcome = talk(line, voice, options, story, stop).await;
        served += 1;
        match outcome {
            Ok(report) => last = report,
            // Who answers goes on with the next caller unless this was the last.
            Err(error) if wanted.is_none_or(|wanted| served < wanted) => {
                tracing::warn!(%error, "a call did not go as it should");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(last)
}

/// HOST:PORT of a SIP URI.
pub(super) fn peer_of(target: &Uri) -> Result<String, ClientError> {
    let wrong = || ClientError::Option {
        option: "the address to call",
        value: target.to_string(),
        expected: "a SIP address such as sip:4008001234@127.0.0.1:5064",
    };
    let host = target.host().ok_or_else(wrong)?;
    Ok(format!("{host}:{}", target.port().unwrap_or(5060)))
}

async fn place(line: &mut Line, options: &CarrierOptions, target: &Uri, story: &Story) -> Result<Voice, ClientError> {
    let voice = Voice::bind(line.local().ip(), options.tones).await?;
    let (phone, now) = line.phone();
    let placing = Placing { target: target.clone(), media: voice.local_media(), parts: Vec::new() };
    let call_id = phone.call(placing, now)?;
    story.tell(What::CallPlaced, format!("calls {target}"), json!({"call_id": call_id, "to": target.to_string()}));
    Ok(voice)
}

/// Waits for a caller and answers at once. `None` when stopped before.
async fn wait(
    line: &mut Line,
    options: &CarrierOptions,
    story: &Story,
    stop: &CancellationToken,
) -> Result<Option<Voice>, ClientError> {
    loop {
        let event = tokio::select! {
            event = line.next() => event,
            () = stop.cancelled() => return Ok(None),
        };
        if let PhoneEvent::Incoming { call_id, from, .. } = event {
            story.tell(What::CallRinging, format!("{from} calls"), json!({"call_id": call_id, "from": from}));
            let voice = Voice::bind(line.local().ip(), options.tones).await?;
            let (phone, now) = line.phone();
            phone.ring(now)?;
            phone.answer(voice.local_media(), now)?;
            return Ok(Some(voice));
        }
    }
}

/// The call from here to its report.
async fn talk(
    line: &mut Line,
    mut voice: Voice,
    options: &CarrierOptions,
    story: &Story,
    stop: &CancellationToken,
) -> Result<CallReport, ClientError> {
    let begun = Instant::now();
    let limit = options.seconds.or(options.call.as_ref().map(|_| DEFAULT_CALL));
    let (mut report, mut answered, mut hang_up_at) = (CallReport::default(), None, None);
    let mut listen = tokio::time::interval(LISTEN_EVERY);
    let end = loop {
        let event = tokio::select! {
            event = line.next() => event,
            _ = listen.tick() => {
                voice.listen(story);
                continue;
            }
            () = sleep_until(hang_up_at) => break CallEnd::HungUp,
            () = stop.cancelled() => break CallEnd::HungUp,
        };
        match event {
            PhoneEvent::Media(agreement) => voice.agree(&agreement.audio)?,
            PhoneEvent::Ringing { status } => {
                story.tell(What::CallRinging, "the other side rings", json!({"status": status}));
            }
            PhoneEvent::Established { call_id } => {
                let setup_ms = millis(begun, Instant::now());
                story.tell(What::CallAnswered, "the call is up", json!({"call_id": call_id, "setup_ms": setup_ms}));
                report.call_id = Some(call_id);
                report.setup_ms = options.call.as_ref().map(|_| setup_ms);
                answered = Some(Instant::now());
                hang_up_at = limit.map(|limit| tokio::time::Instant::now() + limit);
            }
            PhoneEvent::Ended(end) => break end,
            _ => {}
        }
    };
    // Ended by the peer there is nothing to hang up.
    let (phone, now) = line.phone();
    let _ = phone.hang_up(486, now);
    line.settle().await;
    finish(report, answered, &end, voice, options, story).await
}

async fn finish(
    mut report: CallReport,
    answered: Option<Instant>,
    end: &CallEnd,
    voice: Voice,
    options: &CarrierOptions,
    story: &Story,
) -> Result<CallReport, ClientError> {
    report.talk_ms = answered.map_or(0, |answered| millis(answered, Instant::now()));
    report.end = Some(end.to_string());
    story.tell(What::CallEnded, end.to_string(), json!({"talk_ms": report.talk_ms}));
    let heard = voice.stop().await;
    report.hear(&heard);
    let target = options.call.as_ref().map_or_else(|| "the caller".to_owned(), ToString::to_string);
    let verdict = match answered {
        None => Err(ClientError::Call { target, end: end.clone() }),
        Some(_) => heard.verdict(),
    };
    report.ok = verdict.is_ok();
    report.failure = verdict.as_ref().err().map(ToString::to_string);
    report.tell(story);
    verdict.map(|()| report)
}
