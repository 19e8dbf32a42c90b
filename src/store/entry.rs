//! The table `entry`: every entry that decided on a query, in words that outlive a reload.

use super::{NODE, StoreError, Table, narrow};
use crate::query::EntryLabel;

/// The entries that decided, by number.
pub struct EntryTable<'a>(pub(super) Table<'a>);

impl EntryTable<'_> {
    /// Adds an entry under a new number.
    pub async fn add(&mut self, id: u32, label: &EntryLabel) -> Result<(), StoreError> {
        let done =
            sqlx::query("INSERT INTO entry (node, id, origin, entry) VALUES ($1, $2, $3, $4)")
                .bind(NODE)
                .bind(i64::from(id))
                .bind(&label.origin)
                .bind(&label.entry)
                .execute(self.0.connection())
                .await;
        self.0.checked(done).map(|_| ())
    }

    /// All entries with their numbers.
    pub async fn all(&mut self) -> Result<Vec<(u32, EntryLabel)>, StoreError> {
        let rows = sqlx::query_as::<_, (i64, String, String)>(
            "SELECT id, origin, entry FROM entry WHERE node = $1 ORDER BY id",
        )
        .bind(NODE)
        .fetch_all(self.0.connection())
        .await;
        let label = |(id, origin, entry)| Some((narrow(id)?, EntryLabel { origin, entry }));
        Ok(self
            .0
            .checked(rows)?
            .into_iter()
            .filter_map(label)
            .collect())
    }
}
