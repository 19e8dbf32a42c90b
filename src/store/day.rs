//! The table `day`: the journal's sums, a row a day, in parts that are read one by one.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{NODE, StoreError, Table};

/// The sums of one day; parts that were not asked for are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredDay {
    /// Days since 1970-01-01 UTC.
    pub day: i64,
    /// The hours of each device. Empty where all sums are in `data`, as they were kept before.
    pub hours: Vec<u8>,
    /// The names that entries cover.
    pub covered: Vec<u8>,
    /// The other names.
    pub names: Vec<u8>,
    /// The other names, device by device.
    pub data: Vec<u8>,
}

/// What is read of a day's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayParts {
    /// `hours`.
    Hours,
    /// `hours` and `covered`.
    Covered,
    /// `hours`, `covered` and `names`.
    Names,
    /// `hours`, `covered` and `data`.
    Devices,
}

/// The sums of past days.
pub struct DayTable<'a>(pub(super) Table<'a>);

impl DayTable<'_> {
    /// Adds a day, or replaces it.
    pub async fn save(&mut self, day: &StoredDay) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO day (node, day, hours, covered, names, data) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (day) DO UPDATE SET hours = excluded.hours, \
             covered = excluded.covered, names = excluded.names, data = excluded.data",
        )
        .bind(NODE)
        .bind(day.day)
        .bind(&day.hours)
        .bind(&day.covered)
        .bind(&day.names)
        .bind(&day.data)
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

    /// The days whose sums are as they were kept before, oldest first.
    pub async fn old(&mut self) -> Result<Vec<i64>, StoreError> {
        let query = "SELECT day FROM day WHERE node = $1 AND length(hours) = 0 ORDER BY day";
        let rows = sqlx::query_scalar(query)
            .bind(NODE)
            .fetch_all(self.0.connection())
            .await;
        self.0.checked(rows)
    }

    /// The sums of the days of `[from, to)`, oldest first.
    pub async fn some(
        &mut self,
        from: i64,
        to: i64,
        parts: DayParts,
    ) -> Result<Vec<StoredDay>, StoreError> {
        let statement = match parts {
            DayParts::Hours => {
                "SELECT day, hours FROM day \
                 WHERE node = $1 AND day >= $2 AND day < $3 ORDER BY day"
            }
            DayParts::Covered => {
                "SELECT day, hours, covered FROM day \
                 WHERE node = $1 AND day >= $2 AND day < $3 ORDER BY day"
            }
            DayParts::Names => {
                "SELECT day, hours, covered, names FROM day \
                 WHERE node = $1 AND day >= $2 AND day < $3 ORDER BY day"
            }
            DayParts::Devices => {
                "SELECT day, hours, covered, data FROM day \
                 WHERE node = $1 AND day >= $2 AND day < $3 ORDER BY day"
            }
        };
        let rows = sqlx::query(statement)
            .bind(NODE)
            .bind(from)
            .bind(to)
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        let days = rows.iter().map(|row| read(row, parts)).collect();
        self.0.checked(days)
    }

    /// All sums of a day, if it has any.
    pub async fn whole(&mut self, day: i64) -> Result<Option<StoredDay>, StoreError> {
        let query = "SELECT day, hours, covered, names, data FROM day WHERE node = $1 AND day = $2";
        let row = sqlx::query(query)
            .bind(NODE)
            .bind(day)
            .fetch_optional(self.0.connection())
            .await;
        let Some(row) = self.0.checked(row)? else {
            return Ok(None);
        };
        let whole = read(&row, DayParts::Devices).and_then(|read| {
            let names = row.try_get("names")?;
            Ok(StoredDay { names, ..read })
        });
        self.0.checked(whole).map(Some)
    }

    /// Removes a day.
    pub async fn remove(&mut self, day: i64) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM day WHERE node = $1 AND day = $2");
        let done = query
            .bind(NODE)
            .bind(day)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }
}

fn read(row: &SqliteRow, parts: DayParts) -> Result<StoredDay, sqlx::Error> {
    let mut day = StoredDay {
        day: row.try_get("day")?,
        hours: row.try_get("hours")?,
        ..StoredDay::default()
    };
    if parts != DayParts::Hours {
        day.covered = row.try_get("covered")?;
    }
    match parts {
        DayParts::Names => day.names = row.try_get("names")?,
        DayParts::Devices => day.data = row.try_get("data")?,
        DayParts::Hours | DayParts::Covered => {}
    }
    Ok(day)
}
