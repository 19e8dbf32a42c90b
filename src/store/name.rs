//! The table `name`: every name that a row of the journal speaks of.

use futures_util::TryStreamExt as _;
use sqlx::{QueryBuilder, Row as _};

use super::{NODE, StoreError, Table, narrow};

/// Names in one statement.
const AT_ONCE: usize = 500;

/// The names that were asked, by number.
pub struct NameTable<'a>(pub(super) Table<'a>);

impl NameTable<'_> {
    /// Adds names under numbers that are free.
    pub async fn add(&mut self, names: &[(u32, String)]) -> Result<(), StoreError> {
        for part in names.chunks(AT_ONCE) {
            let mut query = QueryBuilder::new("INSERT INTO name (node, id, text) ");
            query.push_values(part, |mut row, (id, text)| {
                row.push_bind(NODE)
                    .push_bind(i64::from(*id))
                    .push_bind(text);
            });
            // What stands there is damaged, or it would not be free.
            query.push(" ON CONFLICT (node, id) DO UPDATE SET text = excluded.text");
            let done = query.build().execute(self.0.connection()).await;
            self.0.checked(done)?;
        }
        Ok(())
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

    /// Removes names that nothing speaks of any more.
    pub async fn remove(&mut self, ids: &[u32]) -> Result<(), StoreError> {
        remove(&mut self.0, "name", ids).await
    }
}

/// Removes the words with these numbers from a dictionary.
pub(super) async fn remove(
    table: &mut Table<'_>,
    dictionary: &str,
    ids: &[u32],
) -> Result<(), StoreError> {
    for part in ids.chunks(AT_ONCE) {
        let mut query = QueryBuilder::new("DELETE FROM ");
        query.push(dictionary).push(" WHERE node = ");
        query.push_bind(NODE).push(" AND id IN (");
        let mut list = query.separated(", ");
        for id in part {
            list.push_bind(i64::from(*id));
        }
        query.push(")");
        let done = query.build().execute(table.connection()).await;
        table.checked(done)?;
    }
    Ok(())
}
