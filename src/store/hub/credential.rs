//! What lets people in, the same on all nodes.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::{Hub, Result};
use crate::store::credential::{Credential, CredentialKey, Credentials};

impl Hub {
    /// All that is known there.
    pub(super) async fn credentials(&self, store: &mut PgConnection) -> Result<Credentials> {
        let rows = sqlx::query("SELECT kind, value FROM credential").fetch_all(store);
        let rows = self.within(rows).await?;
        let read = |row: &PgRow| {
            let (kind, text): (&str, &str) = (row.try_get("kind")?, row.try_get("value")?);
            Ok(Credential::from_text(kind, text))
        };
        let all: std::result::Result<Vec<_>, sqlx::Error> = rows.iter().map(read).collect();
        let all = all.map_err(|error| self.failed(&error))?;
        Ok(all.into_iter().flatten().collect())
    }

    /// Keeps something there.
    pub(super) async fn grant(&self, store: &mut PgConnection, one: &Credential) -> Result<()> {
        let (kind, key) = one.key();
        let put = sqlx::query(
            "INSERT INTO credential (kind, key, value) VALUES ($1, $2, $3) \
             ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
        )
        .bind(kind)
        .bind(key)
        .bind(one.to_text())
        .execute(store);
        self.within(put).await.map(|_| ())
    }

    /// Takes something back there.
    pub(super) async fn revoke(
        &self,
        store: &mut PgConnection,
        (kind, key): &CredentialKey,
    ) -> Result<()> {
        let gone = sqlx::query("DELETE FROM credential WHERE kind = $1 AND key = $2")
            .bind(*kind)
            .bind(key)
            .execute(store);
        self.within(gone).await.map(|_| ())
    }

    /// Ends all sessions there.
    pub(super) async fn revoke_sessions(&self, store: &mut PgConnection) -> Result<()> {
        let gone = sqlx::query("DELETE FROM credential WHERE kind = $1")
            .bind(Credential::SESSION)
            .execute(store);
        self.within(gone).await.map(|_| ())
    }
}
