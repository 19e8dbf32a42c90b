//! What lets people in: passwords' hashes, sessions and tokens, in this file and, where several nodes
//! share them, in their database.
//!
//! A password or a token is changed there first, as what people set. Sessions begin and end here,
//! whether that database is there or not, and come to the others with the next exchange: who signs in
//! or out waits for nobody.

use std::collections::BTreeMap;

use super::hub::Write;
use super::{PasswordRow, PasswordSource, SessionRow, StoreError, TokenRow, Transaction};

/// Something that lets people in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// A password's hash.
    Password(PasswordRow),
    /// Who is signed in.
    Session(SessionRow),
    /// By which a program may use the API.
    Token(TokenRow),
}

/// The kind of something that lets people in, and which of them it is.
pub(super) type CredentialKey = (&'static str, String);

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Credentials(pub BTreeMap<CredentialKey, Credential>);

/// What this file has.
struct Ours {
    all: Credentials,
    /// Sessions that the database does not know.
    unsent: Vec<String>,
    /// Sessions that it may know, and that have ended.
    ended: Vec<String>,
    /// Whether this is a copy of what is there, or what a node had by itself.
    is_copy: bool,
}

impl Credential {
    /// The word for sessions.
    pub(super) const SESSION: &'static str = "session";

    /// Its kind, and which of them it is.
    pub(super) fn key(&self) -> CredentialKey {
        match self {
            Self::Password(row) => ("password", row.source.as_str().to_owned()),
            Self::Session(row) => (Self::SESSION, row.digest.clone()),
            Self::Token(row) => ("token", row.digest.clone()),
        }
    }

    pub(super) fn to_text(&self) -> String {
        let text = match self {
            Self::Password(row) => serde_json::to_string(row),
            Self::Session(row) => serde_json::to_string(row),
            Self::Token(row) => serde_json::to_string(row),
        };
        text.unwrap_or_default()
    }

    /// Reads what was written; `None` for what this version does not know.
    pub(super) fn from_text(kind: &str, text: &str) -> Option<Self> {
        match kind {
            "password" => serde_json::from_str(text).map(Self::Password).ok(),
            "session" => serde_json::from_str(text).map(Self::Session).ok(),
            "token" => serde_json::from_str(text).map(Self::Token).ok(),
            _ => None,
        }
    }

    /// The same, used when it was used last as either knows.
    fn with_use_of(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Session(row), Self::Session(other)) => Self::Session(SessionRow {
                used_s: row.used_s.max(other.used_s),
                ..row
            }),
            (Self::Token(row), Self::Token(other)) => Self::Token(TokenRow {
                used_s: row.used_s.max(other.used_s),
                ..row
            }),
            (one, _) => one,
        }
    }
}

impl FromIterator<Credential> for Credentials {
    fn from_iter<T: IntoIterator<Item = Credential>>(all: T) -> Self {
        Self(all.into_iter().map(|one| (one.key(), one)).collect())
    }
}

impl Credentials {
    /// The hash of the password that people set.
    fn password(&self) -> Option<&str> {
        let key = ("password", PasswordSource::Set.as_str().to_owned());
        match self.0.get(&key) {
            Some(Credential::Password(row)) => Some(&row.hash),
            _ => None,
        }
    }

    /// What has to be written so that `self` becomes `other`.
    fn steps_to(&self, other: &Self) -> Vec<Write> {
        let gone = self.0.keys().filter(|key| !other.0.contains_key(key));
        let new = other.0.iter();
        let new = new.filter(|(key, one)| self.0.get(key) != Some(one));
        let gone = gone.map(|key| Write::Revoke(key.clone()));
        gone.chain(new.map(|(_, one)| Write::Grant(one.clone())))
            .collect()
    }
}

impl Ours {
    /// What is to be in force everywhere: what is known there, and of ours what they cannot know yet.
    ///
    /// Where there is no password, that of a node that has one becomes everybody's, with its tokens.
    fn joined(&self, known: &Credentials) -> Credentials {
        let brings = known.password().is_none() && (!self.is_copy || self.all.password().is_some());
        let is_in_force = brings || known.password() == self.all.password();
        let mut joined = known.clone();
        for (key, one) in &self.all.0 {
            let is_new = match one {
                Credential::Password(_) => true,
                Credential::Token(_) => brings,
                Credential::Session(row) => {
                    is_in_force && (brings || self.unsent.contains(&row.digest))
                }
            };
            match known.0.get(key) {
                Some(other) => {
                    let used = other.clone().with_use_of(one);
                    joined.0.insert(key.clone(), used);
                }
                None if is_new => {
                    joined.0.insert(key.clone(), one.clone());
                }
                None => {}
            }
        }
        for digest in &self.ended {
            let key = (Credential::SESSION, digest.clone());
            joined.0.remove(&key);
        }
        joined
    }

