//! The table `password`: the hash of the dashboard's password, by where it comes from.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::{StoreError, Table};

/// What is kept of a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordRow {
    /// Where it comes from.
    pub source: PasswordSource,
    /// Its hash.
    pub hash: String,
    /// When it was set, in seconds since 1970-01-01 UTC.
    pub set_s: i64,
}

/// Where a password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordSource {
    /// People set it in the dashboard, or by the command.
    Set,
    /// The environment; its hash is kept so that it is the same after a restart.
    Environment,
}

impl PasswordSource {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Environment => "environment",
        }
    }
}

/// The passwords' hashes.
pub struct PasswordTable<'a>(pub(super) Table<'a>);

impl PasswordTable<'_> {
    /// Keeps a hash in the place of the one from there.
    pub async fn save(&mut self, password: &PasswordRow) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO password (source, hash, set_s) VALUES ($1, $2, $3) \
             ON CONFLICT (source) DO UPDATE SET hash = excluded.hash, set_s = excluded.set_s",
        )
        .bind(password.source.as_str())
        .bind(&password.hash)
        .bind(password.set_s)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Forgets the hash from there.
    pub async fn remove(&mut self, source: PasswordSource) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM password WHERE source = $1")
            .bind(source.as_str())
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// The one from there; of a damaged row, a hash that is none.
    pub async fn find(
        &mut self,
        source: PasswordSource,
    ) -> Result<Option<PasswordRow>, StoreError> {
        let row = sqlx::query("SELECT hash, set_s FROM password WHERE source = $1")
            .bind(source.as_str())
            .fetch_optional(self.0.connection())
            .await;
        let row = self.0.checked(row)?;
        Ok(row.map(|row| PasswordRow {
            source,
            hash: row.try_get("hash").unwrap_or_default(),
            set_s: row.try_get("set_s").unwrap_or_default(),
        }))
    }
}
