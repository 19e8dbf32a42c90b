//! What lets somebody in, in memory: the password's hash, sessions, tokens, and the one of our own
//! commands. Time is an argument, in seconds since 1970-01-01 UTC.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::pass::{By, Credential, Pass};
use super::secret::Digest;
use super::session::{Session, SessionInfo, mark};
use super::token::{Token, TokenInfo};
use crate::store::{SessionRow, TokenRow};

/// Sessions that there may be; beyond it, the one that was not used for the longest ends.
const MOST_SESSIONS: usize = 100;

/// What is known of the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It was not read yet, or cannot be.
    Not,
    /// There is none.
    None,
    /// There was one, and it is gone or damaged.
    Lost,
    /// Its hash.
    Hash(Arc<str>),
}

/// All of it.
#[derive(Debug)]
pub(super) struct Keys {
    /// Whether other nodes use the same store: sessions of another password may be theirs.
    pub is_shared: bool,
    /// Of the config or the environment; it counts before the other.
    declared: Option<Arc<str>>,
    kept: Known,
    sessions: HashMap<Digest, Session>,
    tokens: HashMap<Digest, Token>,
    pub command: Option<Digest>,
    /// Fires when the door is no longer open.
    open: CancellationToken,
    /// Sessions that have ended and that the store may still know.
    gone: Vec<Digest>,
}

impl Keys {
    /// With what the config declares.
    pub(super) fn new(declared: Option<Arc<str>>) -> Self {
        Self {
            is_shared: false,
            declared,
            kept: Known::Not,
            sessions: HashMap::new(),
            tokens: HashMap::new(),
            command: None,
            open: CancellationToken::new(),
            gone: Vec::new(),
        }
    }

    /// What is known of the password.
    pub(super) fn password(&self) -> Known {
        match &self.declared {
            Some(hash) => Known::Hash(Arc::clone(hash)),
            None => self.kept.clone(),
        }
    }

    /// What is known of the password that the store keeps.
    pub(super) fn kept(&self) -> &Known {
        &self.kept
    }

    /// What the store says of the password, or that it cannot.
    pub(super) fn learn(&mut self, declared: Option<Arc<str>>, kept: Known) {
        self.declared = declared;
        self.kept = kept;
        if self.password() != Known::None {
            self.close();
        }
    }

    /// What the store keeps: it counts, but for what it could not be told.
    pub(super) fn recall(&mut self, sessions: Vec<Session>, tokens: Vec<Token>, now_s: i64) {
        let is_known = |session: &Session| sessions.iter().any(|one| one.digest == session.digest);
        let left = |session: &Session| session.saved_s.is_some() && !is_known(session);
        self.drop_sessions(left, Vec::clear);
        for session in sessions {
            if !self.gone.contains(&session.digest) {
                let used_s = session.info.used_s;
                let ours = self.sessions.entry(session.digest).or_insert(session);
                ours.info.used_s = ours.info.used_s.max(used_s);
                ours.saved_s = ours.saved_s.max(Some(used_s));
            }
        }
        self.prune(now_s);
        let known: Vec<Digest> = tokens.iter().map(|token| token.digest).collect();
        self.tokens.retain(|digest, token| {
            let is_left = known.contains(digest);
            if !is_left {
                token.ended.cancel();
            }
            is_left
        });
        for token in tokens {
            let used_s = token.info.used_s;
            let ours = self.tokens.entry(token.digest).or_insert(token);
            ours.info.used_s = ours.info.used_s.max(used_s);
            ours.saved_s = ours.saved_s.max(used_s);
        }
    }

    /// Ends sessions whose time is over, and those of another password.
    pub(super) fn prune(&mut self, now_s: i64) {
        let mark = match self.password() {
            Known::Hash(hash) => Some(mark(&hash)),
            // While it is not known which they belong to, they stay, and open nothing.
            Known::Not => return,
            Known::None | Known::Lost => None,
        };
        for session in self.sessions.values_mut() {
            session.heed_clock(now_s);
        }
        self.end(|session| session.is_over(now_s));
        let is_other = |session: &Session| Some(&session.password) != mark.as_ref();
        if self.is_shared {
            self.drop_sessions(is_other, Vec::clear);
        } else {
            self.end(is_other);
        }
    }