    /// Says what becomes of the password that was in force here.
    fn tell(&self, known: &Credentials, joined: &Credentials) {
        match (self.all.password(), known.password()) {
            (Some(ours), Some(theirs)) if ours != theirs && !self.is_copy => tracing::warn!(
                "the dashboard's password of this node counts no more: the one that the nodes share \
                 does, and with it its sessions and tokens"
            ),
            (Some(_), None) => {
                tracing::info!("the dashboard's password of this node is now that of all nodes");
            }
            (ours, _) if ours != joined.password() => tracing::info!(
                "the dashboard's password was set on another node; earlier sessions have ended"
            ),
            _ => {}
        }
    }
}

impl Transaction {
    /// Sets the password; all sessions end with the one before.
    pub async fn set_password(&mut self, password: PasswordRow) -> Result<(), StoreError> {
        self.passwords().save(&password).await?;
        if password.source == PasswordSource::Set {
            self.sessions().clear().await?;
            self.tell_hub(Write::RevokeSessions);
        }
        self.tell_hub(Write::Grant(Credential::Password(password)));
        Ok(())
    }

    /// Keeps a new token.
    pub async fn add_token(&mut self, token: TokenRow) -> Result<(), StoreError> {
        self.tokens().save(&token).await?;
        self.tell_hub(Write::Grant(Credential::Token(token)));
        Ok(())
    }

    /// Revokes a token.
    pub async fn revoke_token(&mut self, digest: &str) -> Result<(), StoreError> {
        self.tokens().remove(digest).await?;
        let key = ("token", digest.to_owned());
        self.tell_hub(Write::Revoke(key));
        Ok(())
    }

    /// All that lets people in, as a node has it that will join others: it goes with it to a new file.
    pub(super) async fn credentials(&mut self) -> Result<Credentials, StoreError> {
        let mut all = Vec::new();
        for source in [PasswordSource::Set, PasswordSource::Environment] {
            let row = self.passwords().find(source).await?;
            all.extend(row.map(Credential::Password));
        }
        let sessions = self.sessions().all().await?;
        all.extend(sessions.into_iter().map(Credential::Session));
        let tokens = self.tokens().all().await?;
        all.extend(tokens.into_iter().map(Credential::Token));
        Ok(all.into_iter().collect())
    }

    /// Keeps them in this file.
    pub(super) async fn grant(&mut self, all: &Credentials) -> Result<(), StoreError> {
        for one in all.0.values() {
            self.write_here(&Write::Grant(one.clone())).await?;
        }
        Ok(())
    }

    /// Makes our copy what is known there, and gives what has to be written there for what is new
    /// here; says whether something changed here.
    pub(super) async fn share_credentials(
        &mut self,
        known: &Credentials,
    ) -> Result<(Vec<Write>, bool), StoreError> {
        let ours = Ours {
            all: self.credentials().await?,
            unsent: self.sessions().unsent().await?,
            ended: self.sessions().ended().await?,
            is_copy: self.outbox().is_copy().await?,
        };
        let joined = ours.joined(known);
        ours.tell(known, &joined);
        let (here, there) = (ours.all.steps_to(&joined), known.steps_to(&joined));
        for step in &here {
            self.write_here(step).await?;
        }
        if !ours.unsent.is_empty() || !here.is_empty() {
            self.sessions().set_sent().await?;
        }
        if !ours.ended.is_empty() {
            self.sessions().forget_ended().await?;
        }
        if !ours.is_copy {
            self.outbox().set_copy().await?;
        }
        Ok((there, !here.is_empty()))
    }

    async fn write_here(&mut self, step: &Write) -> Result<(), StoreError> {
        match step {
            Write::Grant(Credential::Password(row)) => self.passwords().save(row).await,
            Write::Grant(Credential::Session(row)) => self.sessions().save(row).await,
            Write::Grant(Credential::Token(row)) => self.tokens().save(row).await,
            Write::Revoke((Credential::SESSION, digest)) => self.sessions().remove(digest).await,
            Write::Revoke(("token", digest)) => self.tokens().remove(digest).await,
            // A password is replaced, never taken back; the rest is nothing of this.
            _ => Ok(()),
        }
    }

