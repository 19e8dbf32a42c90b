//! Looking at the password, and setting another one.

use std::sync::Arc;

use jiff::Timestamp;

use super::aside::aside;
use super::keep::{self, Turn};
use super::keys::Known;
use super::pass::{By, Pass};
use super::session::Session;
use super::throttle::{Guesser, Net, Throttle, Try};
use super::{Access, AccessError, Door, LONGEST, Opened, Visitor, check_length, hash, new_session};

impl Access {
    /// Sets the first password, for who has the code, and opens a session.
    pub async fn set_up(
        &self,
        visitor: &Visitor,
        (code, password): (&str, &str),
        now_s: i64,
    ) -> Result<Opened, AccessError> {
        let _turn = self.changing.lock().await;
        match self.door() {
            Door::SetUp => {}
            door => return Err(AccessError::NotSetUp(door)),
        }
        // What is too short is told before the code is looked at: it is no guess.
        check_length(password)?;
        let begun = self.begin_try((visitor, None))?;
        if !self.code.is(code) {
            return Err(AccessError::WrongCode(begun.left));
        }
        self.throttle().forgive(&begun);
        let hash: Arc<str> = self.hash(password).await?.into();
        let (secret, session) = new_session(visitor, &hash, now_s)?;
        let pass = self.put_password(hash, Some(session), Turn::First).await?;
        Ok(Opened {
            secret,
            pass: pass.ok_or(AccessError::Hashing)?,
        })
    }

    /// Sets another password, which ends every session, and opens one in their place, unless our own
    /// command asks. `current` is asked of who came in by a session.
    pub async fn change_password(
        &self,
        (pass, visitor): (&Pass, &Visitor),
        (current, password): (Option<&str>, &str),
        now_s: i64,
    ) -> Result<Option<Opened>, AccessError> {
        let _turn = self.changing.lock().await;
        if self.is_declared() {
            return Err(AccessError::Declared);
        }
        check_length(password)?;
        let known = self.keys().password();
        if let (Known::Hash(hash), By::Session { id, .. }) = (known, &pass.by) {
            let current = current.ok_or(AccessError::NoCurrent)?;
            self.check((visitor, Some(id)), current, &hash).await?;
        }
        let hash: Arc<str> = self.hash(password).await?.into();
        if pass.by == By::Command {
            self.put_password(hash, None, Turn::Any).await?;
            return Ok(None);
        }
        let (secret, session) = new_session(visitor, &hash, now_s)?;
        let pass = self.put_password(hash, Some(session), Turn::Any).await?;
        Ok(pass.map(|pass| Opened { secret, pass }))
    }

    /// Sets a password, for who may write to the data folder.
    pub async fn reset(&self, password: &str) -> Result<(), AccessError> {
        let _turn = self.changing.lock().await;
        check_length(password)?;
        let hash = self.hash(password).await?.into();
        self.put_password(hash, None, Turn::Any).await?;
        Ok(())
    }

    /// The caller holds the turn.
    async fn put_password(
        &self,
        hash: Arc<str>,
        session: Option<Session>,
        turn: Turn,
    ) -> Result<Option<Pass>, AccessError> {
        let row = session.as_ref().map(Session::to_row);
        let password = keep::set(&hash, Timestamp::now().as_second());
        self.keep_password(password, row.as_ref(), turn).await?;
        let pass = self.keys().change(hash, session);
        // What was wrong was wrong about another password.
        *self.throttle() = Throttle::default();
        self.news.send_modify(|count| *count += 1);
        tracing::info!("the dashboard has a new password; earlier sessions have ended");
        Ok(pass)
    }

    /// Looks at a password, if there were not too many wrong ones.
    pub(super) async fn check(
        &self,
        who: (&Visitor, Option<&str>),
        password: &str,
        hash: &Arc<str>,
    ) -> Result<(), AccessError> {
        let begun = self.begin_try(who)?;
        if password.len() > LONGEST || !self.verify(password, hash).await? {
            return Err(AccessError::WrongPassword(begun.left));
        }
        self.throttle().forgive(&begun);
        Ok(())
    }

    /// Counts a try before it is made: many at the same time are many, too. Who is in already, by
    /// the session of this id, is not held up by others at their address.
    pub(super) fn begin_try(
        &self,
        (visitor, session): (&Visitor, Option<&str>),
    ) -> Result<Try, AccessError> {
        let (guesser, is_known) = if let Some(id) = session {
            (Guesser::In(id.to_owned()), true)
        } else {
            let is_known = self.keys().is_known(visitor.address);
            (Net::of(visitor.address).into(), is_known)
        };
        let begun = self.throttle().begin(guesser, is_known);
        begun.map_err(AccessError::Throttled)
    }

    pub(super) async fn verify(
        &self,
        password: &str,
        hash: &Arc<str>,
    ) -> Result<bool, AccessError> {
        let (password, hash) = (password.to_owned(), Arc::clone(hash));
        self.look(move || Ok(hash::verify(&password, &hash))).await
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String, AccessError> {
        let password = password.to_owned();
        self.look(move || hash::make(&password)).await
    }

    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, AccessError> {
        let seat = Arc::clone(&self.looking).acquire_owned().await;
        aside(seat.map_err(|_| AccessError::Hashing)?, work).await
    }
}
