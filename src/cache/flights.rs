//! Questions that are being asked: whoever asks the same waits for the same answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::held::Held;
use crate::query::Source;

/// An answer, and who made it.
pub type Told = (Arc<Held>, Source);

type Asking = HashMap<Box<[u8]>, watch::Receiver<Option<Told>>>;

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
    key: Box<[u8]>,
    told: watch::Sender<Option<Told>>,
}

impl Flights {
    /// Joins those who ask this.
    pub fn join(&self, key: &[u8]) -> Turn<'_> {
        let mut asking = self.asking();
        if let Some(waiting) = asking.get(key) {
            return Turn::Wait(waiting.clone());
        }
        let (told, waiting) = watch::channel(None);
        asking.insert(key.into(), waiting);
        Turn::Ask(Flight {
            flights: self,
            key: key.into(),
            told,
        })
    }

    fn asking(&self) -> MutexGuard<'_, Asking> {
        // An entry is whole or absent, also after a panic.
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight<'_> {
    /// Tells those who wait.
    pub fn tell(self, told: &Told) {
        self.told.send_replace(Some(told.clone()));
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.flights.asking().remove(&self.key);
    }
}

/// Waits for the answer; `None` when whoever asked has given up.
pub(super) async fn wait(mut waiting: watch::Receiver<Option<Told>>) -> Option<Told> {
    let told = waiting.wait_for(Option::is_some).await.ok()?;
    told.clone()
}
