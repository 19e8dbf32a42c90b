//! A session: who signed in, with which password, and until when.

use std::net::{IpAddr, Ipv4Addr};

use tokio_util::sync::CancellationToken;

use super::pass::{By, Pass};
use super::secret::Digest;
use crate::config::not_ahead;
use crate::store::SessionRow;

const DAY_S: i64 = 24 * 60 * 60;

/// A session that is not used for so long ends.
const IDLE_S: i64 = 30 * DAY_S;

/// A session ends after so long, however much it is used.
const LASTS_S: i64 = 365 * DAY_S;

/// What people see of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Which.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Where it was opened from.
    pub address: IpAddr,
    /// When it was opened.
    pub made_s: i64,
    /// When it was used last.
    pub used_s: i64,
}

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    pub digest: Digest,
    pub info: SessionInfo,
    /// Which password opened it.
    pub password: String,
    /// When it was used last as the store knows; `None` = the store does not know it.
    pub saved_s: Option<i64>,
    pub ended: CancellationToken,
}

/// Tells passwords apart without telling them.
pub(super) fn mark(hash: &str) -> String {
    let mut mark = Digest::of(hash).to_text();
    mark.truncate(16);
    mark
}

impl Session {
    /// A session that the store does not know yet.
    pub(super) fn new(digest: Digest, info: SessionInfo, password: &str) -> Self {
        Self {
            digest,
            info,
            password: password.to_owned(),
            saved_s: None,
            ended: CancellationToken::new(),
        }
    }

    /// What the store keeps, unless it is damaged.
    pub(super) fn from_row(row: SessionRow) -> Option<Self> {
        let info = SessionInfo {
            id: row.id,
            name: row.name,
            address: row.address.parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            made_s: row.made_s,
            used_s: row.used_s,
        };
        let digest = Digest::from_text(&row.digest)?;
        Some(Self {
            saved_s: Some(row.used_s),
            ..Self::new(digest, info, &row.password)
        })
    }

    /// What the store is to keep.
    pub(super) fn to_row(&self) -> SessionRow {
        SessionRow {
            digest: self.digest.to_text(),
            id: self.info.id.clone(),
            name: self.info.name.clone(),
            address: self.info.address.to_string(),
            password: self.password.clone(),
            made_s: self.info.made_s,
            used_s: self.info.used_s,
        }
    }

    /// What was noted while the clock was ahead was now: else it would last longer than it may.
    pub(super) fn heed_clock(&mut self, now_s: i64) {
        let not_ahead = |kept_s: i64| not_ahead(kept_s * 1000, now_s * 1000) / 1000;
        self.info.made_s = not_ahead(self.info.made_s);
        self.info.used_s = not_ahead(self.info.used_s);
        self.saved_s = self.saved_s.map(not_ahead);
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self, now_s: i64) -> bool {
        let (idle, age) = (now_s - self.info.used_s, now_s - self.info.made_s);
        idle >= IDLE_S || age >= LASTS_S
    }

    /// What it lets in by.
    pub(super) fn pass(&self) -> Pass {
        let by = By::Session {
            id: self.info.id.clone(),
            name: self.info.name.clone(),
        };
        Pass {
            by,
            ended: self.ended.clone(),
        }
    }
}
