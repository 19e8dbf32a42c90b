//! The table `erasure`: devices of which all that was recorded until some time is deleted.

use super::{NODE, StoreError, Table, narrow};
use crate::query::DeviceId;

/// A deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureRow {
    /// The device.
    pub device: DeviceId,
    /// What was recorded until then goes, in milliseconds since 1970-01-01 UTC.
    pub until_ms: i64,
    /// Whether all of it is gone from this file.
    pub is_done: bool,
}

/// The deletions: those that are not finished go on after a restart, and what other nodes had not
/// sent is still left out after all of them.
pub struct ErasureTable<'a>(pub(super) Table<'a>);

impl ErasureTable<'_> {
    /// Adds one, unless it is there; one that is there from later than `latest_ms` is of a clock that
    /// was ahead.
    pub async fn add(
        &mut self,
        device: DeviceId,
        (until_ms, latest_ms): (i64, i64),
    ) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO erasure (node, device, until_ms, is_done) VALUES ($1, $2, $3, 0) \
             ON CONFLICT (node, device) DO UPDATE SET until_ms = excluded.until_ms, is_done = 0 \
             WHERE until_ms < excluded.until_ms OR until_ms > $4",
        );
        let done = query
            .bind(NODE)
            .bind(i64::from(device.0))
            .bind(until_ms)
            .bind(latest_ms)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All of them.
    pub async fn all(&mut self) -> Result<Vec<ErasureRow>, StoreError> {
        let query = sqlx::query_as::<_, (i64, i64, i64)>(
            "SELECT device, until_ms, is_done FROM erasure WHERE node = $1 ORDER BY device",
        );
        let rows = query.bind(NODE).fetch_all(self.0.connection()).await;
        let row = |(device, until_ms, is_done): (i64, i64, i64)| {
            Some(ErasureRow {
                device: DeviceId(narrow(device)?),
                until_ms,
                is_done: is_done != 0,
            })
        };
        Ok(self.0.checked(rows)?.into_iter().filter_map(row).collect())
    }

    /// One is finished, as far as it was asked for until then.
    pub async fn finish(&mut self, device: DeviceId, until_ms: i64) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE erasure SET is_done = 1 WHERE node = $1 AND device = $2 AND until_ms <= $3",
        )
        .bind(NODE)
        .bind(i64::from(device.0))
        .bind(until_ms)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// The last of those that nodes share that is here; 0 = none.
    pub async fn learned(&mut self) -> Result<i64, StoreError> {
        let row = sqlx::query_scalar("SELECT value FROM node_state WHERE name = 'learned'")
            .fetch_optional(self.0.connection())
            .await;
        Ok(self.0.checked(row)?.unwrap_or(0))
    }

    /// Keeps which one is the last.
    pub async fn set_learned(&mut self, id: i64) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO node_state (name, value) VALUES ('learned', $1) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(id)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }
}
