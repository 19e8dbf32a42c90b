//! The table `block`: the journal's rows, thousands in one compressed blob.

use std::ops::Range;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{NODE, Retention, StoreError, Table, narrow, wide};

/// What is known of a block without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHead {
    /// The number of its first row.
    pub seq: u64,
    /// How many rows it has; their numbers follow one another.
    pub rows: u32,
    /// The earliest time of a row, in milliseconds since 1970-01-01 UTC.
    pub first_ms: i64,
    /// The latest time of a row.
    pub last_ms: i64,
    /// Whether it will not be merged into a larger one.
    pub sealed: bool,
}

/// A block with its blobs; those that were not asked for are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// What is known of it without reading it.
    pub head: BlockHead,
    /// Counts by minute.
    pub minutes: Vec<u8>,
    /// The rows.
    pub data: Vec<u8>,
}

/// The blocks of the journal, by the number of their first row.
pub struct BlockTable<'a>(pub(super) Table<'a>);

impl BlockTable<'_> {
    /// Adds a block.
    pub async fn add(&mut self, block: &StoredBlock) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO block (node, seq, rows, first_ms, last_ms, sealed, minutes, data) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(NODE)
        .bind(wide(block.head.seq))
        .bind(i64::from(block.head.rows))
        .bind(block.head.first_ms)
        .bind(block.head.last_ms)
        .bind(i64::from(block.head.sealed))
        .bind(&block.minutes)
        .bind(&block.data)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// The number of the first block that has a row since `since_ms`, or may still get one; where
    /// there is none, that of the next block.
    pub async fn first_since(&mut self, since_ms: i64) -> Result<u64, StoreError> {
        let query = "SELECT COALESCE(\
             (SELECT MIN(seq) FROM block WHERE node = $1 AND (last_ms >= $2 OR sealed = 0)), \
             (SELECT MAX(seq + rows) FROM block WHERE node = $1), 0)";
        let first = sqlx::query_scalar::<_, i64>(query)
            .bind(NODE)
            .bind(since_ms)
            .fetch_one(self.0.connection())
            .await;
        Ok(narrow(self.0.checked(first)?).unwrap_or(0))
    }

    /// The heads of blocks that begin at one of the rows and overlap `[since_ms, until_ms)`,
    /// newest first; at most `most`.
    pub async fn heads(
        &mut self,
        rows: Range<u64>,
        since_ms: i64,
        until_ms: i64,
        most: u32,
    ) -> Result<Vec<BlockHead>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, rows, first_ms, last_ms, sealed FROM block \
             WHERE node = $1 AND seq >= $2 AND seq < $3 AND last_ms >= $4 AND first_ms < $5 \
             ORDER BY seq DESC LIMIT $6",
        )
        .bind(NODE)
        .bind(wide(rows.start))
        .bind(wide(rows.end))
        .bind(since_ms)
        .bind(until_ms)
        .bind(i64::from(most))
        .fetch_all(self.0.connection())
        .await;
        let rows = self.0.checked(rows)?;
        let heads = rows.iter().map(read_head).collect::<Result<Vec<_>, _>>();
        Ok(self.0.checked(heads)?.into_iter().flatten().collect())
    }

    /// The heads of all blocks that are not sealed, oldest first.
    pub async fn unsealed(&mut self) -> Result<Vec<BlockHead>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, rows, first_ms, last_ms, sealed FROM block \
             WHERE node = $1 AND sealed = 0 ORDER BY seq",
        )
        .bind(NODE)
        .fetch_all(self.0.connection())
        .await;
        let rows = self.0.checked(rows)?;
        let heads = rows.iter().map(read_head).collect::<Result<Vec<_>, _>>();
        Ok(self.0.checked(heads)?.into_iter().flatten().collect())
    }

    /// The heads of all sealed blocks whose last row is older than `before_ms`, the oldest last.
    pub async fn before(&mut self, before_ms: i64) -> Result<Vec<BlockHead>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, rows, first_ms, last_ms, sealed FROM block \
             WHERE node = $1 AND sealed = 1 AND last_ms < $2 ORDER BY last_ms DESC, seq DESC",
        )
        .bind(NODE)
        .bind(before_ms)
        .fetch_all(self.0.connection())
        .await;
        let rows = self.0.checked(rows)?;
        let heads = rows.iter().map(read_head).collect::<Result<Vec<_>, _>>();
        Ok(self.0.checked(heads)?.into_iter().flatten().collect())
    }

    /// As [`Self::heads`], with the rows.
    pub async fn some(
        &mut self,
        rows: Range<u64>,
        since_ms: i64,
        until_ms: i64,
        most: u32,
    ) -> Result<Vec<StoredBlock>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, rows, first_ms, last_ms, sealed, data FROM block \
             WHERE node = $1 AND seq >= $2 AND seq < $3 AND last_ms >= $4 AND first_ms < $5 \
             ORDER BY seq DESC LIMIT $6",
        )
        .bind(NODE)
        .bind(wide(rows.start))
        .bind(wide(rows.end))
        .bind(since_ms)
        .bind(until_ms)
        .bind(i64::from(most))
        .fetch_all(self.0.connection())
        .await;
        let rows = self.0.checked(rows)?;
        let block = |row: &SqliteRow| {
            let data = row.try_get("data")?;
            let minutes = Vec::new();
            Ok(read_head(row)?.map(|head| StoredBlock {
                head,
                minutes,
                data,
            }))
        };
        let blocks = rows.iter().map(block).collect::<Result<Vec<_>, _>>();
        Ok(self.0.checked(blocks)?.into_iter().flatten().collect())
    }

    /// As [`Self::heads`], with the counts by minute.
    pub async fn with_minutes(
        &mut self,
        rows: Range<u64>,
        since_ms: i64,
        until_ms: i64,
    ) -> Result<Vec<StoredBlock>, StoreError> {
        let rows = sqlx::query(
            "SELECT seq, rows, first_ms, last_ms, sealed, minutes FROM block \
             WHERE node = $1 AND seq >= $2 AND seq < $3 AND last_ms >= $4 AND first_ms < $5 \
             ORDER BY seq DESC",
        )
        .bind(NODE)
        .bind(wide(rows.start))
        .bind(wide(rows.end))
        .bind(since_ms)
        .bind(until_ms)
        .fetch_all(self.0.connection())
        .await;
        let rows = self.0.checked(rows)?;
        let block = |row: &SqliteRow| {
            let minutes = row.try_get("minutes")?;
            let data = Vec::new();
            Ok(read_head(row)?.map(|head| StoredBlock {
                head,
                minutes,
                data,
            }))
        };
        let blocks = rows.iter().map(block).collect::<Result<Vec<_>, _>>();
        Ok(self.0.checked(blocks)?.into_iter().flatten().collect())
    }

    /// The rows' blob of a block, if it is there.
    pub async fn data(&mut self, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query_scalar("SELECT data FROM block WHERE node = $1 AND seq = $2");
        let blob = query
            .bind(NODE)
            .bind(wide(seq))
            .fetch_optional(self.0.connection())
            .await;
        self.0.checked(blob)
    }

    /// Whether there are rows of some time ago, which show that the clock was not set ahead since.
    pub async fn has_witness(
        &mut self,
        retention: Retention,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let (since_ms, until_ms) = retention.witnesses_ms(now_ms);
        let found = sqlx::query_scalar::<_, i64>(
            "SELECT COUNT(*) FROM block WHERE node = $1 AND \
             (first_ms BETWEEN $2 AND $3 OR last_ms BETWEEN $2 AND $3)",
        )
        .bind(NODE)
        .bind(since_ms)
        .bind(until_ms)
        .fetch_one(self.0.connection())
        .await;
        Ok(self.0.checked(found)? > 0)
    }

    /// Replaces a block by what is left of it.
    pub async fn replace(&mut self, block: &StoredBlock) -> Result<(), StoreError> {
        let done = sqlx::query(
            "UPDATE block SET rows = $1, first_ms = $2, last_ms = $3, minutes = $4, data = $5 \
             WHERE node = $6 AND seq = $7",
        )
        .bind(i64::from(block.head.rows))
        .bind(block.head.first_ms)
        .bind(block.head.last_ms)
        .bind(&block.minutes)
        .bind(&block.data)
        .bind(NODE)
        .bind(wide(block.head.seq))
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes a block.
    pub async fn remove(&mut self, seq: u64) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM block WHERE node = $1 AND seq = $2");
        let done = query
            .bind(NODE)
            .bind(wide(seq))
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// Leaves a block as it is for good.
    pub async fn seal(&mut self, seq: u64) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE block SET sealed = 1 WHERE node = $1 AND seq = $2");
        let done = query
            .bind(NODE)
            .bind(wide(seq))
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes the unsealed blocks that begin at row `from` or later.
    pub async fn remove_unsealed(&mut self, from: u64) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM block WHERE node = $1 AND sealed = 0 AND seq >= $2");
        let done = query
            .bind(NODE)
            .bind(wide(from))
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }
}

/// A block's head; `None` when its numbers are none of ours.
fn read_head(row: &SqliteRow) -> Result<Option<BlockHead>, sqlx::Error> {
    let (seq, rows) = (narrow(row.try_get("seq")?), narrow(row.try_get("rows")?));
    let (Some(seq), Some(rows)) = (seq, rows) else {
        return Ok(None);
    };
    Ok(Some(BlockHead {
        seq,
        rows,
        first_ms: row.try_get("first_ms")?,
        last_ms: row.try_get("last_ms")?,
        sealed: row.try_get::<i64, _>("sealed")? != 0,
    }))
}
