//! Rules that end by themselves: "allow this for an hour".

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Library, SetRule};
use crate::store::{Author, Kind, StoreError};

/// The clock may be set in between, so the next end is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

impl Library {
    /// Takes rules out of force and out of the store when they end, until told to stop.
    pub async fn end_rules(&self, stop: CancellationToken) {
        loop {
            let next = self
                .end_until(Timestamp::now())
                .await
                .unwrap_or_else(|error| {
                    tracing::warn!(%error, "a rule that ended is out of force, and still kept");
                    Some(LOOK_AGAIN)
                });
            let wait = async {
                match next {
                    Some(wait) => tokio::time::sleep(wait.min(LOOK_AGAIN)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.changed.notified() => {}
                () = wait => {}
            }
        }
    }

    /// Ends the rules whose time has come, and says how long it is until the next one's.
    pub async fn end_until(&self, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        let has_ended = |rule: &SetRule| rule.until.is_some_and(|until| until <= now);
        if self.rules().iter().any(has_ended) {
            // Whatever the disk says to it.
            self.put_rules_of(now);
            self.take_out_ended(now).await?;
            self.recall_rules().await?;
        }
        let rules = self.rules();
        let ends = rules.iter().filter_map(|rule| rule.until);
        let next = ends.filter(|until| *until > now).min();
        Ok(next.map(|until| until.duration_since(now).unsigned_abs()))
    }

    /// By what is kept: somebody may have given one more time just now.
    async fn take_out_ended(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut store = self.store.write_shared().await?;
        for row in store.rules().all().await? {
            if row
                .until_ms
                .is_some_and(|until| until <= now.as_millisecond())
            {
                let key = row.id.to_string();
                store.take_out(&Author::TIME, Kind::Rule, &key).await?;
            }
        }
        store.commit().await
    }
}
