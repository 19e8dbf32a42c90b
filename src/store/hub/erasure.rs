//! What people had deleted of a device, on all nodes.
//!
//! A deletion is a line in a list that each node reads on: one that is away learns of it when it comes
//! back, and sends nothing before ([`Hub::send`]). What the parcels here have of it is taken out by one
//! of the nodes.

use sqlx::PgConnection;

use super::listen::News;
use super::{Arrived, CHANNEL, Hub, Result};
use crate::query::DeviceId;

/// The number of the lock that keeps rows and deletions apart.
const LOCK: i64 = 0x0053_7175_656c_6369;

/// A node that began to take rows out and was not heard of for so long has given up.
const CLAIM_MS: i64 = 60_000;

/// A deletion that was asked for on some node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasing {
    /// Its number; later ones have higher numbers.
    pub id: i64,
    /// The device.
    pub device: DeviceId,
    /// What was recorded until then goes, in milliseconds since 1970-01-01 UTC.
    pub until_ms: i64,
}

impl Hub {
    /// Has all nodes delete what was recorded of devices until a time.
    pub async fn erase(&self, devices: &[DeviceId], until_ms: i64) -> Result<()> {
        let mut store = self.begin().await?;
        // What is being sent is there before, or finds this and is held back.
        let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
        self.within(lock.execute(&mut *store)).await?;
        // Numbers go with the time, so that none is given twice where the database is put back.
        for device in devices {
            let put = sqlx::query(
                "INSERT INTO erasure (id, device, until_ms) \
                 SELECT GREATEST(COALESCE(MAX(id), 0) + 1, $1), $2, $3 FROM erasure",
            )
            .bind(until_ms)
            .bind(i64::from(device.0))
            .bind(until_ms)
            .execute(&mut *store);
            self.within(put).await?;
        }
        let tell = sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(News::Rows.as_str());
        self.within(tell.execute(&mut *store)).await?;
        self.commit(store).await
    }

    /// The deletions after one, in their order.
    pub async fn erasures_after(&self, id: i64) -> Result<Vec<Erasing>> {
        let rows = sqlx::query_as::<_, (i64, i64, i64)>(
            "SELECT id, device, until_ms FROM erasure WHERE id > $1 ORDER BY id",
        )
        .bind(id)
        .fetch_all(self.pool());
        let rows = self.within(rows).await?;
        let read = |(id, device, until_ms): (i64, i64, i64)| Erasing {
            id,
            device: DeviceId(u32::try_from(device).unwrap_or(0)),
            until_ms,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Whether there is no deletion after one; as long as the transaction lasts, none comes.
    pub(super) async fn is_last_erasure(&self, store: &mut PgConnection, id: i64) -> Result<bool> {
        let lock = sqlx::query("SELECT pg_advisory_xact_lock_shared($1)").bind(LOCK);
        self.within(lock.execute(&mut *store)).await?;
        let later = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM erasure WHERE id > $1)");
        let is_later: bool = self.within(later.bind(id).fetch_one(store)).await?;
        Ok(!is_later)
    }

    /// Takes on, or goes on with, the deletions that the parcels still have rows of, up to one;
    /// whether there are any that no other node sees to.
    pub async fn claim_erasures(&self, last: i64, is_ours: bool) -> Result<bool> {
        let patience_ms = if is_ours { 0 } else { CLAIM_MS };
        let claimed = sqlx::query(
            "UPDATE erasure SET claimed_ms = now.ms FROM \
             (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS ms) AS now \
             WHERE NOT is_done AND id <= $1 AND claimed_ms <= now.ms - $2",
        )
        .bind(last)
        .bind(patience_ms)
        .execute(self.pool());
        Ok(self.within(claimed).await?.rows_affected() > 0)
    }

    /// The parcels have none of the deletions up to one.
    pub async fn finish_erasures(&self, last: i64) -> Result<()> {
        let done = sqlx::query("UPDATE erasure SET is_done = TRUE WHERE NOT is_done AND id <= $1")
            .bind(last)
            .execute(self.pool());
        self.within(done).await.map(|_| ())
    }

    /// Some parcels of all nodes after one, which is told by its node and its end.
    pub async fn parcels_after(
        &self,
        (node, until): (i64, i64),
        most: u32,
    ) -> Result<Vec<Arrived>> {
        let rows = sqlx::query(
            "SELECT node, until, rows, last_ms, data FROM parcel \
             WHERE (node, until) > ($1, $2) ORDER BY node, until LIMIT $3",
        )
        .bind(node)
        .bind(until)
        .bind(i64::from(most))
        .fetch_all(self.pool());
        let rows = self.within(rows).await?;
        self.read(&rows)
    }

    /// Puts what is left of a parcel in its place, unless that was put together with others.
    pub async fn replace(&self, rest: &Arrived) -> Result<()> {
        let done =
            sqlx::query("UPDATE parcel SET data = $1 WHERE node = $2 AND until = $3 AND rows = $4")
                .bind(&rest.data)
                .bind(i64::from(rest.node))
                .bind(rest.until.cast_signed())
                .bind(i64::from(rest.rows))
                .execute(self.pool());
        self.within(done).await.map(|_| ())
    }
}
