//! What the store keeps of the door: read at the start, and when another node changed it; written as
//! it changes.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::keys::Known;
use super::secret::Digest;
use super::session::Session;
use super::token::Token;
use super::{Access, AccessError, Door, command};
use crate::config::{Password, Web, is_password_hash};
use crate::store::{PasswordRow, PasswordSource, SessionRow, StoreError, TokenRow, Transaction};

/// A file that says that a password was set: without it in the database, nobody is let in by an
/// open door, but the code is asked for.
const MARKER: &str = "password.set";

/// How often it is kept when sessions and tokens were used, and how much it has to differ.
const NOW_AND_THEN: Duration = Duration::from_mins(15);
const OFTEN_ENOUGH_S: i64 = 60 * 60;

/// At the stop it may be closer.
const AT_THE_END_S: i64 = 60;

/// Whether a password is the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is: of several nodes, the first that has one has it for all.
    First,
    /// It replaces whatever there is.
    Any,
}

/// What the store keeps.
struct Kept {
    set: Option<String>,
    environment: Option<String>,
    sessions: Vec<Session>,
    tokens: Vec<Token>,
}

impl Access {
    /// Learns what the store keeps. Where it cannot be read, it is known at least whether a
    /// password was ever set here.
    pub async fn recall(&self) -> Result<(), AccessError> {
        let _turn = self.changing.lock().await;
        let kept = self.read().await;
        let environment = kept.as_ref().ok().and_then(|kept| kept.environment.clone());
        let declared = self.declared_hash(environment).await?;
        let is_first = *self.news.borrow() == 0;
        let result = match kept {
            Ok(kept) => {
                let password = self.understand(kept.set.as_deref());
                let mut keys = self.keys();
                keys.learn(declared, password);
                keys.recall(kept.sessions, kept.tokens, now_s());
                Ok(())
            }
            Err(error) => {
                let mut keys = self.keys();
                let kept = match keys.kept() {
                    kept if !is_first => kept.clone(),
                    _ if self.marker().exists() => Known::Not,
                    _ => Known::None,
                };
                keys.learn(declared, kept);
                keys.prune(now_s());
                Err(error.into())
            }
        };
        self.news.send_modify(|count| *count += 1);
        self.share_environment().await;
        result
    }

    /// Takes what a config that was read again says of the dashboard.
    pub async fn declare(&self, web: &Web) -> Result<(), AccessError> {
        let before = self.door();
        self.name(web);
        let declared = self.declare_password(web.password.clone()).await;
        if before != Door::SetUp && self.door() == Door::SetUp {
            tracing::warn!("the dashboard has no password: a restart shows the code that sets one");
        }
        declared
    }

    /// Where it gets a name, others may come: the door is open no longer.
    fn name(&self, web: &Web) {
        let served = Web {
            listen: self.listen.clone(),
            ..web.clone()
        };
        let is_here_only = served.is_here_only();
        self.is_here_only.store(is_here_only, Ordering::Release);
        if !is_here_only {
            self.keys().close();
        }
    }

    /// Takes another password; sessions of the one before end.
    async fn declare_password(&self, password: Option<Password>) -> Result<(), AccessError> {
        let before = std::mem::replace(&mut *self.declared(), password.clone());
        if before == password {
            return Ok(());
        }
        let recalled = self.recall().await;
        if let Err(error) = recalled {
            // Where only the store cannot be read, it is in force.
            if !matches!(error, AccessError::Store(_)) {
                *self.declared() = before;
            }
            return Err(error);
        }
        tracing::info!("the dashboard's password is another one; sessions of before have ended");
        Ok(())
    }

    /// What a hash from the store means, and that of none.
    fn understand(&self, set: Option<&str>) -> Known {
        let file = self.marker();
        match set {
            Some(hash) if is_password_hash(hash) => {
                if let Err(error) = self.mark() {
                    tracing::debug!(%error, "it is not marked that there is a password");
                }
                Known::Hash(hash.into())
            }
            Some(_) => Known::Lost,
            None if file.exists() => Known::Lost,
            None => Known::None,
        }
    }

    async fn read(&self) -> Result<Kept, StoreError> {
        self.store.connect().await?;
        let mut reading = self.store.read().await?;
        let set = reading.passwords().find(PasswordSource::Set).await?;
        let source = PasswordSource::Environment;
        let environment = reading.passwords().find(source).await?;
        let (set, environment) = (set.map(|row| row.hash), environment.map(|row| row.hash));
        let sessions = reading.sessions().all().await?;
        let tokens = reading.tokens().all().await?;
        Ok(Kept {
            set,
            environment,
            sessions: sessions.into_iter().filter_map(Session::from_row).collect(),
            tokens: tokens.into_iter().filter_map(Token::from_row).collect(),
        })
    }

    /// Keeps a new password, on all nodes; earlier sessions are forgotten with it, and this one is
    /// new.
    pub(super) async fn keep_password(
        &self,
        password: PasswordRow,
        session: Option<&SessionRow>,
        turn: Turn,
    ) -> Result<(), AccessError> {
        let mut writing = self.store.write_shared().await?;
        let before = writing.passwords().find(PasswordSource::Set).await?;
        let before = before.filter(|row| is_password_hash(&row.hash));
        if turn == Turn::First && before.is_some() {
            // Somebody was faster, on another node.
            return Err(AccessError::NotSetUp(Door::Shut));
        }
        // Never a password without its mark.
        self.mark()?;
        writing.set_password(password).await?;
        if let Some(session) = session {
            writing.sessions().save(session).await?;
        }
        writing.commit().await?;
        self.share_soon();
        Ok(())
    }

