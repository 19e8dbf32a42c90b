//! The table `session`: who is signed in to the dashboard.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{StoreError, Table};

/// What is kept of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The SHA-256 of the secret that its browser holds, in hex.
    pub digest: String,
    /// By which people name it; it opens nothing.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The address that it was opened from.
    pub address: String,
    /// Which password opened it.
    pub password: String,
    /// When it was opened, in seconds since 1970-01-01 UTC.
    pub made_s: i64,
    /// When it was used last, likewise.
    pub used_s: i64,
}

/// The sessions, and those that have ended here and that other nodes may still know.
pub struct SessionTable<'a>(pub(super) Table<'a>);

impl SessionTable<'_> {
    /// Adds a session, or keeps when it was made and used last.
    pub async fn save(&mut self, session: &SessionRow) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO session (digest, id, name, address, password, made_s, used_s) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (digest) DO UPDATE SET made_s = excluded.made_s, used_s = excluded.used_s",
        )
        .bind(&session.digest)
        .bind(&session.id)
        .bind(&session.name)
        .bind(&session.address)
        .bind(&session.password)
        .bind(session.made_s)
        .bind(session.used_s)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Ends a session.
    pub async fn remove(&mut self, digest: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM session WHERE digest = $1")
            .bind(digest)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// Ends all of them.
    pub async fn clear(&mut self) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM session")
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All that can be read: a damaged row is nobody's session.
    pub async fn all(&mut self) -> Result<Vec<SessionRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM session")
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
    }
}

/// For nodes that share them.
impl SessionTable<'_> {
    /// The sessions that the shared database does not know yet, by digest.
    pub(super) async fn unsent(&mut self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query_scalar("SELECT digest FROM session WHERE sent = 0")
            .fetch_all(self.0.connection())
            .await;
        self.0.checked(rows)
    }

    /// The shared database knows all of them.
    pub(super) async fn set_sent(&mut self) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE session SET sent = 1 WHERE sent = 0")
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// Ends a session that the shared database may know: it is told when it can be.
    pub async fn end(&mut self, digest: &str) -> Result<(), StoreError> {
        self.remove(digest).await?;
        let done =
            sqlx::query("INSERT INTO ended_session (digest) VALUES ($1) ON CONFLICT DO NOTHING")
                .bind(digest)
                .execute(self.0.connection())
                .await;
        self.0.checked(done).map(|_| ())
    }

    /// Those that have ended here and that the shared database may still know.
    pub(super) async fn ended(&mut self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query_scalar("SELECT digest FROM ended_session")
            .fetch_all(self.0.connection())
            .await;
        self.0.checked(rows)
    }

    /// The shared database knows none of them.
    pub(super) async fn forget_ended(&mut self) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM ended_session")
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }
}

fn read(row: &SqliteRow) -> Result<SessionRow, sqlx::Error> {
    Ok(SessionRow {
        digest: row.try_get("digest")?,
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        address: row.try_get("address")?,
        password: row.try_get("password")?,
        made_s: row.try_get("made_s")?,
        used_s: row.try_get("used_s")?,
    })
}
