//! The devices that asked any node.

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::listen::News;
use super::{CHANNEL, Hub, Result};
use crate::device::Device;
use crate::query::DeviceId;

impl Hub {
    /// Tells the others of devices.
    pub async fn put_devices(&self, devices: &[Device]) -> Result<()> {
        let mut store = self.begin().await?;
        for device in devices {
            let put = sqlx::query(
                "INSERT INTO device (id, version, value) VALUES ($1, nextval('device_versions'), $2) \
                 ON CONFLICT (id) DO UPDATE SET version = excluded.version, value = excluded.value",
            )
            .bind(i64::from(device.id.0))
            .bind(serde_json::to_string(device).unwrap_or_default())
            .execute(&mut *store);
            self.within(put).await?;
        }
        self.forget_again(&mut store).await?;
        let tell = sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(News::Devices.as_str());
        self.within(tell.execute(&mut *store)).await?;
        self.commit(store).await
    }

    /// Removes devices that did not ask any node since `before_ms`, of those that a node has forgotten.
    /// The last number of each range of `room` stays, so that none is given again.
    pub async fn remove_quiet(
        &self,
        devices: &[DeviceId],
        (before_ms, room): (i64, u32),
    ) -> Result<()> {
        let ids: Vec<i64> = devices.iter().map(|id| i64::from(id.0)).collect();
        let gone = sqlx::query(
            "DELETE FROM device WHERE id = ANY($1) \
             AND CAST(CAST(value AS JSONB) ->> 'last_seen_ms' AS BIGINT) < $2 \
             AND id NOT IN (SELECT MAX(id) FROM device GROUP BY id / $3)",
        )
        .bind(ids)
        .bind(before_ms)
        .bind(i64::from(room))
        .execute(self.pool());
        self.within(gone).await.map(|_| ())
    }

    /// The devices that changed after a version, and the version that they are of.
    pub async fn devices_after(&self, version: i64) -> Result<(i64, Vec<Device>)> {
        // A version that is drawn may be committed after a later one: the last few are read again.
        let rows = sqlx::query("SELECT version, value FROM device WHERE version > $1 ORDER BY id")
            .bind(version.saturating_sub(1000))
            .fetch_all(self.pool());
        let rows = self.within(rows).await?;
        let read = |row: &PgRow| {
            let text: &str = row.try_get("value")?;
            // One that this version does not understand is left out.
            Ok((row.try_get("version")?, serde_json::from_str(text).ok()))
        };
        let rows: std::result::Result<Vec<(i64, Option<Device>)>, sqlx::Error> =
            rows.iter().map(read).collect();
        let rows = rows.map_err(|error| self.failed(&error))?;
        let newest = rows.iter().map(|(version, _)| *version).max();
        let devices = rows.into_iter().filter_map(|(_, device)| device).collect();
        Ok((newest.unwrap_or(0).max(version), devices))
    }
}
