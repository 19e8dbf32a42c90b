//! What somebody shows at the door, and what they were let in by.

use tokio_util::sync::CancellationToken;

use super::token::Scope;

/// What somebody shows.
#[derive(Clone, Debug, Default)]
pub struct Credential<'a> {
    /// A token.
    pub bearer: Option<&'a str>,
    /// The secrets of sessions: a browser may send several cookies of one name.
    pub sessions: Vec<&'a str>,
}

/// What somebody was let in by.
#[derive(Clone, Debug)]
pub struct Pass {
    /// What it was.
    pub by: By,
    /// Fires when it lets in no longer.
    pub ended: CancellationToken,
}

/// What somebody was let in by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// Nothing: the door is open.
    OpenDoor,
    /// A session.
    Session {
        /// Which.
        id: String,
        /// What it is called.
        name: String,
    },
    /// A token.
    Token {
        /// What it is called.
        name: String,
        /// What it is good for.
        scope: Scope,
    },
    /// The file for our own commands.
    Command,
}
