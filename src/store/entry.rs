//! The table `entry`: every entry that decided on a query, in words that outlive a reload.

use sqlx::QueryBuilder;

use super::{NODE, StoreError, Table, name, narrow};
use crate::query::EntryLabel;

/// Entries in one statement.
const AT_ONCE: usize = 500;

/// The entries that decided, by number.
pub struct EntryTable<'a>(pub(super) Table<'a>);

impl EntryTable<'_> {
    /// Adds entries under numbers that are free.
    pub async fn add(&mut self, entries: &[(u32, EntryLabel)]) -> Result<(), StoreError> {
        for part in entries.chunks(AT_ONCE) {
            let mut query = QueryBuilder::new("INSERT INTO entry (node, id, origin, entry) ");
            query.push_values(part, |mut row, (id, label)| {
                row.push_bind(NODE)
                    .push_bind(i64::from(*id))
                    .push_bind(&label.origin)
                    .push_bind(&label.entry);
            });
            // What stands there is damaged, or it would not be free.
            query.push(
                " ON CONFLICT (node, id) DO UPDATE SET origin = excluded.origin, \
                 entry = excluded.entry",
            );
            let done = query.build().execute(self.0.connection()).await;
            self.0.checked(done)?;
        }
        Ok(())
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

    /// Removes entries that nothing speaks of any more.
    pub async fn remove(&mut self, ids: &[u32]) -> Result<(), StoreError> {
        name::remove(&mut self.0, "entry", ids).await
    }
}
