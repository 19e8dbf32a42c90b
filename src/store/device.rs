//! The table `device`: who asked, as far as it is known.

use std::net::IpAddr;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{NODE, StoreError, Table, narrow};
use crate::device::{Device, DeviceKey, NamedBy, mac_text, parse_mac};
use crate::query::DeviceId;

/// What is kept of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its number, its own for as long as the database lives.
    pub id: DeviceId,
    /// What tells it apart: `mac:…`, `ip:…` or `name:…`.
    pub key: String,
    /// What people call it.
    pub name: Option<String>,
    /// Where the name comes from.
    pub named_by: Option<String>,
    /// Its hardware address, `aa:bb:cc:dd:ee:ff`.
    pub mac: Option<String>,
    /// Whether the hardware address is a random one.
    pub private_mac: bool,
    /// The maker that the hardware address belongs to.
    pub maker: Option<String>,
    /// The addresses that it used.
    pub addresses: Vec<IpAddr>,
    /// When it was first seen, in milliseconds since 1970-01-01 UTC.
    pub first_seen_ms: i64,
    /// When it was last seen, in milliseconds since 1970-01-01 UTC.
    pub last_seen_ms: i64,
    /// The device that it turned out to be.
    pub alias_of: Option<DeviceId>,
}

impl From<&Device> for DeviceRow {
    fn from(device: &Device) -> Self {
        Self {
            id: device.id,
            key: device.key.to_string(),
            name: device.name.clone(),
            named_by: Some(device.named_by.as_str().to_owned()),
            mac: device.mac.map(mac_text),
            private_mac: device.private_mac,
            maker: device.maker.clone(),
            addresses: device.addresses.clone(),
            first_seen_ms: device.first_seen_ms,
            last_seen_ms: device.last_seen_ms,
            alias_of: device.alias_of,
        }
    }
}

impl DeviceRow {
    /// The device; `None` where it is not known by what.
    pub fn device(self) -> Option<Device> {
        Some(Device {
            id: self.id,
            key: self.key.parse::<DeviceKey>().ok()?,
            named_by: NamedBy::from_word(self.named_by.as_deref().unwrap_or_default()),
            host_name: None,
            name: self.name,
            mac: self.mac.as_deref().and_then(parse_mac),
            private_mac: self.private_mac,
            maker: self.maker,
            addresses: self.addresses,
            first_seen_ms: self.first_seen_ms,
            last_seen_ms: self.last_seen_ms,
            alias_of: self.alias_of,
        })
    }
}

/// The devices that asked, by number.
pub struct DeviceTable<'a>(pub(super) Table<'a>);

impl DeviceTable<'_> {
    /// Adds a device, or replaces what is kept of it; nothing is kept of one that is forgotten.
    pub async fn save(&mut self, device: &DeviceRow) -> Result<(), StoreError> {
        let addresses = device.addresses.iter().map(ToString::to_string);
        let done = sqlx::query(
            "INSERT INTO device (node, id, key, name, named_by, mac, private_mac, maker, addresses, \
             first_seen_ms, last_seen_ms, alias_of) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 \
             WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE node = $1 AND number = $2) \
             ON CONFLICT (node, id) DO UPDATE SET key = excluded.key, name = excluded.name, \
             named_by = excluded.named_by, mac = excluded.mac, private_mac = excluded.private_mac, \
             maker = excluded.maker, addresses = excluded.addresses, \
             first_seen_ms = excluded.first_seen_ms, last_seen_ms = excluded.last_seen_ms, \
             alias_of = excluded.alias_of",
        )
        .bind(NODE)
        .bind(i64::from(device.id.0))
        .bind(&device.key)
        .bind(&device.name)
        .bind(&device.named_by)
        .bind(&device.mac)
        .bind(i64::from(device.private_mac))
        .bind(&device.maker)
        .bind(addresses.collect::<Vec<_>>().join(" "))
        .bind(device.first_seen_ms)
        .bind(device.last_seen_ms)
        .bind(device.alias_of.map(|id| i64::from(id.0)))
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes those that are known by an address alone, or by a hardware address that they made up,
    /// and did not ask since `before_ms`, unless people set something of them; says which. The last
    /// number of each range of `room` stays, so that none is given again.
    pub async fn remove_quiet(
        &mut self,
        before_ms: i64,
        room: u32,
    ) -> Result<Vec<DeviceId>, StoreError> {
        let gone = sqlx::query_scalar::<_, i64>(
            "DELETE FROM device WHERE node = $1 AND last_seen_ms < $2 \
             AND (key LIKE 'ip:%' AND (name IS NULL OR alias_of IS NOT NULL) \
                  OR key LIKE 'mac:%' AND private_mac = 1) \
             AND id NOT IN (SELECT alias_of FROM device WHERE node = $1 AND alias_of IS NOT NULL) \
             AND id NOT IN (SELECT MAX(id) FROM device WHERE node = $1 GROUP BY id / $3) \
             AND id NOT IN (SELECT device FROM device_wish WHERE node = $1) \
             AND id NOT IN (SELECT device FROM rule WHERE node = $1 AND device IS NOT NULL) \
             AND 'device:' || CAST(id AS TEXT) NOT IN (SELECT who FROM pause WHERE node = $1) \
             RETURNING id",
        )
        .bind(NODE)
        .bind(before_ms)
        .bind(i64::from(room))
        .fetch_all(self.0.connection())
        .await;
        let gone = self.0.checked(gone)?.into_iter().filter_map(narrow);
        Ok(gone.map(DeviceId).collect())
    }

    /// All devices in the order of their numbers.
    pub async fn all(&mut self) -> Result<Vec<DeviceRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM device WHERE node = $1 ORDER BY id")
            .bind(NODE)
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        let devices = rows.iter().map(read).collect::<Result<Vec<_>, _>>();
        Ok(self.0.checked(devices)?.into_iter().flatten().collect())
    }
}

/// A row; `None` when its number is none of ours.
fn read(row: &SqliteRow) -> Result<Option<DeviceRow>, sqlx::Error> {
    let Some(id) = narrow(row.try_get("id")?) else {
        return Ok(None);
    };
    let addresses: &str = row.try_get("addresses")?;
    let alias_of: Option<i64> = row.try_get("alias_of")?;
    Ok(Some(DeviceRow {
        id: DeviceId(id),
        key: row.try_get("key")?,
        name: row.try_get("name")?,
        named_by: row.try_get("named_by")?,
        mac: row.try_get("mac")?,
        private_mac: row.try_get::<i64, _>("private_mac")? != 0,
        maker: row.try_get("maker")?,
        addresses: addresses
            .split(' ')
            .filter_map(|a| a.parse().ok())
            .collect(),
        first_seen_ms: row.try_get("first_seen_ms")?,
        last_seen_ms: row.try_get("last_seen_ms")?,
        alias_of: alias_of.and_then(narrow).map(DeviceId),
    }))
}
