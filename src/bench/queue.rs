//! The queue: how soon a free seat rings, and what callers who hear music cost.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::error::BenchError;
use super::gateway::{Gateway, SEATS};
use super::phones::Line;
use super::{Bench, quantile};
use crate::sip::endpoint::{Event, LegEvent, LegId};

/// What the queue costs.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Caller's INVITE to seat's INVITE with a seat free, milliseconds, the median.
    pub arrival_ms_p50: f64,
    /// The 99th percentile of it.
    pub arrival_ms_p99: f64,
    /// Callers who heard music at once.
    pub listeners: usize,
    /// What they cost, percent of a core.
    pub music_core_percent: f64,
}

pub(super) fn measure(bench: &Bench, gateway: &mut Gateway) -> Result<Queue, BenchError> {
    let failed = BenchError::system("opening the phones' sockets");
    let calls = bench.pick(400, 100);
    bench.say(&format!("{calls} calls into the queue, each with a seat free"));
    let mut arrivals = arrivals(gateway.listener, calls).map_err(failed)?;
    arrivals.sort_by(f64::total_cmp);
    let listeners = bench.pick(200, 100);
    bench.say(&format!("{listeners} callers hear music"));
    let failed = BenchError::system("opening the phones' sockets");
    let (heard, music_core_percent) = music(bench, gateway, listeners).map_err(failed)?;
    if arrivals.len() < calls || heard < listeners {
        let (connected, wanted) = (arrivals.len() + heard, calls + listeners);
        return Err(BenchError::Calls { what: "the queue", connected, wanted, log: gateway.log_tail() });
    }
    Ok(Queue {
        arrival_ms_p50: quantile(&arrivals, 0.5),
        arrival_ms_p99: quantile(&arrivals, 0.99),
        listeners,
        music_core_percent,
    })
}

/// Milliseconds from each caller's INVITE to the seat's. One caller at a time; he hangs up when the seat rings.
fn arrivals(gateway: SocketAddr, count: usize) -> std::io::Result<Vec<f64>> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (mut callers, mut seats) = (Line::bind(any, 3)?, Line::bind(any, 4)?);
    let media = UdpSocket::bind(any)?.local_addr()?;
    for seat in 0..SEATS {
        seats.register(gateway, &format!("agent{seat}"), 600);
        pump(&mut [&mut seats], Duration::from_millis(2));
    }
    pump(&mut [&mut seats], Duration::from_millis(100));
    let mut times = Vec::new();
    for _ in 0..count {
        let sent = Instant::now();
        let leg = callers.call(gateway, "queue", media);
        let deadline = sent + Duration::from_secs(2);
        let mut rang = false;
        let mut answered = false;
        // Busy, not asleep: a wake-up costs as much as what is measured. The ACK of a 200 belongs to the call, too.
        while !(rang && answered) && Instant::now() < deadline {
            answered |= callers.turn().iter().any(|(_, event)| is_answer(event, leg));
            for (at, event) in seats.turn() {
                if matches!(event, Event::Incoming { .. }) && !rang {
                    rang = true;
                    times.push(at.duration_since(sent).as_secs_f64() * 1e3);
                }
            }
        }
        callers.hang_up(leg);
        pump(&mut [&mut callers, &mut seats], Duration::from_millis(3));
    }
    for seat in 0..SEATS {
        seats.register(gateway, &format!("agent{seat}"), 0);
        pump(&mut [&mut seats], Duration::from_millis(2));
    }
    Ok(times)
}

fn is_answer(event: &Event, wanted: LegId) -> bool {
    matches!(event, Event::Leg { leg, event: LegEvent::Answered(_) } if *leg == wanted)
}

fn pump(lines: &mut [&mut Line], length: Duration) {
    let end = Instant::now() + length;
    while Instant::now() < end {
        for line in lines.iter_mut() {
            let _ = line.turn();
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// How many callers hear music, and the percentage of a core that they cost.
fn music(bench: &Bench, gateway: &Gateway, count: usize) -> std::io::Result<(usize, f64)> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut line = Line::bind(any, 5)?;
    let mut sockets = BTreeMap::new();
    let mut heard = 0;
    for _ in 0..count {
        let media = UdpSocket::bind(any)?;
        let leg = line.call(gateway.listener, "queue", media.local_addr()?);
        sockets.insert(leg, media);
        let end = Instant::now() + Duration::from_millis(5);
        while Instant::now() < end {
            let events = line.turn();
            let is_answer = |event: &Event| matches!(event, Event::Leg { event: LegEvent::Answered(_), .. });
            heard += events.iter().filter(|(_, event)| is_answer(event)).count();
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    let account = gateway.account();
    let (before, started) = (account.cpu(), Instant::now());
    // What is played to them stays in their sockets: nobody else's time is taken.
    std::thread::sleep(Duration::from_secs(bench.pick(5, 2)));
    let percent = account.cpu().saturating_sub(before).as_secs_f64() / started.elapsed().as_secs_f64() * 100.0;
    for leg in sockets.into_keys() {
        line.hang_up(leg);
    }
    pump(&mut [&mut line], Duration::from_millis(500));
    Ok((heard, percent))
}
