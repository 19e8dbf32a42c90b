//! Devices that people had forgotten: nothing of them stays in the database that nodes share.

use sqlx::PgConnection;

use super::{Hub, Result};
use crate::store::ForgottenRow;

/// What goes with a device: what was met, and what people changed of it.
const GOES: [&str; 2] = [
    "DELETE FROM device WHERE CAST(id AS TEXT) = ANY($1)",
    "DELETE FROM change WHERE kind = 'device' AND item = ANY($1) \
     OR kind = 'pause' AND SUBSTRING(item FROM '^device:(.*)$') = ANY($1) \
     OR kind = 'rule' AND (\
     CASE WHEN before <> '' THEN CAST(before AS JSONB) ->> 'device' END = ANY($1) \
     OR CASE WHEN after <> '' THEN CAST(after AS JSONB) ->> 'device' END = ANY($1))",
];

/// Nodes that have not heard of it tell of the device once more.
const TOLD_AGAIN: &str = "DELETE FROM device USING item, \
     jsonb_array_elements_text(CAST(item.value AS JSONB) -> 'numbers') AS number \
     WHERE item.kind = 'forgotten' AND CAST(device.id AS TEXT) = number";

impl Hub {
    /// Removes what is there of a device that is forgotten.
    pub(super) async fn forget(&self, store: &mut PgConnection, row: &ForgottenRow) -> Result<()> {
        let numbers = row.numbers.iter().map(|number| number.0.to_string());
        let numbers: Vec<String> = numbers.collect();
        for goes in GOES {
            let gone = sqlx::query(goes).bind(&numbers).execute(&mut *store);
            self.within(gone).await?;
        }
        Ok(())
    }

    /// Removes what nodes told of devices that are forgotten.
    pub(super) async fn forget_again(&self, store: &mut PgConnection) -> Result<()> {
        let gone = sqlx::query(TOLD_AGAIN).execute(store);
        self.within(gone).await.map(|_| ())
    }
}
