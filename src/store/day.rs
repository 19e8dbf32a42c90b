//! The table `day`: the journal's sums, one blob a day.

use super::{NODE, StoreError, Table};

/// The sums of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDay {
    /// Days since 1970-01-01 UTC.
    pub day: i64,
    /// The sums.
    pub data: Vec<u8>,
}

/// The sums of past days.
pub struct DayTable<'a>(pub(super) Table<'a>);

impl DayTable<'_> {
    /// Adds a day, or replaces it.
    pub async fn save(&mut self, day: i64, data: &[u8]) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO day (node, day, data) VALUES ($1, $2, $3) \
             ON CONFLICT (day) DO UPDATE SET data = excluded.data",
        )
        .bind(NODE)
        .bind(day)
        .bind(data)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// The days of `[from, to)` that have sums, oldest first.
    pub async fn numbers(&mut self, from: i64, to: i64) -> Result<Vec<i64>, StoreError> {
        let rows = sqlx::query_scalar(
            "SELECT day FROM day WHERE node = $1 AND day >= $2 AND day < $3 ORDER BY day",
        )
        .bind(NODE)
        .bind(from)
        .bind(to)
        .fetch_all(self.0.connection())
        .await;
        self.0.checked(rows)
    }

    /// The last day that has sums.
    pub async fn last(&mut self) -> Result<Option<i64>, StoreError> {
        let query =
            sqlx::query_scalar::<_, Option<i64>>("SELECT MAX(day) FROM day WHERE node = $1");
        let last = query.bind(NODE).fetch_one(self.0.connection()).await;
        self.0.checked(last)
    }

    /// The sums of a day, if it has any.
    pub async fn data(&mut self, day: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query_scalar("SELECT data FROM day WHERE node = $1 AND day = $2");
        let blob = query
            .bind(NODE)
            .bind(day)
            .fetch_optional(self.0.connection())
            .await;
        self.0.checked(blob)
    }

    /// Removes the days before `day`; says how many they were.
    pub async fn remove_before(&mut self, day: i64) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM day WHERE node = $1 AND day < $2");
        let done = query
            .bind(NODE)
            .bind(day)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|done| done.rows_affected())
    }
}
