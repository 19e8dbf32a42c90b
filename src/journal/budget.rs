//! How many new names the journal takes: as many as a home asks for, and not all that a flood of
//! made-up ones would bring.
//!
//! Whoever asks for random names would otherwise fill the memory and the disk with them, and no
//! name that somebody asks for later would find room.

use super::line::HOUR_MS;

/// An allowance that comes back with time.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    most: i64,
    an_hour: i64,
    left: i64,
    /// Until when what comes back is counted in.
    at_ms: i64,
}

impl Budget {
    /// So many at once, and so many more in each hour.
    pub(super) const fn new(most: i64, an_hour: i64) -> Self {
        Self {
            most,
            an_hour,
            left: most,
            at_ms: 0,
        }
    }

    /// Takes one at this time, if one is left.
    pub(super) fn take(&mut self, at_ms: i64) -> bool {
        let is_left = self.is_left(at_ms);
        self.left -= i64::from(is_left);
        is_left
    }

    /// Whether one is left at this time.
    pub(super) fn is_left(&mut self, at_ms: i64) -> bool {
        // The clock was ahead: what comes back is counted by the one that is right.
        self.at_ms = self.at_ms.min(at_ms);
        let back = at_ms
            .saturating_sub(self.at_ms)
            .saturating_mul(self.an_hour)
            / HOUR_MS;
        if back >= self.most {
            (self.left, self.at_ms) = (self.most, at_ms);
        } else if back > 0 {
            self.left = (self.left + back).min(self.most);
            self.at_ms += back * HOUR_MS / self.an_hour;
        }
        self.left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_comes_back_with_time() {
        let mut budget = Budget::new(3, 60);
        let start = 1_700_000_000_000;
        let mut taken = |count: usize, at_ms| (0..count).filter(|_| budget.take(at_ms)).count();
        assert_eq!(taken(9, start), 3);
        assert_eq!(taken(9, start + 59_999), 0);
        assert_eq!(taken(9, start + 60_000), 1);
        assert_eq!(taken(9, start + 90_000), 0, "half of one is none");
        assert_eq!(taken(9, start + 180_000), 2);
        assert_eq!(
            taken(9, start),
            0,
            "a clock that is set back brings nothing"
        );
        assert_eq!(taken(9, start + 100 * HOUR_MS), 3);
    }

    #[test]
    fn what_is_spent_comes_back_after_the_clock_was_ahead() {
        let mut budget = Budget::new(3, 60);
        let start = 1_700_000_000_000;
        let mut taken = |count: usize, at_ms| (0..count).filter(|_| budget.take(at_ms)).count();
        assert_eq!(taken(9, start + 9000 * HOUR_MS), 3);
        assert_eq!(taken(9, start), 0);
        assert_eq!(taken(9, start + 60_000), 1);
        assert_eq!(taken(9, start + HOUR_MS), 3);
    }
}
