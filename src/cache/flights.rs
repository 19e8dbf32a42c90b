//! Questions that are being asked: whoever asks the same waits for the same answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_cache::DefaultHashBuilder;
use tokio::sync::watch;

use super::held::Held;
use crate::query::Source;

/// An answer, and who made it.
pub type Told = (Held, Source);

/// The way to those who wait, where somebody does: few questions are asked twice at once.
type Waiting = Option<watch::Sender<Option<Told>>>;
type Asking = HashMap<Box<[u8]>, Waiting, DefaultHashBuilder>;

/// The questions that are being asked, over all threads.
#[derive(Debug, Default)]
pub(super) struct Flights {
    asking: Mutex<Asking>,
}

/// What somebody with a question is to do.
pub(super) enum Turn<'a> {
    /// Ask, and tell the others.
    Ask(Flight<'a>),
    /// Wait for the one who asks.
    Wait(watch::Receiver<Option<Told>>),
}

/// A question that is ours to ask. When it is dropped untold, one of those who wait asks instead.
pub(super) struct Flight<'a> {
    flights: &'a Flights,
    key: &'a [u8],
    is_over: bool,
}

impl Flights {
    /// Joins those who ask this.
    pub fn join<'a>(&'a self, key: &'a [u8]) -> Turn<'a> {
        let mut asking = self.asking();
        if let Some(waiting) = asking.get_mut(key) {
            let told = waiting.get_or_insert_with(|| watch::Sender::new(None));
            return Turn::Wait(told.subscribe());
        }
        asking.insert(key.into(), None);
        Turn::Ask(Flight {
            flights: self,
            key,
            is_over: false,
        })
    }

    fn asking(&self) -> MutexGuard<'_, Asking> {
        // An entry is whole or absent, also after a panic.
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight<'_> {
    /// Tells those who wait.
    pub fn tell(mut self, told: &Told) {
        if let Some(waiting) = self.end() {
            waiting.send_replace(Some(told.clone()));
        }
    }

    fn end(&mut self) -> Waiting {
        self.is_over = true;
        self.flights.asking().remove(self.key).flatten()
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.end();
        }
    }
}

/// Waits for the answer; `None` when whoever asked has given up.
pub(super) async fn wait(mut waiting: watch::Receiver<Option<Told>>) -> Option<Told> {
    let told = waiting.wait_for(Option::is_some).await.ok()?;
    told.clone()
}
