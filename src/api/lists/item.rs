//! A list as the API tells it: what it is, how it stands, and what it did.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::needs::{self, BrokenName};
use super::super::{Api, range};
use super::did::Did;
use super::groups::{GroupUse, named, users};
use crate::config::{self, ListAction, ListFormat};
use crate::lists::{self, ListStatus, Standing, Subscription};

/// A list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListItem {
    /// Stays as it is when the name changes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its address, or its file.
    pub source: String,
    /// What it does with the names that it holds.
    pub action: ListAction,
    /// `auto`, or a dialect.
    pub format: String,
    /// As which dialect it was read.
    pub read_as: Option<ReadAs>,
    /// How often it is looked at again: `1d`.
    pub refresh: String,
    /// Whether it counts.
    pub enabled: bool,
    /// Whether it stands in the config file, and so is changed only there.
    pub declared: bool,
    /// The ids of the groups that it names; `null` = it names none, and counts for those that choose
    /// no lists themselves.
    pub groups: Option<Vec<String>>,
    /// The groups that it counts for, also those that choose it themselves.
    pub used_by: Vec<GroupUse>,
    /// How it stands.
    pub state: ListState,
    /// When its copy came.
    pub fetched_at: Option<String>,
    /// When its source was last looked at with success.
    pub checked_at: Option<String>,
    /// When it is looked at again; files are looked at all the time.
    pub next_at: Option<String>,
    /// The size of its copy.
    pub size_bytes: u64,
    /// Its entries.
    pub entries: u64,
    /// Its entries by the kind of their pattern.
    pub by_kind: BTreeMap<String, u64>,
    /// Lines, or parts of them, that were refused.
    pub refused: u64,
    /// Lines that want no entry, by what they are.
    pub skipped: BTreeMap<String, u64>,
    /// How often its entries decided.
    pub hits: ListHits,
    /// What it shares with others.
    pub overlap: ListOverlap,
    /// Entries that decided on no query since then.
    pub never_matched: u64,
    /// Names that must work, and that it blocks all the same.
    pub breaks: Vec<BrokenName>,
    /// Why its source could not be read.
    pub problem: Option<ListProblem>,
    /// A newer copy that is held back.
    pub held: Option<HeldBack>,
    /// The newest copy, where somebody would not have it.
    pub discarded: Option<DiscardedCopy>,
}

/// How a list stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListState {
    /// Its copy is in force, and its source is well.
    Good,
    /// It has not come yet.
    New,
    /// Its source cannot be read; a copy that there is stays in force.
    Failing,
    /// A newer copy waits to be confirmed or discarded; the one before stays in force.
    Held,
}

/// As which dialect a list was read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadAs {
    /// The dialect.
    pub format: String,
    /// Why it is that one.
    pub why: String,
}

/// How often a list's entries decided.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ListHits {
    /// Queries that were answered here.
    pub blocked: u64,
    /// Queries that were let through, and marked.
    pub watched: u64,
    /// Different names.
    pub names: u64,
    /// Since when they are counted.
    pub since: String,
}

/// What a list shares with others.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ListOverlap {
    /// Names that no other list has.
    pub only_here: u64,
    /// The others, those with which it shares most first.
    pub also_in: Vec<AlsoIn>,
}

/// Names that two lists have.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlsoIn {
    /// The other's id.
    pub list: String,
    /// How many names.
    pub shared: u64,
}

/// Why a list's source could not be read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListProblem {
    /// What happened last.
    pub message: String,
    /// Since when.
    pub since: String,
}

/// A copy that is held back.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldBack {
    /// Why.
    pub reason: String,
    /// Entries of the copy in force.
    pub entries_before: u64,
    /// Entries of the copy that is held back.
    pub entries_now: u64,
}

/// A copy that was held back and discarded.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiscardedCopy {
    /// Why it was held back.
    pub reason: String,
    /// When it was discarded.
    pub at: String,
    /// Its entries.
    pub entries: u64,
}

pub(super) fn item(api: &Api, status: &ListStatus, did: &Did) -> ListItem {
    let ListStatus {
        list,
        standing,
        next_at,
    } = status;
    let origin = format!("list:{}", list.name);
    let is_there = standing.copy.is_some();
    let copy = standing.copy.clone().unwrap_or_default();
    let found = copy.found;
    ListItem {
        id: list.id.clone(),
        name: list.name.clone(),
        source: list.source.to_string(),
        action: list.action,
        format: word(list.format).to_owned(),
        read_as: is_there.then_some(ReadAs {
            format: found.format,
            why: found.why,
        }),
        refresh: config::duration_in_words(list.refresh),
        enabled: list.enabled,
        declared: list.declared,
        groups: named(api, list),
        used_by: users(api, list),
        state: state(status),
        fetched_at: is_there.then(|| time(copy.fetched_at)),
        checked_at: standing.checked_at.map(time),
        next_at: next_at.map(time),
        size_bytes: copy.size,
        entries: found.entries,
        by_kind: found.by_kind,
        refused: found.refused,
        skipped: found.skipped,
        hits: did.hits(&origin),
        overlap: overlap(api, &api.lists.rulebook.shared(&list.name)),
        never_matched: found.entries.saturating_sub(did.matched(&origin)),
        breaks: needs::of_list(&api.broken(), &list.name),
        problem: standing.problem.as_ref().map(|problem| ListProblem {
            message: problem.message.clone(),
            since: time(problem.since),
        }),
        held: standing.held.as_ref().map(|held| HeldBack {
            reason: held.reason.clone(),
            entries_before: found.entries,
            entries_now: held.copy.found.entries,
        }),
        discarded: discarded(list, standing),
    }
}

/// What is discarded, unless something newer waits.
fn discarded(list: &Subscription, standing: &Standing) -> Option<DiscardedCopy> {
    let discarded = standing.discarded.as_ref();
    let newest = discarded.filter(|gone| standing.held.is_none() && gone.is_of(list));
    newest.map(|gone| DiscardedCopy {
        reason: gone.held.reason.clone(),
        at: time(gone.at),
        entries: gone.held.copy.found.entries,
    })
}

fn state(status: &ListStatus) -> ListState {
    let standing = &status.standing;
    if standing.held.is_some() {
        ListState::Held
    } else if standing.problem.is_some() {
        ListState::Failing
    } else if standing.copy.is_none() {
        ListState::New
    } else {
        ListState::Good
    }
}

fn word(format: Option<ListFormat>) -> &'static str {
    let mut words = ListFormat::WORDS.iter();
    words
        .find(|(_, one)| *one == format)
        .map_or("auto", |(word, _)| word)
}

/// Others by their ids.
pub(super) fn overlap(api: &Api, shared: &lists::Shared) -> ListOverlap {
    let all = api.lists.subscriptions.all();
    let id = |origin: &str| {
        let name = origin.strip_prefix("list:").unwrap_or(origin);
        let status = all.lists.iter().find(|status| status.list.name == name);
        status.map_or_else(|| name.to_owned(), |status| status.list.id.clone())
    };
    let others = shared.also_in.iter().map(|(origin, shared)| AlsoIn {
        list: id(origin),
        shared: *shared,
    });
    ListOverlap {
        only_here: shared.only_here,
        also_in: others.collect(),
    }
}

pub(super) fn time(time: Timestamp) -> String {
    range::text(time.as_millisecond())
}
