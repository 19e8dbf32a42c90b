//! The tables `device_group` and `device_wish`: groups and devices as people set them in the
//! dashboard.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::{NODE, StoreError, Table, narrow};
use crate::query::DeviceId;

/// What is kept of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow {
    /// Its id, which stays as it is when the name changes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What `[[group]]` would say, as JSON.
    pub wish: String,
    /// When it was added, in milliseconds since 1970-01-01 UTC.
    pub added_ms: i64,
}

/// What is kept of what people set of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceWishRow {
    /// Its number.
    pub device: DeviceId,
    /// What they set, as JSON.
    pub wish: String,
    /// When they did so first, in milliseconds since 1970-01-01 UTC.
    pub added_ms: i64,
}

/// The groups, in the order in which they were added.
pub struct GroupTable<'a>(pub(super) Table<'a>);

/// What people set of devices, the oldest first.
pub struct DeviceWishTable<'a>(pub(super) Table<'a>);

impl GroupTable<'_> {
    /// Adds a group, or replaces what is kept of it.
    pub async fn save(&mut self, group: &GroupRow) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO device_group (node, id, name, wish, added_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (node, id) DO UPDATE SET name = excluded.name, wish = excluded.wish",
        )
        .bind(NODE)
        .bind(&group.id)
        .bind(&group.name)
        .bind(&group.wish)
        .bind(group.added_ms)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes a group.
    pub async fn remove(&mut self, id: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM device_group WHERE node = $1 AND id = $2")
            .bind(NODE)
            .bind(id)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All groups.
    pub async fn all(&mut self) -> Result<Vec<GroupRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM device_group WHERE node = $1 ORDER BY added_ms, id")
            .bind(NODE)
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        let groups = rows.iter().map(|row| {
            Ok(GroupRow {
                id: row.try_get("id")?,
                name: row.try_get("name")?,
                wish: row.try_get("wish")?,
                added_ms: row.try_get("added_ms")?,
            })
        });
        let groups = groups.collect();
        self.0.checked(groups)
    }
}

impl DeviceWishTable<'_> {
    /// Adds what people set of a device, or replaces it.
    pub async fn save(&mut self, wish: &DeviceWishRow) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO device_wish (node, device, wish, added_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (node, device) DO UPDATE SET wish = excluded.wish",
        )
        .bind(NODE)
        .bind(i64::from(wish.device.0))
        .bind(&wish.wish)
        .bind(wish.added_ms)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes what people set of a device.
    pub async fn remove(&mut self, device: DeviceId) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM device_wish WHERE node = $1 AND device = $2")
            .bind(NODE)
            .bind(i64::from(device.0))
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// What people set of all devices.
    pub async fn all(&mut self) -> Result<Vec<DeviceWishRow>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM device_wish WHERE node = $1 ORDER BY added_ms, device")
                .bind(NODE)
                .fetch_all(self.0.connection())
                .await;
        let rows = self.0.checked(rows)?;
        let wishes = rows.iter().map(|row| {
            Ok(DeviceWishRow {
                device: DeviceId(narrow(row.try_get("device")?).unwrap_or_default()),
                wish: row.try_get("wish")?,
                added_ms: row.try_get("added_ms")?,
            })
        });
        let wishes = wishes.collect();
        self.0.checked(wishes)
    }
}