    /// Has the other nodes told, where there are some.
    fn tell_hub(&mut self, write: Write) {
        if let Some(remote) = &mut self.remote {
            remote.write(write);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(hash: &str) -> Credential {
        Credential::Password(PasswordRow {
            source: PasswordSource::Set,
            hash: hash.to_owned(),
            set_s: 7,
        })
    }

    fn session(digest: &str, used_s: i64) -> Credential {
        Credential::Session(SessionRow {
            digest: digest.to_owned(),
            id: digest.to_owned(),
            name: "Firefox on Linux".to_owned(),
            address: "192.0.2.7".to_owned(),
            password: "mark".to_owned(),
            made_s: 1,
            used_s,
        })
    }

    fn token(digest: &str) -> Credential {
        Credential::Token(TokenRow {
            digest: digest.to_owned(),
            id: digest.to_owned(),
            name: "home-assistant".to_owned(),
            scope: "read".to_owned(),
            made_s: 1,
            used_s: None,
        })
    }

    fn all(of: &[&Credential]) -> Credentials {
        of.iter().map(|one| (*one).clone()).collect()
    }

    fn copy(of: &[&Credential]) -> Ours {
        Ours {
            all: all(of),
            unsent: Vec::new(),
            ended: Vec::new(),
            is_copy: true,
        }
    }

    fn alone(of: &[&Credential], unsent: &[&str]) -> Ours {
        Ours {
            unsent: unsent.iter().map(|digest| (*digest).to_owned()).collect(),
            is_copy: false,
            ..copy(of)
        }
    }

    #[test]
    fn the_first_password_becomes_that_of_all_with_its_sessions_and_tokens() {
        let (mine, signed_in, program) = (password("mine"), session("s", 1), token("t"));
        let ours = alone(&[&mine, &signed_in, &program], &["s"]);
        let joined = ours.joined(&all(&[]));
        assert_eq!(joined, all(&[&mine, &signed_in, &program]));
    }

    #[test]
    fn a_node_that_joins_takes_the_password_that_is_there_and_brings_nothing() {
        let (mine, signed_in, program) = (password("mine"), session("s", 1), token("t"));
        let theirs = all(&[&password("theirs"), &session("x", 1), &token("y")]);
        let ours = alone(&[&mine, &signed_in, &program], &["s"]);
        assert_eq!(ours.joined(&theirs), theirs);
    }

    #[test]
    fn who_signed_in_or_out_while_the_database_was_away_did_so_everywhere() {
        let shared = password("shared");
        let (gone, new) = (session("gone", 1), session("new", 1));
        let ours = Ours {
            unsent: vec!["new".to_owned()],
            ended: vec!["gone".to_owned()],
            ..copy(&[&shared, &new])
        };
        let joined = ours.joined(&all(&[&shared, &gone]));
        assert_eq!(joined, all(&[&shared, &new]));
    }

    #[test]
    fn what_was_ended_or_revoked_elsewhere_does_not_come_back() {
        let shared = password("shared");
        let ours = copy(&[&shared, &session("s", 1), &token("t")]);
        assert_eq!(ours.joined(&all(&[&shared])), all(&[&shared]));
    }

    #[test]
    fn another_password_ends_sessions_that_the_others_never_heard_of() {
        let ours = Ours {
            unsent: vec!["s".to_owned()],
            ..copy(&[&password("before"), &session("s", 1)])
        };
        let after = all(&[&password("after")]);
        assert_eq!(ours.joined(&after), after);
    }

    #[test]
    fn a_session_was_used_when_any_node_saw_it_last() {
        let shared = password("shared");
        for (here, there) in [(9, 5), (5, 9)] {
            let ours = copy(&[&shared, &session("s", here)]);
            let joined = ours.joined(&all(&[&shared, &session("s", there)]));
            assert_eq!(joined, all(&[&shared, &session("s", 9)]));
        }
    }

    #[test]
    fn steps_lead_from_one_to_the_other_and_none_where_both_are_the_same() {
        let (one, other) = (all(&[&token("a"), &token("b")]), all(&[&token("b")]));
        assert_eq!(one.steps_to(&one).len(), 0);
        assert_eq!(one.steps_to(&other).len(), 1);
        assert_eq!(other.steps_to(&one).len(), 1);
    }

    #[test]
    fn what_is_written_reads_back() {
        for one in [password("hash"), session("s", 1), token("t")] {
            let (kind, _) = one.key();
            assert_eq!(Credential::from_text(kind, &one.to_text()), Some(one));
        }
        assert_eq!(Credential::from_text("passkey", "{}"), None);
    }
}
