//! The whole gateway against a seeded adversary: a hundred thousand calls over a network that loses, doubles, delays and
//! breaks, with media workers and screens that fail, and parties that hang up at any moment. Whatever happens, nothing
//! is left behind and every rule of [`judge`] holds.
//!
//! `TANDEM_SEED=n` replays one schedule, `TANDEM_CALLS=n` plays that many calls. A failure names its seed and prints the
//! messages of the call it is about.

mod agent;
mod behaviour;
mod judge;
mod ladder;
mod media;
mod network;
mod screens;
mod setting;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use judge::Fault;
use world::World;

/// Calls of one schedule.
const SCHEDULE: usize = 500;
/// Calls of all tests together, unless `TANDEM_CALLS` says otherwise.
const CALLS: usize = 100_000;
/// The tests that share them, so that several cores can.
const SHARES: usize = 4;

/// What came of some schedules.
#[derive(Default)]
struct Tally {
    calls: usize,
    messages: u64,
    bridges: u64,
    screens: usize,
    outcomes: BTreeMap<String, u64>,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Plays one schedule; on failure once more with a ladder.
fn play(seed: u64, tally: &mut Tally) {
    // A fault is reported below, once and with its ladder.
    std::panic::set_hook(Box::new(|info| {
        if !info.payload().is::<Fault>() {
            eprintln!("{info}");
        }
    }));
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| schedule(seed, false, tally))) else { return };
    eprintln!("TANDEM_SEED={seed} fails; its messages:");
    let mut unused = Tally::default();
    let again = catch_unwind(AssertUnwindSafe(|| schedule(seed, true, &mut unused)));
    let fault = panic.downcast_ref::<Fault>();
    ladder::print(fault.and_then(|fault| fault.caller));
    assert!(again.is_err(), "the second run of the seed did not fail: the gateway is not deterministic");
    match fault {
        Some(fault) => panic!("TANDEM_SEED={seed}: {:?}: {}", fault.caller, fault.text),
        None => std::panic::resume_unwind(panic),
    }
}

fn schedule(seed: u64, ladder: bool, tally: &mut Tally) {
    let mut world = World::new(seed, SCHEDULE, ladder);
    world.run();
    tally.calls += SCHEDULE;
    tally.messages += world.messages;
    tally.bridges += world.judge.bridged;
    tally.screens += world.screens.opened();
    for (outcome, count) in &world.judge.outcomes {
        *tally.outcomes.entry(outcome.clone()).or_default() += count;
    }
}

/// Plays every `SHARES`th schedule, starting with `share`.
fn share(share: u64) {
    let shares = SHARES as u64;
    let calls = number("TANDEM_CALLS").map_or(CALLS, |calls| calls as usize);
    let schedules = calls.div_ceil(SCHEDULE) as u64;
    let seeds: Vec<u64> = match number("TANDEM_SEED") {
        Some(seed) => vec![seed],
        None => (0..schedules).collect(),
    };
    #[expect(clippy::disallowed_methods, reason = "the price of a call is measured")]
    let started = Instant::now();
    let mut tally = Tally::default();
    for seed in seeds.into_iter().filter(|seed| seed % shares == share) {
        play(seed, &mut tally);
    }
    let seconds = started.elapsed().as_secs_f64();
    let rate = tally.calls as f64 / seconds;
    println!(
        "{} calls, {} messages, {} bridges, {} screen sessions, {seconds:.1} s, {rate:.0} calls/s; {:?}",
        tally.calls, tally.messages, tally.bridges, tally.screens, tally.outcomes
    );
    if number("TANDEM_SEED").is_none() && tally.calls >= 10_000 {
        for outcome in ["answered", "abandoned", "overflowed", "refused", "rejected", "redirected", "failed"] {
            assert!(tally.outcomes.contains_key(outcome), "no call was {outcome}: the schedules have lost their edge");
        }
    }
}

#[test]
fn a_hundred_thousand_calls_first_share() {
    share(0);
}

#[test]
fn a_hundred_thousand_calls_second_share() {
    share(1);
}

#[test]
fn a_hundred_thousand_calls_third_share() {
    share(2);
}

#[test]
fn a_hundred_thousand_calls_fourth_share() {
    share(3);
}
