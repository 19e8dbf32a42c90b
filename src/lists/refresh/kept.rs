//! A list as the task that keeps it knows it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{self, JoinHandle};
use tokio::time::{Instant, timeout_at};

use super::due;
use crate::config;
use crate::lists::fetch::Validators;
use crate::lists::shelf::Shelf;
use crate::lists::standing::{Contents, Failure, Stamp, Standing};
use crate::lists::subscription::Subscription;
use crate::lists::subscriptions::ListStatus;
use crate::lists::{LeftOut, ListSource, Report};

/// A file of which nothing is heard for so long is out of reach.
const STUCK: Duration = Duration::from_secs(30);

/// A list, and when it is looked at again.
pub(super) struct Kept {
    pub list: Subscription,
    pub standing: Standing,
    /// Why its copy is not among those that are in force, though it should be.
    pub left_out: Option<Failure>,
    pub due: Instant,
    /// A look at its file that has not come back yet, and since when.
    look: Option<(Instant, JoinHandle<io::Result<Stamp>>)>,
    /// What its file looked like at the last look.
    pub seen: Option<Stamp>,
    /// What its file looked like when it was last read.
    pub tried: Option<Stamp>,
}

impl Kept {
    /// A list of which this is known.
    pub fn new(list: Subscription, standing: Standing) -> Self {
        let due = due::at_start(&list, &standing);
        let newest = standing.newest(&list);
        Self {
            tried: newest.and_then(|copy| copy.stamp),
            look: None,
            seen: None,
            left_out: None,
            due,
            list,
            standing,
        }
    }

    /// The same list, of which people want something else now.
    pub fn with(mut self, list: Subscription) -> Self {
        let is_elsewhere = self.list.source != list.source;
        let is_back = !self.list.enabled && list.enabled;
        if is_elsewhere || is_back || self.list.refresh != list.refresh {
            self.due = due::at_start(&list, &self.standing);
        }
        if is_elsewhere {
            (self.look, self.seen, self.tried) = (None, None, None);
        }
        self.list = list;
        self
    }

    /// Whether its copy is among those that are compiled.
    pub fn is_in_force(&self) -> bool {
        self.list.enabled && self.standing.copy.is_some()
    }

    /// What the newest copy is, for its server; nothing if it comes from another.
    pub fn validators(&self) -> Validators {
        let newest = self.standing.newest(&self.list);
        newest
            .map(|copy| copy.validators.clone())
            .unwrap_or_default()
    }

    /// Its copy, for those who compile.
    pub fn source(&self, copies: &Shelf) -> ListSource {
        ListSource {
            name: self.list.name.clone(),
            path: copies.text(&self.list.id),
            reading: self.list.reading(),
        }
    }

    /// The file that it is, if it is one and counts.
    pub fn file(&self) -> Option<PathBuf> {
        match &self.list.source {
            config::ListSource::File(file) if self.list.enabled => Some(file.clone()),
            _ => None,
        }
    }

    /// How it stands.
    pub fn status(&self) -> ListStatus {
        let mut standing = self.standing.clone();
        standing.problem = standing.problem.or_else(|| self.left_out.clone());
        ListStatus {
            list: self.list.clone(),
            standing,
            next_at: due::as_time(self.due).filter(|_| self.list.enabled),
        }
    }

    /// Its source was looked at.
    pub fn succeeded(&mut self) {
        self.standing.checked_at = Some(Timestamp::now());
        (self.standing.problem, self.standing.failures) = (None, 0);
        self.due = due::after_success(&self.list);
    }

    /// Its source could not be looked at.
    pub fn failed(&mut self, message: &str) {
        let name = &self.list.name;
        tracing::warn!(list = %name, "a list could not be brought up to date: {message}");
        let since = self.standing.problem.as_ref().map(|problem| problem.since);
        self.standing.problem = Some(Failure {
            message: message.to_owned(),
            since: since.unwrap_or_else(Timestamp::now),
        });
        self.standing.failures = self.standing.failures.saturating_add(1);
        self.due = due::after_failure(&self.list, self.standing.failures);
    }

    /// Begins to look at its file, if it is one, unless the last look has not come back.
    pub fn begin_look(&mut self) {
        let Some(file) = self.file() else {
            return self.look = None;
        };
        let begin = || {
            (
                Instant::now(),
                task::spawn_blocking(move || Stamp::of(&file)),
            )
        };
        self.look.get_or_insert_with(begin);
    }

    /// Waits until this moment for what the look brings; whether there is something new to tell.
    pub async fn end_look(&mut self, limit: Instant) -> bool {
        let Some((begun, look)) = &mut self.look else {
            return false;
        };
        let stamp = match timeout_at(limit, look).await {
            Ok(stamp) => {
                self.look = None;
                stamp.unwrap_or_else(|error| Err(io::Error::other(error)))
            }
            Err(_) if begun.elapsed() < STUCK => return false,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        self.looked(stamp)
    }

    fn looked(&mut self, stamp: io::Result<Stamp>) -> bool {
        let stamp = match stamp {
            Ok(stamp) => stamp,
            Err(error) => return self.is_gone(&error),
        };
        let is_new = self.tried != Some(stamp);
        // One that is still being written has to look the same twice.
        if is_new && self.seen == Some(stamp) {
            self.due = Instant::now();
        }
        self.seen = Some(stamp);
        let is_back = !is_new && self.standing.problem.is_some() && self.standing.failures == 0;
        if is_back {
            self.standing.problem = None;
        }
        is_back
    }

    fn is_gone(&mut self, error: &io::Error) -> bool {
        self.seen = None;
        let config::ListSource::File(file) = &self.list.source else {
            return false;
        };
        let message = format!("reading `{}`: {error}", file.display());
        let known = self.standing.problem.as_ref();
        if known.is_some_and(|problem| problem.message == message) {
            return false;
        }
        self.failed(&message);
        // It was looked at, not read: once it is back, all is well.
        self.standing.failures = 0;
        true
    }

    /// Its copy could not be compiled; whether there is something to keep of that.
    pub fn leave_out(&mut self, why: &LeftOut) -> bool {
        let message = why.to_string();
        tracing::warn!(list = %self.list.name, "a list is left out: {message}");
        self.left_out = Some(Failure {
            message,
            since: Timestamp::now(),
        });
        let is_lost = matches!(why, LeftOut::Unreadable(_));
        if is_lost {
            self.standing.copy = None;
            self.due = due::after_loss();
        }
        is_lost
    }

    /// Its id, and what is known of its copy.
    pub fn id_and_contents(&self) -> (String, Option<Contents>) {
        let copy = self.standing.copy.as_ref();
        (self.list.id.clone(), copy.map(|copy| copy.found.clone()))
    }

    /// Takes what was found when all lists were compiled, if that is news; whether it is.
    pub fn found(&mut self, report: &Report) -> bool {
        let found = Contents::of(report);
        match &mut self.standing.copy {
            Some(copy) if copy.found != found => {
                copy.found = found;
                true
            }
            _ => false,
        }
    }
}
