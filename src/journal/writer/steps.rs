//! What the writer does in steps, between its other work, because it may take long: days of an earlier
//! version, what is too old, and deletions. One after the other: they go over the same blocks.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{HOUSEKEEPING, MOST_DAYS, SETTLING, Writer};
use crate::store::StoreError;

/// Between two steps, for others who use the processor and the disk.
const BREATH: Duration = Duration::from_millis(5);

impl Writer {
    /// Does a step; `false` when nothing is to be done.
    pub(super) async fn work(&mut self, now_ms: i64, is_taken: bool) -> bool {
        if self.is_ending || !self.may_try() {
            return false;
        }
        if !self.disk.old.is_empty() {
            let renewed = self.disk.renew_a_day().await;
            self.goes_on(renewed).await
        } else if self.disk.retaining.is_some() {
            let retained = self.disk.retain_some().await;
            self.goes_on(retained).await
        } else if self.is_to_erase(is_taken) {
            let erased = self.erase_some(now_ms).await;
            self.goes_on(erased).await
        } else if self.disk.is_shrinking {
            let shrunk = self.disk.shrink_some().await;
            self.goes_on(shrunk).await
        } else {
            false
        }
    }

    /// Lets others come in between.
    pub(super) async fn breathe(&mut self, stop: &CancellationToken) {
        if self.disk.retaining.is_some() || self.disk.erasing.is_some() || self.disk.is_shrinking {
            self.wait(stop, Instant::now() + BREATH).await;
        }
    }

    /// Begins to delete what is too old, or a little later where another deletion is under way.
    pub(super) async fn keep_house(&mut self, now_ms: i64) {
        let is_erasing = self.disk.erasing.is_some();
        let pause = if is_erasing { SETTLING } else { HOUSEKEEPING };
        self.schedule.housekeeping = Instant::now() + pause;
        if !is_erasing {
            self.retain(now_ms).await;
        }
    }

    /// Begins to delete what is too old.
    pub(in crate::journal) async fn retain(&mut self, now_ms: i64) {
        self.flush(now_ms).await;
        if self.shared.problem().is_some() {
            self.shared.state_mut().forget_days(MOST_DAYS);
        } else {
            let begun = self.disk.begin_retaining(now_ms).await;
            self.note(begun).await;
        }
    }

    /// Deletions begin when all that was recorded until then is taken.
    fn is_to_erase(&self, is_taken: bool) -> bool {
        let is_wanted = self.disk.erasing.is_some() || self.shared.has_erasures();
        is_wanted && self.shared.state().is_loaded && (is_taken || !self.disk.is_to_begin_erasing())
    }

    async fn erase_some(&mut self, now_ms: i64) -> Result<bool, StoreError> {
        if self.disk.is_to_begin_erasing() {
            self.disk.erasing = None;
            // Rows that are in memory go through a block, as all others.
            self.disk.flush_as(now_ms, true).await?;
            self.disk.begin_erasing().await?;
            return Ok(true);
        }
        self.disk.erase_some().await
    }

    async fn goes_on(&mut self, done: Result<bool, StoreError>) -> bool {
        let goes_on = matches!(done, Ok(true));
        self.note(done.map(drop)).await;
        goes_on
    }
}
