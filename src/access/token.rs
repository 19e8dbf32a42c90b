//! A token, by which a program may use the API.

use tokio_util::sync::CancellationToken;

use super::secret::Digest;
use crate::store::TokenRow;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To read.
    Read,
    /// To read and to change.
    Full,
}

impl Scope {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Full => "full",
        }
    }

    /// The one that a word means.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Full]
            .into_iter()
            .find(|scope| scope.as_str() == word)
    }
}

/// What people see of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Which.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub scope: Scope,
    /// When it was made.
    pub made_s: i64,
    /// When it was used last.
    pub used_s: Option<i64>,
}

/// A token.
#[derive(Debug)]
pub(super) struct Token {
    pub digest: Digest,
    pub info: TokenInfo,
    pub saved_s: Option<i64>,
    pub ended: CancellationToken,
}

impl Token {
    /// A token that the store knows.
    pub(super) fn new(digest: Digest, info: TokenInfo) -> Self {
        Self {
            digest,
            saved_s: info.used_s,
            info,
            ended: CancellationToken::new(),
        }
    }

    /// What the store keeps, unless it is damaged.
    pub(super) fn from_row(row: TokenRow) -> Option<Self> {
        let digest = Digest::from_text(&row.digest)?;
        let info = TokenInfo {
            scope: Scope::from_word(&row.scope)?,
            id: row.id,
            name: row.name,
            made_s: row.made_s,
            used_s: row.used_s,
        };
        Some(Self::new(digest, info))
    }

    /// What the store is to keep.
    pub(super) fn to_row(&self) -> TokenRow {
        TokenRow {
            digest: self.digest.to_text(),
            id: self.info.id.clone(),
            name: self.info.name.clone(),
            scope: self.info.scope.as_str().to_owned(),
            made_s: self.info.made_s,
            used_s: self.info.used_s,
        }
    }
}
