//! The password of the environment: its hash is the same after a restart and, where it is the same
//! password, on all nodes, so that sessions go on.

use std::sync::{Arc, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{Access, AccessError, hash};
use crate::config::{Password, is_password_hash};
use crate::store::{PasswordRow, PasswordSource};

/// The password of the environment.
#[derive(Clone, Default)]
pub(super) struct Environment {
    text: String,
    ours: Option<Arc<str>>,
    /// The hash in the store that was looked at last, and is of another.
    strange: Option<Arc<str>>,
    /// Whether the store has ours.
    is_kept: bool,
}

impl Access {
    /// The hash of what the config declares; that of the environment's password is the same after
    /// a restart, so that sessions go on.
    pub(super) async fn declared_hash(
        &self,
        environment: Option<String>,
    ) -> Result<Option<Arc<str>>, AccessError> {
        let declared = self.declared().clone();
        let text = match declared {
            None => return Ok(None),
            Some(Password::Hash(hash)) => return Ok(Some(hash.into())),
            Some(Password::Plain(text)) => text,
        };
        if self.environment().text != text {
            *self.environment() = Environment {
                text: text.clone(),
                ..Environment::default()
            };
            if text.chars().count() < hash::SHORTEST {
                tracing::warn!(
                    "the password of the environment is short: choose one of at least {} characters",
                    hash::SHORTEST
                );
            }
        }
        let ours = self.environment().ours.clone();
        let kept = environment.filter(|hash| is_password_hash(hash));
        let kept = kept
            .map(Arc::from)
            .filter(|hash| ours.as_ref() != Some(hash));
        let hash = match (kept, ours) {
            (Some(hash), _) if self.fits_environment(&text, &hash).await? => hash,
            (_, Some(hash)) => hash,
            (_, None) => self.hash(&text).await?.into(),
        };
        self.environment().ours = Some(Arc::clone(&hash));
        Ok(Some(hash))
    }

    /// Whether a hash is one of the environment's password: other nodes have theirs in their own.
    async fn fits_environment(&self, text: &str, hash: &Arc<str>) -> Result<bool, AccessError> {
        if self.environment().strange.as_ref() == Some(hash) {
            return Ok(false);
        }
        let fits = self.verify(text, hash).await?;
        if !fits {
            self.environment().strange = Some(Arc::clone(hash));
        }
        Ok(fits)
    }

    fn environment(&self) -> MutexGuard<'_, Environment> {
        self.environment
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the hash of the environment's password, once: nodes with different ones would never
    /// come to rest.
    pub(super) async fn share_environment(&self) {
        let Environment {
            text,
            ours,
            is_kept,
            ..
        } = self.environment().clone();
        let Some(hash) = ours.filter(|_| !is_kept) else {
            return;
        };
        match self.save_environment(&text, &hash).await {
            Ok(is_kept) => self.environment().is_kept = is_kept,
            Err(error) => {
                tracing::debug!(%error, "the hash of the environment's password is not kept");
            }
        }
    }

    /// Keeps the hash of the environment's password, unless another node has done so. Says whether
    /// there is one now that fits; if not, another node was faster, and it is looked at again.
    async fn save_environment(&self, text: &str, hash: &str) -> Result<bool, AccessError> {
        let source = PasswordSource::Environment;
        let there = self.store.read().await?.passwords().find(source).await?;
        let there = there.map(|row| Arc::from(row.hash));
        // That takes long, and all that is written waits for who holds the store.
        if let Some(there) = &there
            && (**there == *hash || self.fits_environment(text, there).await?)
        {
            return Ok(true);
        }
        let mut writing = self.store.write_shared().await?;
        let now = writing.passwords().find(source).await?;
        if now.map(|row| Arc::from(row.hash)) != there {
            return Ok(false);
        }
        let password = PasswordRow {
            source,
            hash: hash.to_owned(),
            set_s: Timestamp::now().as_second(),
        };
        writing.set_password(password).await?;
        writing.commit().await?;
        Ok(true)
    }
}
