//! `GET lists`: the lists that people subscribed to, how they stand, and what they do.

mod change;
mod entries;
mod preview;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

pub(super) use change::*;
pub(super) use entries::*;
pub(super) use preview::*;

use super::Api;
use super::asked::Id;
use super::problem::Problem;
use super::range;
use crate::config::{self, ListAction, ListFormat};
use crate::journal::{EntryCount, OriginCount, Range};
use crate::lists::{self, ListStatus, Step, Subscriptions};

/// Hits are counted over so many days.
const DAYS: i64 = 7;

/// All lists.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListList {
    /// Those of the config in its order, then those of the dashboard.
    pub lists: Vec<ListItem>,
    /// All of them together.
    pub total: ListTotal,
    /// What is being done to them.
    pub update: ListUpdate,
}

/// All lists together.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListTotal {
    /// Entries of all lists that count.
    pub entries: u64,
    /// Different ones.
    pub unique: u64,
    /// The size of the compiled rules.
    pub compiled_bytes: u64,
    /// When they were last put in force.
    pub compiled_at: Option<String>,
    /// Why they could not be compiled; those before stay in force.
    pub problem: Option<String>,
}

/// What is being done to lists.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListUpdate {
    /// Whether anything is.
    pub running: bool,
    /// The list it is done to.
    pub list: Option<String>,
    /// What it is.
    pub step: Option<Step>,
    /// Bytes that came.
    pub bytes: u64,
    /// How many there will be, if the server says so.
    pub of_bytes: Option<u64>,
    /// Lists that are done.
    pub done: usize,
    /// Lists that are done, or are to be done.
    pub of: usize,
}

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
    /// Why its source could not be read.
    pub problem: Option<ListProblem>,
    /// A newer copy that is held back.
    pub held: Option<HeldBack>,
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
    /// A newer copy waits to be confirmed; the one before stays in force.
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

/// Lists
///
/// All lists, how they stand, what they did in the last seven days, and what is being done to them.
#[utoipa::path(get, path = "/lists", tag = "lists", responses((status = 200, body = ListList)))]
pub(super) async fn lists(State(api): State<Arc<Api>>) -> Json<ListList> {
    let all = api.lists.subscriptions.all();
    let did = Did::of(&api).await;
    let items: Vec<_> = all
        .lists
        .iter()
        .map(|status| item(&api, status, &did))
        .collect();
    let size = api.lists.rulebook.size();
    let entries = items
        .iter()
        .filter(|item| item.enabled)
        .map(|item| item.entries);
    Json(ListList {
        total: ListTotal {
            entries: entries.sum(),
            unique: size.unique,
            compiled_bytes: size.bytes,
            compiled_at: all.compiled_at.map(time),
            problem: all.problem.clone(),
        },
        update: update(&api.lists.subscriptions),
        lists: items,
    })
}

/// One list
///
/// A list, how it stands, and what it did in the last seven days.
#[utoipa::path(
    get, path = "/lists/{id}", tag = "lists",
    params(("id" = String, Path, description = "The list's id")),
    responses(
        (status = 200, body = ListItem),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Id(id): Id,
) -> Result<Json<ListItem>, Problem> {
    let status = status(&api, &id)?;
    Ok(Json(item(&api, &status, &Did::of(&api).await)))
}

fn status(api: &Api, id: &str) -> Result<ListStatus, Problem> {
    let status = api.lists.subscriptions.status(id);
    status.ok_or_else(|| Problem::not_found(format!("there is no list `{id}`")))
}

/// What all entries did in the last days.
struct Did {
    since: Timestamp,
    origins: Vec<OriginCount>,
    entries: Vec<EntryCount>,
}

impl Did {
    async fn of(api: &Api) -> Self {
        let range = last_days(Timestamp::now());
        let (origins, _) = api.journal.origins(range).await;
        let (entries, _) = api.journal.entries(range, None).await;
        Self {
            since: Timestamp::from_millisecond(range.since_ms).unwrap_or_default(),
            origins,
            entries,
        }
    }

    fn hits(&self, origin: &str) -> ListHits {
        let count = self.origins.iter().find(|count| count.origin == origin);
        let counts = count.map(|count| count.span.counts).unwrap_or_default();
        ListHits {
            blocked: counts.block,
            watched: counts.watch,
            names: count.map_or(0, |count| count.names),
            since: time(self.since),
        }
    }

    fn matched(&self, origin: &str) -> u64 {
        let entries = self.entries.iter();
        let matched = entries.filter(|count| count.entry.origin == origin).count();
        u64::try_from(matched).unwrap_or(u64::MAX)
    }
}

pub(super) fn last_days(now: Timestamp) -> Range {
    let until_ms = now.as_millisecond() + 1;
    Range {
        since_ms: until_ms - DAYS * 24 * 3_600_000,
        until_ms,
    }
}

fn item(api: &Api, status: &ListStatus, did: &Did) -> ListItem {
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
        problem: standing.problem.as_ref().map(|problem| ListProblem {
            message: problem.message.clone(),
            since: time(problem.since),
        }),
        held: standing.held.as_ref().map(|held| HeldBack {
            reason: held.reason.clone(),
            entries_before: found.entries,
            entries_now: held.copy.found.entries,
        }),
    }
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
fn overlap(api: &Api, shared: &lists::Shared) -> ListOverlap {
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

fn time(time: Timestamp) -> String {
    range::text(time.as_millisecond())
}

fn update(lists: &Subscriptions) -> ListUpdate {
    let progress = lists.progress();
    ListUpdate {
        running: lists.is_busy(),
        list: progress.list,
        step: progress.step,
        bytes: progress.bytes,
        of_bytes: progress.of_bytes,
        done: progress.done,
        of: progress.of,
    }
}
