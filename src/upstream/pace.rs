//! When a datagram counts as lost, and is sent again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Before anything is known, and at least, unless haste is asked for: a server that has to ask
/// others first should not be asked twice. Shorter where there is less time.
const USUAL: Duration = Duration::from_millis(333);
const USUAL_PART: u32 = 6;
const LEAST: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_secs(1);
/// The least that an answer may be later than the average.
const SLACK: Duration = Duration::from_millis(10);
/// Each answer counts for this part of the share of answers to repeated datagrams: those that one
/// burst lost come in together, and are to move it little.
const SHARE_PART: u32 = 32;
/// The whole; when more than half were repeated, the pause is too short, not the line bad.
const SHARE: u32 = 1024;

/// Learns a server's pace from its answers, as TCP does (RFC 6298).
#[derive(Debug)]
pub(super) struct Pace {
    is_hasty: bool,
    usual: Duration,
    known: Mutex<Known>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    average: Option<Duration>,
    deviation: Duration,
    /// How many of the latest answers were to repeated datagrams, out of [`SHARE`].
    repeated: u32,
}

impl Pace {
    /// A pace of which nothing is known yet, for queries that may take `timeout`. In haste, a
    /// datagram is sent again as soon as its answer is unusually late.
    pub fn new(is_hasty: bool, timeout: Duration) -> Self {
        Self {
            is_hasty,
            usual: USUAL.min(timeout / USUAL_PART),
            known: Mutex::default(),
        }
    }

    /// How long to wait for an answer before the datagram is sent again.
    pub fn pause(&self) -> Duration {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(average) = known.average else {
            return self.usual;
        };
        let least = if self.is_hasty {
            LEAST.min(self.usual)
        } else {
            self.usual
        };
        let pause = average + (known.deviation * 4).max(SLACK);
        pause.clamp(least, MOST)
    }

    /// Notes how long an answer took, and whether the datagram had been sent again.
    pub fn note(&self, (took, is_repeated): (Duration, bool)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.repeated -= known.repeated / SHARE_PART;
        if is_repeated {
            known.repeated += SHARE / SHARE_PART;
            // Karn's rule: nobody knows which of the datagrams was answered.
            if known.repeated <= SHARE / 2 {
                return;
            }
        }
        *known = match known.average {
            None => Known {
                average: Some(took),
                deviation: took / 2,
                ..*known
            },
            Some(average) => Known {
                average: Some((average * 7 + took) / 8),
                deviation: (known.deviation * 3 + average.abs_diff(took)) / 4,
                ..*known
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn pace(is_hasty: bool, samples: &[(u64, bool)]) -> Duration {
        let pace = Pace::new(is_hasty, Duration::from_secs(2));
        for &(took, is_repeated) in samples {
            pace.note((ms(took), is_repeated));
        }
        pace.pause()
    }

    #[test]
    fn in_haste_a_steady_server_gets_little_more_than_its_average() {
        let steady = [(20, false); 30];
        assert_eq!(pace(true, &steady), ms(30));
        assert_eq!(pace(false, &steady), USUAL);
        assert_eq!(pace(true, &[]), USUAL);
        assert_eq!(Pace::new(false, ms(600)).pause(), ms(100));
    }

    #[test]
    fn an_unsteady_server_gets_more_time() {
        let unsteady: Vec<_> = [(10, false), (110, false)].repeat(15);
        assert!(pace(true, &unsteady) > ms(150));
        assert!(pace(true, &[(3000, false); 9]) == MOST);
    }

    #[test]
    fn a_burst_of_losses_changes_nothing_and_a_server_that_became_slow_is_noticed() {
        let mut samples = vec![(20, false); 30];
        samples.extend([(50, true); 13]);
        samples.extend([(20, false); 13]);
        samples.extend([(110, true); 7]);
        assert_eq!(pace(true, &samples), ms(30));
        samples.extend([(90, true); 40]);
        assert!(pace(true, &samples) > ms(90));
    }
}
