//! The table `list`: lists that people subscribed to in the dashboard.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{NODE, StoreError, Table};

/// What is kept of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRow {
    /// Its id, which stays as it is when the name changes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its address, or its file.
    pub source: String,
    /// `block`, `watch` or `allow`.
    pub action: String,
    /// The dialect's word, or `auto`.
    pub format: String,
    /// How often it is looked at again, in seconds.
    pub refresh_s: i64,
    /// Whether it counts.
    pub enabled: bool,
    /// The ids of the groups that it names; `None` = it names none.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// When it was added, in milliseconds since 1970-01-01 UTC.
    pub added_ms: i64,
}

/// The subscriptions, in the order in which they were added.
pub struct ListTable<'a>(pub(super) Table<'a>);

impl ListTable<'_> {
    /// Adds a subscription, or replaces what is kept of it.
    pub async fn save(&mut self, list: &ListRow) -> Result<(), StoreError> {
        let groups = list.groups.as_ref().map(|ids| json!(ids).to_string());
        let done = sqlx::query(
            "INSERT INTO list (node, id, name, source, action, format, refresh_s, enabled, \
             group_ids, added_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (node, id) DO UPDATE SET name = excluded.name, \
             source = excluded.source, action = excluded.action, format = excluded.format, \
             refresh_s = excluded.refresh_s, enabled = excluded.enabled, \
             group_ids = excluded.group_ids",
        )
        .bind(NODE)
        .bind(&list.id)
        .bind(&list.name)
        .bind(&list.source)
        .bind(&list.action)
        .bind(&list.format)
        .bind(list.refresh_s)
        .bind(i64::from(list.enabled))
        .bind(groups)
        .bind(list.added_ms)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Removes a subscription.
    pub async fn remove(&mut self, id: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM list WHERE node = $1 AND id = $2")
            .bind(NODE)
            .bind(id)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All subscriptions.
    pub async fn all(&mut self) -> Result<Vec<ListRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM list WHERE node = $1 ORDER BY added_ms, id")
            .bind(NODE)
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        let lists = rows.iter().map(read).collect();
        self.0.checked(lists)
    }
}

fn read(row: &SqliteRow) -> Result<ListRow, sqlx::Error> {
    let groups: Option<&str> = row.try_get("group_ids")?;
    Ok(ListRow {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        source: row.try_get("source")?,
        action: row.try_get("action")?,
        format: row.try_get("format")?,
        refresh_s: row.try_get("refresh_s")?,
        enabled: row.try_get::<i64, _>("enabled")? != 0,
        groups: groups.and_then(|ids| serde_json::from_str(ids).ok()),
        added_ms: row.try_get("added_ms")?,
    })
}