    /// Lets somebody in by what they show, or not.
    pub(super) fn admit(&mut self, shown: &Credential<'_>, now_s: i64) -> Option<Pass> {
        if let Some(bearer) = shown.bearer {
            return self.admit_token(Digest::of(bearer), now_s);
        }
        let is_shut = matches!(self.password(), Known::Hash(_));
        let mut digests = shown.sessions.iter().map(|secret| Digest::of(secret));
        let digest = digests.find(|digest| self.sessions.contains_key(digest))?;
        let session = self.sessions.get_mut(&digest)?;
        if session.is_over(now_s) {
            self.end(|session| session.digest == digest);
            return None;
        }
        session.info.used_s = session.info.used_s.max(now_s);
        is_shut.then(|| session.pass())
    }

    fn admit_token(&mut self, digest: Digest, now_s: i64) -> Option<Pass> {
        if self.command == Some(digest) {
            return Some(Pass {
                by: By::Command,
                ended: CancellationToken::new(),
            });
        }
        let token = self.tokens.get_mut(&digest)?;
        token.info.used_s = token.info.used_s.max(Some(now_s));
        let by = By::Token {
            name: token.info.name.clone(),
            scope: token.info.scope,
        };
        Some(Pass {
            by,
            ended: token.ended.clone(),
        })
    }

    /// The door is open no longer.
    pub(super) fn close(&self) {
        self.open.cancel();
    }

    /// For who comes through the open door.
    pub(super) fn open_pass(&mut self) -> Pass {
        if self.open.is_cancelled() {
            // It was shut for a while.
            self.open = CancellationToken::new();
        }
        Pass {
            by: By::OpenDoor,
            ended: self.open.clone(),
        }
    }

    /// Adds a session, if its password is still the one of this hash.
    pub(super) fn open(&mut self, mut session: Session, is_kept: bool, hash: &str) -> Option<Pass> {
        let is_current = matches!(self.password(), Known::Hash(now) if *now == *hash);
        if !is_current {
            self.gone.push(session.digest);
            return None;
        }
        session.saved_s = is_kept.then_some(session.info.used_s);
        let pass = session.pass();
        self.sessions.insert(session.digest, session);
        while self.sessions.len() > MOST_SESSIONS {
            let oldest = self.sessions.values().min_by_key(|one| one.info.used_s);
            let Some(oldest) = oldest.map(|one| one.digest) else {
                break;
            };
            self.end(|session| session.digest == oldest);
        }
        Some(pass)
    }

    /// Another password: all sessions end, but this new one of who changed it.
    pub(super) fn change(&mut self, hash: Arc<str>, session: Option<Session>) -> Option<Pass> {
        self.kept = Known::Hash(hash);
        self.close();
        // The store has forgotten them already.
        self.drop_sessions(|_| true, Vec::clear);
        let mut session = session?;
        session.saved_s = Some(session.info.used_s);
        let pass = session.pass();
        self.sessions.insert(session.digest, session);
        Some(pass)
    }

    /// Ends sessions; gives how many.
    pub(super) fn end(&mut self, is_meant: impl Fn(&Session) -> bool) -> usize {
        let before = self.sessions.len();
        let mut ended = Vec::new();
        self.drop_sessions(is_meant, |digests| ended.append(digests));
        self.gone.append(&mut ended);
        before - self.sessions.len()
    }

    fn drop_sessions(
        &mut self,
        is_meant: impl Fn(&Session) -> bool,
        then: impl FnOnce(&mut Vec<Digest>),
    ) {
        let mut dropped = Vec::new();
        self.sessions.retain(|digest, session| {
            let ends = is_meant(session);
            if ends {
                session.ended.cancel();
                dropped.push(*digest);
            }
            !ends
        });
        then(&mut dropped);
    }

    /// Whether somebody is signed in from there.
    pub(super) fn is_known(&self, address: IpAddr) -> bool {
        let mut sessions = self.sessions.values();
        sessions.any(|session| session.info.address == address)
    }

    /// All sessions that have not ended, the one that was used last first.
    pub(super) fn sessions(&mut self, now_s: i64) -> Vec<SessionInfo> {
        self.prune(now_s);
        let mut all: Vec<_> = self.sessions.values().map(|one| one.info.clone()).collect();
        all.sort_by(|one, other| (other.used_s, &other.id).cmp(&(one.used_s, &one.id)));
        all
    }

