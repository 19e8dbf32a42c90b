//! The table `record`: records of the home's own names that people added.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{NODE, StoreError, Table, narrow};

/// What is kept of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRow {
    /// Its number.
    pub id: i64,
    /// The name as it was written.
    pub name: String,
    /// `A`, `CNAME` …
    pub kind: String,
    /// What the name has.
    pub value: String,
    /// How long devices may keep it, in seconds.
    pub ttl_s: u32,
    /// When it was added, in milliseconds since 1970-01-01 UTC.
    pub added_ms: i64,
}

/// The records, the newest first.
pub struct RecordTable<'a>(pub(super) Table<'a>);

impl RecordTable<'_> {
    /// A number that no record has.
    pub async fn free_id(&mut self) -> Result<i64, StoreError> {
        let found =
            sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) + 1 FROM record WHERE node = $1")
                .bind(NODE)
                .fetch_one(self.0.connection())
                .await;
        self.0.checked(found)
    }

    /// Adds a record, or replaces what is kept of it.
    pub async fn save(&mut self, record: &RecordRow) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO record (node, id, name, kind, value, ttl_s, added_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (node, id) DO UPDATE SET name = excluded.name, \
             kind = excluded.kind, value = excluded.value, ttl_s = excluded.ttl_s",
        )
        .bind(NODE)
        .bind(record.id)
        .bind(&record.name)
        .bind(&record.kind)
        .bind(&record.value)
        .bind(i64::from(record.ttl_s))
        .bind(record.added_ms)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes a record.
    pub async fn remove(&mut self, id: i64) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM record WHERE node = $1 AND id = $2")
            .bind(NODE)
            .bind(id)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All records.
    pub async fn all(&mut self) -> Result<Vec<RecordRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM record WHERE node = $1 ORDER BY id DESC")
            .bind(NODE)
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        let records = rows.iter().map(read).collect();
        self.0.checked(records)
    }
}

fn read(row: &SqliteRow) -> Result<RecordRow, sqlx::Error> {
    Ok(RecordRow {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        kind: row.try_get("kind")?,
        value: row.try_get("value")?,
        ttl_s: narrow(row.try_get("ttl_s")?).unwrap_or(0),
        added_ms: row.try_get("added_ms")?,
    })
}
