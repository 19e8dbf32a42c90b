//! The table `name`: every name that a row of the journal speaks of.

use futures_util::TryStreamExt as _;
use sqlx::Row as _;

use super::{NODE, StoreError, Table, narrow};

/// The names that were asked, by number.
pub struct NameTable<'a>(pub(super) Table<'a>);

impl NameTable<'_> {
    /// Adds a name under a new number.
    pub async fn add(&mut self, id: u32, text: &str) -> Result<(), StoreError> {
        let done = sqlx::query("INSERT INTO name (node, id, text) VALUES ($1, $2, $3)")
            .bind(NODE)
            .bind(i64::from(id))
            .bind(text)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// Hands out all names in the order of their numbers.
    pub async fn each(&mut self, mut take: impl FnMut(u32, &str)) -> Result<(), StoreError> {
        let query = sqlx::query("SELECT id, text FROM name WHERE node = $1 ORDER BY id").bind(NODE);
        let mut rows = query.fetch(&mut *self.0.connection);
        loop {
            let next = rows.try_next().await;
            let row = next.map_err(|source| StoreError::using(self.0.file, source))?;
            let Some(row) = row else { return Ok(()) };
            let (Ok(id), Ok(text)) = (row.try_get(0), row.try_get::<&str, _>(1)) else {
                continue;
            };
            if let Some(id) = narrow(id) {
                take(id, text);
            }
        }
    }

    /// Removes a name that nothing speaks of any more.
    pub async fn remove(&mut self, id: u32) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM name WHERE node = $1 AND id = $2")
            .bind(NODE)
            .bind(i64::from(id))
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }
}
