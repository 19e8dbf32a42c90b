//! What devices had asked for before a time, kept for a while: looking it up goes through all days.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::journal::{Habits, Journal};

/// One for each span that the dashboard offers.
const KEPT: usize = 4;

/// The habits that were looked up last.
#[derive(Debug, Default)]
pub(super) struct KeptHabits(Mutex<VecDeque<(i64, Arc<Habits>)>>);

impl KeptHabits {
    /// What devices had asked for before a time; `None` when not all of it could be read.
    pub(super) async fn until(&self, journal: &Journal, until_ms: i64) -> Option<Arc<Habits>> {
        if let Some(habits) = self.find(until_ms) {
            return Some(habits);
        }
        let habits = Arc::new(journal.habits(until_ms).await);
        if !habits.extent.complete {
            return None;
        }
        self.keep(until_ms, &habits);
        Some(habits)
    }

    fn find(&self, until_ms: i64) -> Option<Arc<Habits>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = kept.iter().filter(|(at, _)| *at == until_ms);
        found.next().map(|(_, habits)| Arc::clone(habits))
    }

    fn keep(&self, until_ms: i64, habits: &Arc<Habits>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.push_front((until_ms, Arc::clone(habits)));
    }
}