    /// Has the other nodes told soon of sessions that began or ended here.
    fn share_soon(&self) {
        if let Some(hub) = self.store.hub() {
            hub.share_soon();
        }
    }

    fn marker(&self) -> PathBuf {
        self.data_dir.join(MARKER)
    }

    fn mark(&self) -> Result<(), AccessError> {
        let file = self.marker();
        if fs::exists(&file).unwrap_or(false) {
            return Ok(());
        }
        let written = command::write(&file, "");
        written.map_err(|source| AccessError::File {
            file: file.display().to_string(),
            source,
        })
    }

    pub(super) async fn save_session(&self, session: &SessionRow) -> Result<(), StoreError> {
        let mut writing = self.store.write_through().await?;
        writing.sessions().save(session).await?;
        writing.commit().await?;
        self.share_soon();
        Ok(())
    }

    pub(super) async fn save_token(&self, token: TokenRow) -> Result<(), StoreError> {
        let mut writing = self.store.write_shared().await?;
        writing.add_token(token).await?;
        writing.commit().await
    }

    pub(super) async fn remove_token(&self, digest: &Digest) -> Result<(), StoreError> {
        let mut writing = self.store.write_shared().await?;
        writing.revoke_token(&digest.to_text()).await?;
        writing.commit().await
    }

    /// Has the store forget what has ended; what it cannot now is tried again.
    pub(super) async fn forget_ended(&self) {
        // Who reads the store meanwhile must know of them.
        let _turn = self.changing.lock().await;
        let gone = self.keys().gone();
        if gone.is_empty() {
            return;
        }
        match self.forget(&gone).await {
            Ok(()) => self.keys().forget_gone(&gone),
            Err(error) => {
                tracing::warn!(%error, "ended sessions are still in the database; it is tried again");
            }
        }
    }

    async fn forget(&self, gone: &[Digest]) -> Result<(), StoreError> {
        let mut writing = self.store.write_through().await?;
        for digest in gone.iter().map(|digest| digest.to_text()) {
            match self.store.hub() {
                Some(_) => writing.sessions().end(&digest).await?,
                None => writing.sessions().remove(&digest).await?,
            }
        }
        writing.commit().await?;
        self.share_soon();
        Ok(())
    }

    /// Keeps when sessions and tokens were used, now and then, until told to stop.
    pub async fn keep(&self, stop: CancellationToken) {
        let mut generation = self.store.generation();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(NOW_AND_THEN) => {}
            }
            self.keys().prune(now_s());
            let now = self.store.generation();
            if now != generation {
                // A damaged file was moved aside: the new one knows nobody.
                match self.save_everything().await {
                    Ok(()) => generation = now,
                    Err(error) => tracing::warn!(%error, "who is signed in could not be kept"),
                }
            }
            self.forget_ended().await;
            let least_s = if stop.is_cancelled() {
                AT_THE_END_S
            } else {
                OFTEN_ENOUGH_S
            };
            if let Err(error) = self.save_used(least_s).await {
                tracing::debug!(%error, "when sessions were used is not kept");
            }
        }
        command::forget(&self.data_dir);
    }

    async fn save_used(&self, least_s: i64) -> Result<(), StoreError> {
        let unsaved = self.keys().unsaved(least_s);
        if unsaved.0.is_empty() && unsaved.1.is_empty() {
            return Ok(());
        }
        let mut writing = self.store.write().await?;
        save_rows(&mut writing, &unsaved.0, &unsaved.1).await?;
        writing.commit().await?;
        self.keys().set_saved(&unsaved);
        Ok(())
    }

    async fn save_everything(&self) -> Result<(), StoreError> {
        let (password, sessions, tokens) = self.keys().everything();
        let mut writing = self.store.write_through().await?;
        if let Known::Hash(hash) = password {
            writing.passwords().save(&set(&hash, now_s())).await?;
        }
        save_rows(&mut writing, &sessions, &tokens).await?;
        writing.commit().await
    }
}

/// A password that people set.
pub(super) fn set(hash: &str, now_s: i64) -> PasswordRow {
    PasswordRow {
        source: PasswordSource::Set,
        hash: hash.to_owned(),
        set_s: now_s,
    }
}

async fn save_rows(
    writing: &mut Transaction,
    sessions: &[SessionRow],
    tokens: &[TokenRow],
) -> Result<(), StoreError> {
    for session in sessions {
        writing.sessions().save(session).await?;
    }
    for token in tokens {
        writing.tokens().save(token).await?;
    }
    Ok(())
}

fn now_s() -> i64 {
    Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::store::Store;

    #[tokio::test]
    async fn another_password_of_the_config_is_in_force_although_the_database_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let store = Store::at(&file.join("data"));
        let password = |text: &str| Some(Password::Hash(text.to_owned()));
        let mut config = Config {
            data_dir: folder.path().to_owned(),
            ..Config::default()
        };
        config.web.password = password("one");
        let access = Access::new(&config, store).unwrap();
        access.recall().await.unwrap_err();
        config.web.password = password("two");
        let declared = access.declare(&config.web).await;
        assert!(
            matches!(declared, Err(AccessError::Store(_))),
            "{declared:?}"
        );
        assert_eq!(access.keys().password(), Known::Hash("two".into()));
    }
}
