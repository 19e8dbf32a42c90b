//! Why somebody is not let in, in the words that they read.

use std::time::Duration;

use super::Door;
use super::hash::{LONGEST, SHORTEST};
use crate::store::StoreError;

/// Why something was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The password is wrong; so many tries are left.
    #[error("wrong password, {}", left(*.0))]
    WrongPassword(u32),
    /// The code is wrong, likewise.
    #[error("wrong code, {}", left(*.0))]
    WrongCode(u32),
    /// There were too many wrong ones.
    #[error("there were too many wrong tries; try again in {}", wait(*.0))]
    Throttled(Duration),
    /// A password that nobody should have.
    #[error("a password has at least {SHORTEST} characters")]
    Short,
    /// A password that is none.
    #[error("a password has at most {LONGEST} bytes")]
    Long,
    /// Somebody wants to sign in who cannot.
    #[error("{}", match .0 {
        Door::Open => "no password is set, so there is nothing to sign in to",
        Door::SetUp => "no password is set yet; set one with the code that the server's console shows",
        Door::Shut | Door::Unknown => "it cannot be seen now whether this password is right; try again",
    })]
    NotShut(Door),
    /// Somebody wants to set the first password where that is not asked for.
    #[error("{}", match .0 {
        Door::Open => "only this machine reaches the dashboard; set a password in its settings",
        Door::Shut => "a password is set already; sign in with it",
        Door::SetUp | Door::Unknown => "it cannot be seen now whether a password is set; try again",
    })]
    NotSetUp(Door),
    /// The config or the environment sets the password.
    #[error("the config file or the environment sets the password; change it there")]
    Declared,
    /// Who changes the password has to know it.
    #[error("say the current password, too")]
    NoCurrent,
    /// There are as many tokens as there may be.
    #[error("there are too many tokens; revoke one first")]
    TooManyTokens,
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be written.
    #[error("writing `{file}`: {source}")]
    File {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// A password cannot be hashed, such as for want of memory.
    #[error("the password could not be hashed")]
    Hashing,
}

fn left(tries: u32) -> String {
    match tries {
        0 => "no try is left this minute".to_owned(),
        1 => "1 try left this minute".to_owned(),
        tries => format!("{tries} tries left this minute"),
    }
}

fn wait(time: Duration) -> String {
    match seconds(time) {
        1 => "1 second".to_owned(),
        seconds @ ..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// Whole seconds, not too few.
pub(super) fn seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

impl AccessError {
    /// After how many seconds it may be tried again.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Throttled(time) => Some(seconds(*time)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_reads_how_often_and_when_to_try_again() {
        let told = |error: AccessError| error.to_string();
        assert_eq!(
            told(AccessError::WrongPassword(4)),
            "wrong password, 4 tries left this minute"
        );
        assert_eq!(
            told(AccessError::WrongCode(1)),
            "wrong code, 1 try left this minute"
        );
        for (time, words) in [
            (Duration::from_millis(300), "in 1 second"),
            (Duration::from_millis(41_200), "in 42 seconds"),
            (Duration::from_mins(10), "in 10 minutes"),
        ] {
            let told = told(AccessError::Throttled(time));
            assert!(told.ends_with(words), "{told}");
        }
    }
}
