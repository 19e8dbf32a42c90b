//! The table `upstream`: every server that answered.

use super::{NODE, StoreError, Table, narrow};

/// The upstreams that answered, by number.
pub struct UpstreamTable<'a>(pub(super) Table<'a>);

impl UpstreamTable<'_> {
    /// Adds an upstream under a new number.
    pub async fn add(&mut self, id: u32, text: &str) -> Result<(), StoreError> {
        let done = sqlx::query("INSERT INTO upstream (node, id, text) VALUES ($1, $2, $3)")
            .bind(NODE)
            .bind(i64::from(id))
            .bind(text)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All upstreams with their numbers.
    pub async fn all(&mut self) -> Result<Vec<(u32, String)>, StoreError> {
        let rows = sqlx::query_as::<_, (i64, String)>(
            "SELECT id, text FROM upstream WHERE node = $1 ORDER BY id",
        )
        .bind(NODE)
        .fetch_all(self.0.connection())
        .await;
        let numbered = |(id, text)| Some((narrow(id)?, text));
        Ok(self
            .0
            .checked(rows)?
            .into_iter()
            .filter_map(numbered)
            .collect())
    }
}
