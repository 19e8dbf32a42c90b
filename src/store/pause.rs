//! The table `pause`: for whom nothing is blocked, and until when.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::{NODE, StoreError, Table};

/// What is kept of a pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseRow {
    /// `all`, `group:ID` or `device:12`.
    pub who: String,
    /// When it ends, in milliseconds since 1970-01-01 UTC.
    pub until_ms: i64,
}

/// The pauses.
pub struct PauseTable<'a>(pub(super) Table<'a>);

impl PauseTable<'_> {
    /// Adds a pause, or puts it in the place of the one for the same.
    pub async fn save(&mut self, pause: &PauseRow) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO pause (node, who, until_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (node, who) DO UPDATE SET until_ms = excluded.until_ms",
        )
        .bind(NODE)
        .bind(&pause.who)
        .bind(pause.until_ms)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes the pause for these.
    pub async fn remove(&mut self, who: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM pause WHERE node = $1 AND who = $2")
            .bind(NODE)
            .bind(who)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All of them.
    pub async fn all(&mut self) -> Result<Vec<PauseRow>, StoreError> {
        let rows = sqlx::query("SELECT who, until_ms FROM pause WHERE node = $1 ORDER BY who")
            .bind(NODE)
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        let pauses = rows.iter().map(|row| {
            Ok(PauseRow {
                who: row.try_get("who")?,
                until_ms: row.try_get("until_ms")?,
            })
        });
        let pauses = pauses.collect();
        self.0.checked(pauses)
    }
}
