//! Who may see the dashboard: the password, sessions, tokens for programs, and patience with those
//! who guess.
//!
//! An [`Access`] holds in memory what the store keeps, so that letting somebody in costs no look at
//! the disk; of passwords and secrets it keeps hashes only. What is not known is not let in. Start
//! at [`Access::admit`].

mod aside;
mod change;
mod command;
mod environment;
mod error;
mod hash;
mod keep;
mod keys;
mod pass;
mod secret;
mod session;
mod throttle;
mod token;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

pub use command::{forget as forget_command, read as read_command};
pub use error::AccessError;
pub use hash::{LONGEST, SHORTEST, check_length, make as make_hash};
pub use pass::{By, Credential, Pass};
pub use session::SessionInfo;
pub use token::{Scope, TokenInfo};

use crate::config::{Config, Password};
use crate::store::Store;
use environment::Environment;
use keys::{Keys, Known};
use secret::{Code, Digest};
use session::Session;
use throttle::Throttle;
use token::Token;

/// Passwords that are looked at at the same time: each takes a processor and 19 MiB for a moment.
const MOST_AT_ONCE: usize = 1;

/// How long a request waits for the first look at the store.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Tokens that there may be.
const MOST_TOKENS: usize = 50;

/// How things stand at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// There is no password, and only this machine reaches the dashboard.
    Open,
    /// There is no password, and others reach it: whoever has the code sets one.
    SetUp,
    /// A password, a session or a token is needed.
    Shut,
    /// It cannot be read whether there is a password.
    Unknown,
}

/// Who is at the door.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Where the request comes from.
    pub address: IpAddr,
    /// What a session of theirs is called.
    pub name: String,
}

/// A session that was opened just now.
#[derive(Debug)]
pub struct Opened {
    /// What its browser has to show from now on.
    pub secret: String,
    /// What it is let in by.
    pub pass: Pass,
}

