//! The table `forgotten`: devices that people had forgotten. What is kept here of such a device are the
//! numbers that it had, so that none means another one, and so that all nodes forget it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{NODE, StoreError, Table, narrow};
use crate::query::DeviceId;

/// A device that is forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgottenRow {
    /// Its number.
    pub device: DeviceId,
    /// All numbers that stood for it, its own among them.
    pub numbers: Vec<DeviceId>,
    /// When it was forgotten, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

/// The devices that are forgotten.
pub struct ForgottenTable<'a>(pub(super) Table<'a>);

/// What goes with a number of a forgotten device: what was met, and what people changed of it.
const GOES: [&str; 2] = [
    "DELETE FROM device WHERE node = $1 AND id = $2",
    "DELETE FROM change WHERE node = $1 AND (\
     kind = 'device' AND item = CAST($2 AS TEXT) \
     OR kind = 'pause' AND item = 'device:' || CAST($2 AS TEXT) \
     OR kind = 'rule' AND $2 IN (\
     CASE WHEN json_valid(before) THEN json_extract(before, '$.device') END, \
     CASE WHEN json_valid(after) THEN json_extract(after, '$.device') END))",
];

impl ForgottenTable<'_> {
    /// Keeps that a device is forgotten, and forgets what was met of it, and the changes of what people
    /// set of it.
    pub async fn save(&mut self, row: &ForgottenRow) -> Result<(), StoreError> {
        for number in &row.numbers {
            let number = i64::from(number.0);
            let done = sqlx::query(
                "INSERT OR REPLACE INTO forgotten (node, number, device, at_ms) \
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(NODE)
            .bind(number)
            .bind(i64::from(row.device.0))
            .bind(row.at_ms)
            .execute(self.0.connection())
            .await;
            self.0.checked(done)?;
            for goes in GOES {
                let query = sqlx::query(goes).bind(NODE).bind(number);
                let done = query.execute(self.0.connection()).await;
                self.0.checked(done)?;
            }
        }
        Ok(())
    }

    /// Keeps no more that a device is forgotten.
    pub async fn remove(&mut self, device: DeviceId) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM forgotten WHERE node = $1 AND device = $2")
            .bind(NODE)
            .bind(i64::from(device.0))
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All of them.
    pub async fn all(&mut self) -> Result<Vec<ForgottenRow>, StoreError> {
        let query = sqlx::query_as::<_, (i64, i64, i64)>(
            "SELECT device, number, at_ms FROM forgotten WHERE node = $1 ORDER BY device, number",
        );
        let rows = query.bind(NODE).fetch_all(self.0.connection()).await;
        let mut all = BTreeMap::new();
        for (device, number, at_ms) in self.0.checked(rows)? {
            let (Some(device), Some(number)) = (narrow(device), narrow(number)) else {
                continue;
            };
            let row = all.entry(device).or_insert_with(|| ForgottenRow {
                device: DeviceId(device),
                numbers: Vec::new(),
                at_ms,
            });
            row.numbers.push(DeviceId(number));
        }
        Ok(all.into_values().collect())
    }
}