    /// All tokens, the newest first.
    pub(super) fn tokens(&self) -> Vec<TokenInfo> {
        let mut all: Vec<_> = self.tokens.values().map(|one| one.info.clone()).collect();
        all.sort_by(|one, other| (other.made_s, &other.id).cmp(&(one.made_s, &one.id)));
        all
    }

    /// Adds a token.
    pub(super) fn add_token(&mut self, token: Token) {
        self.tokens.insert(token.digest, token);
    }

    /// By what the token with this id is known.
    pub(super) fn token_digest(&self, id: &str) -> Option<Digest> {
        let mut tokens = self.tokens.values();
        Some(tokens.find(|token| token.info.id == id)?.digest)
    }

    /// Revokes a token; whether there was one.
    pub(super) fn revoke(&mut self, digest: &Digest) -> bool {
        let revoked = self.tokens.remove(digest);
        revoked.map(|token| token.ended.cancel()).is_some()
    }

    /// The sessions that have ended and that the store is to forget.
    pub(super) fn gone(&self) -> Vec<Digest> {
        self.gone.clone()
    }

    /// The store has forgotten these.
    pub(super) fn forget_gone(&mut self, digests: &[Digest]) {
        self.gone.retain(|digest| !digests.contains(digest));
    }

    /// What the store does not know of when they were used, where that is as long ago as this.
    pub(super) fn unsaved(&self, least_s: i64) -> (Vec<SessionRow>, Vec<TokenRow>) {
        let is_old = |saved: Option<i64>, used: Option<i64>| match (saved, used) {
            (Some(saved), Some(used)) => used - saved >= least_s,
            (saved, used) => saved != used,
        };
        let sessions = self.sessions.values();
        let sessions = sessions.filter(|one| is_old(one.saved_s, Some(one.info.used_s)));
        let tokens = self.tokens.values();
        let tokens = tokens.filter(|one| is_old(one.saved_s, one.info.used_s));
        (
            sessions.map(Session::to_row).collect(),
            tokens.map(Token::to_row).collect(),
        )
    }

    /// The store knows these now.
    pub(super) fn set_saved(&mut self, (sessions, tokens): &(Vec<SessionRow>, Vec<TokenRow>)) {
        for row in sessions {
            let digest = Digest::from_text(&row.digest);
            if let Some(one) = digest.and_then(|digest| self.sessions.get_mut(&digest)) {
                one.saved_s = Some(row.used_s);
            }
        }
        for row in tokens {
            let digest = Digest::from_text(&row.digest);
            if let Some(one) = digest.and_then(|digest| self.tokens.get_mut(&digest)) {
                one.saved_s = row.used_s;
            }
        }
    }

