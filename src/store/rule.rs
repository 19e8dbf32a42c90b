//! The table `rule`: rules that people set in the dashboard.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{NODE, StoreError, Table, narrow};
use crate::query::DeviceId;

/// What is kept of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// Its number.
    pub id: i64,
    /// Adblock syntax, or a regex between slashes.
    pub text: String,
    /// `block`, `watch` or `allow`.
    pub action: String,
    /// Why it is there.
    pub comment: Option<String>,
    /// The device that it counts for; `None` = all.
    pub device: Option<DeviceId>,
    /// When it ends by itself, in milliseconds since 1970-01-01 UTC; `None` = never.
    pub until_ms: Option<i64>,
    /// When it was added, in milliseconds since 1970-01-01 UTC.
    pub added_ms: i64,
}

/// The rules, the newest first.
pub struct RuleTable<'a>(pub(super) Table<'a>);

impl RuleTable<'_> {
    /// A number that no rule has.
    pub async fn free_id(&mut self) -> Result<i64, StoreError> {
        let found = sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) + 1 FROM rule WHERE node = $1")
            .bind(NODE)
            .fetch_one(self.0.connection())
            .await;
        self.0.checked(found)
    }

    /// Adds a rule, or replaces what is kept of it.
    pub async fn save(&mut self, rule: &RuleRow) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO rule (node, id, text, action, comment, device, added_ms, until_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (node, id) DO UPDATE SET text = excluded.text, \
             action = excluded.action, comment = excluded.comment, device = excluded.device, \
             until_ms = excluded.until_ms",
        )
        .bind(NODE)
        .bind(rule.id)
        .bind(&rule.text)
        .bind(&rule.action)
        .bind(&rule.comment)
        .bind(rule.device.map(|device| i64::from(device.0)))
        .bind(rule.added_ms)
        .bind(rule.until_ms)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes a rule.
    pub async fn remove(&mut self, id: i64) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM rule WHERE node = $1 AND id = $2")
            .bind(NODE)
            .bind(id)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All rules.
    pub async fn all(&mut self) -> Result<Vec<RuleRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM rule WHERE node = $1 ORDER BY id DESC")
            .bind(NODE)
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        let rules = rows.iter().map(read).collect();
        self.0.checked(rules)
    }
}

fn read(row: &SqliteRow) -> Result<RuleRow, sqlx::Error> {
    let device: Option<i64> = row.try_get("device")?;
    Ok(RuleRow {
        id: row.try_get("id")?,
        text: row.try_get("text")?,
        action: row.try_get("action")?,
        comment: row.try_get("comment")?,
        device: device.and_then(narrow).map(DeviceId),
        until_ms: row.try_get("until_ms")?,
        added_ms: row.try_get("added_ms")?,
    })
}