/// The door of the dashboard.
pub struct Access {
    store: Store,
    data_dir: PathBuf,
    declared: Mutex<Option<Password>>,
    /// Where the dashboard is served, for as long as this runs.
    listen: Vec<SocketAddr>,
    is_here_only: AtomicBool,
    keys: Mutex<Keys>,
    throttle: Mutex<Throttle>,
    environment: Mutex<Environment>,
    /// Rises when something becomes known of the password.
    news: watch::Sender<u64>,
    code: Code,
    looking: Arc<Semaphore>,
    /// Held while the password changes, and while what the store has and what is known here do.
    changing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl Access {
    /// The door of this config's dashboard; what the store keeps is not known before
    /// [`Self::recall`].
    pub fn new(config: &Config, store: Store) -> Result<Self, AccessError> {
        let declared = config.web.password.clone();
        let hash = match &declared {
            Some(Password::Hash(hash)) => Some(Arc::from(hash.as_str())),
            Some(Password::Plain(_)) | None => None,
        };
        let mut keys = Keys::new(hash);
        keys.is_shared = store.hub().is_some();
        Ok(Self {
            keys: Mutex::new(keys),
            throttle: Mutex::default(),
            environment: Mutex::default(),
            news: watch::Sender::new(0),
            code: Code::make()?,
            looking: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            changing: tokio::sync::Mutex::default(),
            data_dir: config.data_dir.clone(),
            listen: config.web.listen.clone(),
            is_here_only: config.web.is_here_only().into(),
            declared: Mutex::new(declared),
            store,
        })
    }

    /// Lets our own commands in, by a file that only our user may read.
    pub fn admit_commands(&self) {
        match command::make(&self.data_dir) {
            Ok(digest) => self.keys().command = Some(digest),
            Err(error) => {
                let file = command::file(&self.data_dir);
                tracing::warn!(
                    file = %file.display(), %error,
                    "our own commands do not get past the dashboard's password"
                );
            }
        }
    }

    /// How things stand.
    pub fn door(&self) -> Door {
        self.door_of(&self.keys())
    }

    fn door_of(&self, keys: &Keys) -> Door {
        match keys.password() {
            // Which one it is, is seen in a moment.
            Known::Not if self.is_declared() => Door::Shut,
            Known::Not => Door::Unknown,
            Known::None if self.is_here_only.load(Ordering::Acquire) => Door::Open,
            Known::None | Known::Lost => Door::SetUp,
            Known::Hash(_) => Door::Shut,
        }
    }

    /// Waits until the store was looked at once, for a moment at most: who is signed in is not sent
    /// away just after a start.
    pub async fn look_first(&self) {
        let mut news = self.news.subscribe();
        let looked = news.wait_for(|count| *count > 0);
        // Whatever is not known by then is not let in.
        let _ = timeout(FIRST_LOOK, looked).await;
    }

    /// Waits until it is known how things stand.
    pub async fn known(&self) -> Door {
        let mut news = self.news.subscribe();
        loop {
            let door = self.door();
            if door != Door::Unknown || news.changed().await.is_err() {
                return door;
            }
        }
    }

    /// Whether the config or the environment sets the password.
    pub fn is_declared(&self) -> bool {
        self.declared().is_some()
    }

    /// The code for the first password, while one is wanted.
    pub fn code(&self) -> Option<&str> {
        (self.door() == Door::SetUp).then_some(self.code.as_str())
    }

    /// Lets somebody in, or not.
    pub fn admit(&self, shown: &Credential<'_>, now_s: i64) -> Option<Pass> {
        let mut keys = self.keys();
        let is_open = self.door_of(&keys) == Door::Open;
        let pass = keys.admit(shown, now_s);
        pass.or_else(|| is_open.then(|| keys.open_pass()))
    }

    /// Opens a session for who knows the password.
    pub async fn sign_in(
        &self,
        visitor: &Visitor,
        password: &str,
        now_s: i64,
    ) -> Result<Opened, AccessError> {
        // The password may change while it is looked at: then it is looked at again, because
        // another node may only have kept the same one differently.
        for _ in 0..2 {
            if let Some(opened) = self.try_to_sign_in(visitor, password, now_s).await? {
                return Ok(opened);
            }
        }
        Err(AccessError::NotShut(Door::Unknown))
    }

    /// Opens a session; none where the password changed meanwhile.
    async fn try_to_sign_in(
        &self,
        visitor: &Visitor,
        password: &str,
        now_s: i64,
    ) -> Result<Option<Opened>, AccessError> {
        let hash = match (self.door(), self.keys().password()) {
            (Door::Shut, Known::Hash(hash)) => hash,
            (Door::Shut, _) => return Err(AccessError::NotShut(Door::Unknown)),
            (door, _) => return Err(AccessError::NotShut(door)),
        };
        self.check((visitor, None), password, &hash).await?;
        let (secret, session) = new_session(visitor, &hash, now_s)?;
        let row = session.to_row();
        // Who reads the store meanwhile has both, or neither.
        let _turn = self.changing.lock().await;
        // Who could not be kept is in all the same: the disk may be what they come for.
        let kept = self.save_session(&row).await;
        if let Err(error) = &kept {
            tracing::warn!(%error, "a session is not kept, and ends with the next restart");
        }
        let pass = self.keys().open(session, kept.is_ok(), &hash);
        Ok(pass.map(|pass| Opened { secret, pass }))
    }

    /// Ends the session that this is.
    pub async fn sign_out(&self, pass: &Pass) {
        if let By::Session { id, .. } = &pass.by {
            self.end_sessions(|session| session.id == *id).await;
        }
    }

    /// Ends the sessions that are meant; gives how many there were.
    pub async fn end_sessions(&self, is_meant: impl Fn(&SessionInfo) -> bool) -> usize {
        let ended = self.keys().end(|session| is_meant(&session.info));
        self.forget_ended().await;
        ended
    }

    /// All sessions, the one that was used last first.
    pub fn sessions(&self, now_s: i64) -> Vec<SessionInfo> {
        self.keys().sessions(now_s)
    }

    /// All tokens, the newest first.
    pub fn tokens(&self) -> Vec<TokenInfo> {
        self.keys().tokens()
    }

    /// Makes a token; only now it can be seen.
    pub async fn make_token(
        &self,
        name: &str,
        scope: Scope,
        now_s: i64,
    ) -> Result<(String, TokenInfo), AccessError> {
        let _turn = self.changing.lock().await;
        if self.keys().tokens().len() >= MOST_TOKENS {
            return Err(AccessError::TooManyTokens);
        }
        let secret = format!("squelch_{}", secret::make()?);
        let info = TokenInfo {
            id: secret::id()?,
            name: name.to_owned(),
            scope,
            made_s: now_s,
            used_s: None,
        };
        let token = Token::new(Digest::of(&secret), info.clone());
        self.save_token(token.to_row()).await?;
        self.keys().add_token(token);
        Ok((secret, info))
    }

    /// Revokes a token; whether there was one.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, AccessError> {
        let Some(digest) = self.keys().token_digest(id) else {
            return Ok(false);
        };
        let _turn = self.changing.lock().await;
        self.remove_token(&digest).await?;
        Ok(self.keys().revoke(&digest))
    }

    fn declared(&self) -> MutexGuard<'_, Option<Password>> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_session(
    visitor: &Visitor,
    hash: &str,
    now_s: i64,
) -> Result<(String, Session), AccessError> {
    let secret = secret::make()?;
    let info = SessionInfo {
        id: secret::id()?,
        name: visitor.name.clone(),
        address: visitor.address,
        made_s: now_s,
        used_s: now_s,
    };
    let session = Session::new(Digest::of(&secret), info, &session::mark(hash));
    Ok((secret, session))
}
