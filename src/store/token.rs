//! The table `token`: by which programs may use the API.

use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{StoreError, Table};

/// What is kept of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// The SHA-256 of the token, in hex.
    pub digest: String,
    /// By which people name it; it opens nothing.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// `read` or `full`.
    pub scope: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub made_s: i64,
    /// When it was used last, likewise.
    pub used_s: Option<i64>,
}

/// The tokens.
pub struct TokenTable<'a>(pub(super) Table<'a>);

impl TokenTable<'_> {
    /// Adds a token, or keeps when it was used last.
    pub async fn save(&mut self, token: &TokenRow) -> Result<(), StoreError> {
        let done = sqlx::query(
            "INSERT INTO token (digest, id, name, scope, made_s, used_s) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (digest) DO UPDATE SET used_s = excluded.used_s",
        )
        .bind(&token.digest)
        .bind(&token.id)
        .bind(&token.name)
        .bind(&token.scope)
        .bind(token.made_s)
        .bind(token.used_s)
        .execute(self.0.connection())
        .await;
        self.0.checked(done).map(|_| ())
    }

    /// Revokes a token.
    pub async fn remove(&mut self, digest: &str) -> Result<(), StoreError> {
        let done = sqlx::query("DELETE FROM token WHERE digest = $1")
            .bind(digest)
            .execute(self.0.connection())
            .await;
        self.0.checked(done).map(|_| ())
    }

    /// All that can be read: a damaged row opens nothing.
    pub async fn all(&mut self) -> Result<Vec<TokenRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM token")
            .fetch_all(self.0.connection())
            .await;
        let rows = self.0.checked(rows)?;
        Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
    }
}

fn read(row: &SqliteRow) -> Result<TokenRow, sqlx::Error> {
    Ok(TokenRow {
        digest: row.try_get("digest")?,
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        scope: row.try_get("scope")?,
        made_s: row.try_get("made_s")?,
        used_s: row.try_get("used_s")?,
    })
}
