//! Rows of the journal on their way from a node to the others.
//!
//! A parcel comes once: the number of a node's next row moves with it in one transaction, and what
//! lies before that number has come. A node that sends again because it did not hear of its
//! success changes nothing.

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::time::Instant;

use super::listen::News;
use super::{CHANNEL, Hub, Result};
use crate::store::{Clock, Retention, wide};

/// Parcels taken at once: about a megabyte.
const AT_ONCE: i64 = 16;

/// Parcels removed at once: a few megabytes.
const PRUNED_AT_ONCE: i64 = 64;

/// Rows of our own that wait in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The number of the first.
    pub seq: u64,
    /// How many they are.
    pub rows: u32,
    /// The latest time of a row, in milliseconds since 1970-01-01 UTC.
    pub last_ms: i64,
    /// The rows, with their words.
    pub data: Vec<u8>,
}

/// Rows of a node, as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The number of the node.
    pub node: u32,
    /// The number after the last row.
    pub until: u64,
    /// How many they are.
    pub rows: u32,
    /// The latest time of a row.
    pub last_ms: i64,
    /// The rows, with their words.
    pub data: Vec<u8>,
}

impl Arrived {
    /// The number of the first row.
    pub fn seq(&self) -> u64 {
        self.until.saturating_sub(u64::from(self.rows))
    }
}

impl Hub {
    /// Sends rows of ours; those that have come before do not come twice. `learned` is the last
    /// deletion that they have no rows of: where there is a later one, nothing is sent, and it is
    /// `false`.
    pub async fn send(&self, parcels: &[Waiting], learned: i64) -> Result<bool> {
        let number = self.number().map_or(-1, i64::from);
        let mut store = self.begin().await?;
        if !self.is_last_erasure(&mut store, learned).await? {
            return Ok(false);
        }
        for parcel in parcels {
            let seq = wide(parcel.seq);
            let until = seq.saturating_add(i64::from(parcel.rows));
            let moved = sqlx::query("UPDATE node SET sent = $1 WHERE number = $2 AND sent <= $3")
                .bind(until)
                .bind(number)
                .bind(seq)
                .execute(&mut *store);
            if self.within(moved).await?.rows_affected() == 0 {
                continue;
            }
            let put = sqlx::query(
                "INSERT INTO parcel (node, until, rows, last_ms, sealed, data) \
                 VALUES ($1, $2, $3, $4, FALSE, $5)",
            )
            .bind(number)
            .bind(until)
            .bind(i64::from(parcel.rows))
            .bind(parcel.last_ms)
            .bind(&parcel.data)
            .execute(&mut *store);
            self.within(put).await?;
        }
        let tell = sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(News::Rows.as_str());
        self.within(tell.execute(&mut *store)).await?;
        self.commit(store).await?;
        Ok(true)
    }

    /// The next rows of a node from number `from` on that end at `below` or before; the first of
    /// them may have some that lie before.
    pub async fn fetch(&self, node: u32, from: u64, below: u64) -> Result<Vec<Arrived>> {
        let rows = sqlx::query(
            "SELECT node, until, rows, last_ms, data FROM parcel \
             WHERE node = $1 AND until > $2 AND until <= $3 ORDER BY until LIMIT $4",
        )
        .bind(i64::from(node))
        .bind(wide(from))
        .bind(wide(below))
        .bind(AT_ONCE)
        .fetch_all(self.pool());
        let rows = self.within(rows).await?;
        self.read(&rows)
    }

    /// Our small parcels, which may be put together.
    pub async fn unsealed(&self, most: u32) -> Result<Vec<Arrived>> {
        let rows = sqlx::query(
            "SELECT node, until, rows, last_ms, data FROM parcel \
             WHERE node = $1 AND NOT sealed ORDER BY until LIMIT $2",
        )
        .bind(self.number().map_or(-1, i64::from))
        .bind(i64::from(most))
        .fetch_all(self.pool());
        let rows = self.within(rows).await?;
        self.read(&rows)
    }

    /// Puts one parcel in the place of all of ours that have its rows.
    /// `learned` is the last deletion that it was made without the rows of.
    pub async fn seal(&self, whole: &Arrived, learned: i64) -> Result<()> {
        let mut store = self.begin().await?;
        if !self.is_last_erasure(&mut store, learned).await? {
            return Ok(());
        }
        let gone = sqlx::query("DELETE FROM parcel WHERE node = $1 AND until > $2 AND until <= $3")
            .bind(i64::from(whole.node))
            .bind(wide(whole.seq()))
            .bind(wide(whole.until))
            .execute(&mut *store);
        self.within(gone).await?;
        let put = sqlx::query(
            "INSERT INTO parcel (node, until, rows, last_ms, sealed, data) \
             VALUES ($1, $2, $3, $4, TRUE, $5)",
        )
        .bind(i64::from(whole.node))
        .bind(wide(whole.until))
        .bind(i64::from(whole.rows))
        .bind(whole.last_ms)
        .bind(&whole.data)
        .execute(&mut *store);
        self.within(put).await?;
        self.commit(store).await
    }

    /// Before what time rows are too old by the clock there, whatever this node's shows; `None` while
    /// it is not to be believed about that.
    pub async fn too_old(&self, retention: Retention, clock: &mut Clock) -> Result<Option<i64>> {
        let now = "SELECT CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT)";
        let now = sqlx::query_scalar(now).fetch_one(self.pool());
        let now_ms: i64 = self.within(now).await?;
        let (since_ms, until_ms) = retention.witnesses_ms(now_ms);
        let found = "SELECT EXISTS (SELECT 1 FROM parcel WHERE last_ms BETWEEN $1 AND $2)";
        let found = sqlx::query_scalar(found).bind(since_ms).bind(until_ms);
        let has_witness: bool = self.within(found.fetch_one(self.pool())).await?;
        let has_settled = clock.has_settled(retention, (Instant::now(), now_ms));
        Ok((has_witness || has_settled).then(|| retention.before_ms(now_ms)))
    }

    /// Removes some of all nodes' parcels whose last row is older than `before_ms`, the oldest first;
    /// `true` when there may be more.
    pub async fn prune_some(&self, before_ms: i64) -> Result<bool> {
        let gone = sqlx::query(
            "DELETE FROM parcel WHERE (node, until) IN \
             (SELECT node, until FROM parcel WHERE last_ms < $1 ORDER BY last_ms LIMIT $2)",
        )
        .bind(before_ms)
        .bind(PRUNED_AT_ONCE)
        .execute(self.pool());
        let gone = self.within(gone).await?.rows_affected();
        Ok(gone.cast_signed() >= PRUNED_AT_ONCE)
    }

    pub(super) fn read(&self, rows: &[PgRow]) -> Result<Vec<Arrived>> {
        let read = |row: &PgRow| {
            let narrow = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
            Ok(Arrived {
                node: narrow(row.try_get("node")?),
                until: row.try_get::<i64, _>("until")?.cast_unsigned(),
                rows: narrow(row.try_get("rows")?),
                last_ms: row.try_get("last_ms")?,
                data: row.try_get("data")?,
            })
        };
        let read: std::result::Result<_, sqlx::Error> = rows.iter().map(read).collect();
        read.map_err(|error| self.failed(&error))
    }
}
