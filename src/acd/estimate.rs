//! How long a caller may have to wait.

use std::time::Duration;

/// The weight of a new sample is one part in this many.
const WEIGHT: u32 = 8;
/// Estimates are rounded up to this step: a finer number would only flicker.
const STEP_S: u64 = 15;

/// The running estimate of one queue: `H`, the time for which one call occupies a seat (talk and wrap-up), smoothed
/// exponentially: `H ← H + (sample − H) / 8`, beginning with the first sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HandlingTime(Option<Duration>);

impl HandlingTime {
    /// Takes the occupation of one finished call into account.
    pub(super) fn add(&mut self, sample: Duration) {
        self.0 = Some(match self.0 {
            None => sample,
            Some(mean) if sample >= mean => mean + (sample - mean) / WEIGHT,
            Some(mean) => mean - (mean - sample) / WEIGHT,
        });
    }

    /// `H × position / staffed`, rounded up to 15 s: with `staffed` seats at work one call ends every `H /
    /// staffed`, and `position` calls must end. `None` before the first sample or without a staffed seat.
    pub(super) fn expected_wait(&self, position: u32, staffed: usize) -> Option<Duration> {
        let staffed = u32::try_from(staffed).ok().filter(|staffed| *staffed > 0)?;
        let wait = self.0?.checked_mul(position)? / staffed;
        let steps = wait.as_secs().div_ceil(STEP_S).max(1);
        Some(Duration::from_secs(steps * STEP_S))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_said_before_it_is_known() {
        let mut estimate = HandlingTime::default();
        assert_eq!(estimate.expected_wait(1, 1), None);
        estimate.add(s(80));
        assert_eq!(estimate.expected_wait(1, 0), None);
    }

    #[test]
    fn it_follows_the_samples_and_scales_with_position_and_seats() {
        let mut estimate = HandlingTime::default();
        estimate.add(s(80));
        assert_eq!(estimate.expected_wait(1, 1), Some(s(90)));
        assert_eq!(estimate.expected_wait(3, 2), Some(s(120)));
        assert_eq!(estimate.expected_wait(1, 80), Some(s(15)));
        estimate.add(s(160));
        assert_eq!(estimate.expected_wait(3, 1), Some(s(270)), "mean 90 s");
        estimate.add(s(10));
        assert_eq!(estimate.expected_wait(3, 1), Some(s(240)), "mean 80 s");
    }
}
