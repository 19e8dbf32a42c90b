//! The table `erasure`: devices of which all that is recorded is being deleted.

use super::{NODE, StoreError, Table, narrow};
use crate::query::DeviceId;

/// The deletions that are not finished; they go on after a restart.
pub struct ErasureTable<'a>(pub(super) Table<'a>);

impl ErasureTable<'_> {
    /// Adds a device, unless it is there.
    pub async fn add(&mut self, device: DeviceId) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO erasure (node, device) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        );
        let done = query
            .bind(NODE)
            .bind(i64::from(device.0))
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All of them.
    pub async fn all(&mut self) -> Result<Vec<DeviceId>, StoreError> {
        let query =
            sqlx::query_scalar("SELECT device FROM erasure WHERE node = $1 ORDER BY device");
        let rows = query.bind(NODE).fetch_all(self.0.connection()).await;
        let devices = self.0.checked(rows)?.into_iter();
        Ok(devices.filter_map(narrow).map(DeviceId).collect())
    }

    /// Removes a device: its deletion is finished.
    pub async fn remove(&mut self, device: DeviceId) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM erasure WHERE node = $1 AND device = $2");
        let done = query
            .bind(NODE)
            .bind(i64::from(device.0))
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }
}
