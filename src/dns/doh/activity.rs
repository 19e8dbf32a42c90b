//! Whether anything happens on an HTTP connection: requests are in hand, or were a while ago.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::query::Transport;

/// What happens on one connection.
pub(super) struct Activity {
    /// Everyone who has this is a request in hand.
    hands: Arc<()>,
    last: Cell<Instant>,
    patience: Duration,
}

/// A request in hand, until its response is written.
pub(super) struct Hand(#[expect(dead_code, reason = "it counts by being there")] Arc<()>);

impl Activity {
    pub(super) fn new(transport: Transport) -> Self {
        Self {
            hands: Arc::new(()),
            last: Cell::new(Instant::now()),
            patience: crate::dns::patience(transport),
        }
    }

    pub(super) fn begin(&self) -> Hand {
        self.touch();
        Hand(Arc::clone(&self.hands))
    }

    pub(super) fn touch(&self) {
        self.last.set(Instant::now());
    }

    /// When to look whether it is over.
    pub(super) fn deadline(&self) -> Instant {
        self.last.get() + self.patience
    }

    /// Whether nothing happened for too long.
    pub(super) fn is_over(&self) -> bool {
        if Arc::strong_count(&self.hands) > 1 {
            self.touch();
        }
        Instant::now() >= self.deadline()
    }
}