    /// All that a new file of the store has to know.
    pub(super) fn everything(&self) -> (Known, Vec<SessionRow>, Vec<TokenRow>) {
        (
            self.kept.clone(),
            self.sessions.values().map(Session::to_row).collect(),
            self.tokens.values().map(Token::to_row).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_800_000_000;
    const DAY_S: i64 = 24 * 60 * 60;

    fn session(secret: &str, hash: &str) -> Session {
        let info = SessionInfo {
            id: secret.to_owned(),
            name: "Firefox on Linux".to_owned(),
            address: "192.0.2.7".parse().unwrap(),
            made_s: NOW_S,
            used_s: NOW_S,
        };
        Session::new(Digest::of(secret), info, &mark(hash))
    }

    fn shown(secret: &str) -> Credential<'_> {
        Credential {
            bearer: None,
            sessions: vec![secret],
        }
    }

    /// A shut door, behind which these are signed in.
    fn keys(secrets: &[&str]) -> Keys {
        let mut keys = Keys::new(Some("hash".into()));
        keys.learn(Some("hash".into()), Known::None);
        for secret in secrets {
            let opened = keys.open(session(secret, "hash"), true, "hash");
            assert!(opened.is_some());
        }
        keys
    }

    #[test]
    fn a_session_lasts_as_long_as_it_is_used_but_not_for_ever() {
        let mut keys = keys(&["used", "idle"]);
        let mut last = 0;
        for day in (0..500).step_by(20) {
            if keys.admit(&shown("used"), NOW_S + day * DAY_S).is_some() {
                last = day;
            }
        }
        assert_eq!(last, 360);
        let pass = keys.admit(&shown("idle"), NOW_S + 29 * DAY_S).unwrap();
        assert!(keys.admit(&shown("idle"), NOW_S + 59 * DAY_S).is_none());
        assert!(pass.ended.is_cancelled());
        assert_eq!(keys.gone().len(), 2);
    }

    #[test]
    fn a_clock_that_goes_back_ends_nothing() {
        let mut keys = keys(&["one"]);
        assert!(keys.admit(&shown("one"), 0).is_some());
        assert!(keys.admit(&shown("one"), NOW_S).is_some());
    }

    #[test]
    fn a_password_that_changed_meanwhile_opens_no_session() {
        let mut keys = keys(&[]);
        let late = keys.open(session("late", "before"), true, "before");
        assert!(late.is_none());
        assert_eq!(keys.gone(), [Digest::of("late")]);
    }

    #[test]
    fn only_so_many_sessions_are_held_and_the_idlest_goes_first() {
        let mut keys = keys(&["first", "second"]);
        keys.admit(&shown("first"), NOW_S + 5);
        for number in 0..99 {
            let mut more = session(&format!("more {number}"), "hash");
            more.info.used_s = NOW_S + 1;
            keys.open(more, true, "hash").unwrap();
        }
        assert!(keys.admit(&shown("second"), NOW_S + 6).is_none());
        assert!(keys.admit(&shown("first"), NOW_S + 6).is_some());
    }

    #[test]
    fn what_the_store_forgot_is_out_and_what_it_was_not_told_stays() {
        let mut keys = keys(&["kept", "forgotten"]);
        keys.open(session("untold", "hash"), false, "hash").unwrap();
        let row = session("kept", "hash").to_row();
        let other = session("other", "another hash").to_row();
        let rows = [row, other].into_iter().filter_map(Session::from_row);
        keys.recall(rows.collect(), Vec::new(), NOW_S);
        for (secret, expected) in [
            ("kept", true),
            ("untold", true),
            ("forgotten", false),
            ("other", false),
        ] {
            let admitted = keys.admit(&shown(secret), NOW_S);
            assert_eq!(admitted.is_some(), expected, "{secret}");
        }
        assert_eq!(keys.gone(), [Digest::of("other")]);
    }

    #[test]
    fn a_session_that_another_node_saw_later_was_used_then() {
        let mut keys = keys(&["one"]);
        let mut row = session("one", "hash").to_row();
        row.used_s = NOW_S + 20 * DAY_S;
        keys.recall(
            Session::from_row(row).into_iter().collect(),
            Vec::new(),
            NOW_S + 20 * DAY_S,
        );
        assert!(keys.admit(&shown("one"), NOW_S + 40 * DAY_S).is_some());
    }

    #[test]
    fn sessions_of_another_password_open_nothing_and_are_left_to_the_nodes_that_have_it() {
        let mut keys = keys(&[]);
        keys.is_shared = true;
        let row = session("theirs", "another hash").to_row();
        keys.recall(
            Session::from_row(row).into_iter().collect(),
            Vec::new(),
            NOW_S,
        );
        assert!(keys.admit(&shown("theirs"), NOW_S).is_none());
        assert_eq!(keys.gone(), []);
    }

    #[test]
    fn when_it_was_used_is_told_to_the_store_now_and_then() {
        let mut keys = keys(&["one"]);
        assert!(keys.unsaved(60).0.is_empty());
        keys.admit(&shown("one"), NOW_S + 59);
        assert!(keys.unsaved(60).0.is_empty());
        keys.admit(&shown("one"), NOW_S + 61);
        let unsaved = keys.unsaved(60);
        assert_eq!(unsaved.0[0].used_s, NOW_S + 61);
        keys.set_saved(&unsaved);
        assert!(keys.unsaved(60).0.is_empty());
    }

    #[test]
    fn a_session_that_was_opened_while_the_clock_was_ahead_lasts_no_longer_than_others() {
        let year_s = 365 * DAY_S;
        let mut keys = Keys::new(Some("one".into()));
        let mut ahead = session("s", "one");
        ahead.info.made_s = NOW_S + 10 * year_s;
        ahead.info.used_s = ahead.info.made_s;
        keys.open(ahead, true, "one").unwrap();
        assert_eq!(keys.sessions(NOW_S).len(), 1);
        for day in 1..365 {
            let shown = Credential {
                bearer: None,
                sessions: vec!["s"],
            };
            assert!(keys.admit(&shown, NOW_S + day * DAY_S).is_some(), "{day}");
        }
        assert_eq!(keys.sessions(NOW_S + year_s).len(), 0);
    }
}
