//! When a notification is tried again.

use serde::{Deserialize, Serialize};

/// How far jitter may stretch a wait: by a quarter of it.
const JITTER_DIVISOR: i64 = 4;

/// A named schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// That of the card onboarding page: 100 ms, doubling: ten attempts within about a minute.
    Seed,
    /// Ten attempts over about 42 hours, the first again after 5 s.
    #[default]
    Patient,
}

/// The attempts at one notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    waits: Vec<i64>,
    attempts: u32,
    most_retry_after: i64,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Schedule {
    /// How many attempts there are unless said otherwise.
    pub const ATTEMPTS: u32 = 10;
    /// The longest `Retry-After` that is honoured unless said otherwise, in milliseconds.
    pub const MOST_RETRY_AFTER: i64 = HOUR;

    /// The schedule of a preset with that many attempts, at least 1; a longer `Retry-After` than
    /// `most_retry_after` (milliseconds) is cut to it.
    pub fn new(preset: Preset, attempts: u32, most_retry_after: i64) -> Self {
        let waits = match preset {
            Preset::Seed => (0..20).map(|doublings| 100 << doublings).collect(),
            Preset::Patient => vec![
                5 * SECOND,
                MINUTE,
                5 * MINUTE,
                30 * MINUTE,
                2 * HOUR,
                5 * HOUR,
                10 * HOUR,
                12 * HOUR,
                12 * HOUR,
            ],
        };
        Self { waits, attempts: attempts.max(1), most_retry_after: most_retry_after.max(0) }
    }

    /// How many attempts there are.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// For how long an endpoint is left alone that asks for it, in milliseconds: within bounds.
    pub(crate) fn asked(&self, retry_after: Option<i64>) -> i64 {
        retry_after.unwrap_or(0).clamp(0, self.most_retry_after)
    }

    /// When to try again after that many attempts (from 1), in milliseconds since 1970; `None` after
    /// the last one. Jitter only adds, and `Retry-After` holds before it: so nobody is called sooner
    /// than asked for.
    ///
    /// **range**: `jitter` is any number; all of its range is spread over a quarter of the wait.
    pub fn next(
        &self,
        attempts: u32,
        (now, jitter): (i64, u32),
        retry_after: Option<i64>,
    ) -> Option<i64> {
        if attempts >= self.attempts {
            return None;
        }
        let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let wait = self.waits.get(place).or(self.waits.last()).copied().unwrap_or(SECOND);
        let wait = wait.max(self.asked(retry_after));
        let share = i128::from(wait / JITTER_DIVISOR) * i128::from(jitter) / i128::from(u32::MAX);
        Some(now.saturating_add(wait).saturating_add(i64::try_from(share).unwrap_or(0)))
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::new(Preset::default(), Self::ATTEMPTS, Self::MOST_RETRY_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(schedule: &Schedule, jitter: u32) -> Vec<i64> {
        (1..=schedule.attempts()).map_while(|made| schedule.next(made, (0, jitter), None)).collect()
    }

    #[test]
    fn the_preset_of_the_seed_doubles_from_100_ms() {
        let seed = Schedule::new(Preset::Seed, 10, 0);
        assert_eq!(waits(&seed, 0), [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600]);
        assert_eq!(waits(&seed, u32::MAX)[..3], [125, 250, 500]);
    }

    #[test]
    fn the_patient_preset_takes_about_42_hours() {
        let total: i64 = waits(&Schedule::default(), 0).iter().sum();
        assert_eq!(total / HOUR, 41);
        assert_eq!(waits(&Schedule::default(), 0).len(), 9);
    }

    #[test]
    fn jitter_is_never_below_a_retry_after_and_a_long_one_is_cut() {
        let seed = Schedule::new(Preset::Seed, 10, 60_000);
        assert_eq!(seed.next(1, (1000, 0), Some(30_000)), Some(31_000));
        assert_eq!(seed.next(1, (1000, u32::MAX), Some(30_000)), Some(38_500));
        assert_eq!(seed.next(1, (1000, 0), Some(3_600_000)), Some(61_000));
        assert_eq!(seed.next(1, (1000, 0), Some(-5)), Some(1100));
    }

    #[test]
    fn after_the_last_attempt_there_is_none() {
        assert_eq!(Schedule::new(Preset::Seed, 3, 0).next(3, (0, 0), None), None);
        assert_eq!(Schedule::new(Preset::Seed, 0, 0).next(1, (0, 0), None), None);
    }
}
