//! What is in a list, line by line: what was refused, what decided, and what never did.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Api;
use super::super::asked::{Asked, Id};
use super::super::paging;
use super::super::problem::Problem;
use super::super::range;
use super::{last_days, status};
use crate::lists::{self, Reading, Shelf};

/// So many are on a page unless told otherwise, and at most.
const LIMITS: (usize, usize) = (100, 1000);

/// The parameters that choose a page of a list's lines.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LineParams {
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 1000; 100 unless given.
    limit: Option<String>,
}

/// The parameters that choose a page of a list's entries.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntryParams {
    /// `some`: those that decided in the last seven days, the most asked first; `never`: those
    /// that did not, in the list's order; all unless given.
    matched: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many at most, 1 to 1000; 100 unless given.
    limit: Option<String>,
}

/// Some of a list's lines that were refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedPage {
    /// In the list's order.
    pub refused: Vec<RefusedLine>,
    /// The `cursor` of the page that follows.
    pub next: Option<String>,
}

/// A line that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedLine {
    /// Where it stands, from 1.
    pub line: u64,
    /// Its first 200 characters.
    pub text: String,
    /// Why it gives no entry.
    pub reason: String,
}

/// Some of a list's entries.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListEntryPage {
    /// The entries.
    pub entries: Vec<ListEntry>,
    /// The `cursor` of the page that follows.
    pub next: Option<String>,
}

/// An entry of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListEntry {
    /// Where it stands, from 1; absent for one that is not in the list any more.
    pub line: Option<u64>,
    /// What it covers: `=name` the name alone, `*.name` what is below it, `name` both.
    pub text: String,
    /// The queries on which it decided.
    pub hits: u64,
    /// When it did so last.
    pub last_at: Option<String>,
}

/// Refused lines
///
/// The lines of a list that give no entry though they want to, with the reason.
#[utoipa::path(
    get, path = "/lists/{id}/refused", tag = "lists",
    params(("id" = String, Path, description = "The list's id"), LineParams),
    responses(
        (status = 200, body = RefusedPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_refused(
    State(api): State<Arc<Api>>,
    Id(id): Id,
    Asked(page): Asked<LineParams>,
) -> Result<Json<RefusedPage>, Problem> {
    status(&api, &id)?;
    let place = paging::cursor(page.cursor.as_deref())?.unwrap_or(0);
    let most = paging::limit(page.limit.as_deref(), LIMITS)?;
    let shelf = api.lists.shelf.clone();
    let read = move || shelf.refused(&id, place, most);
    let (lines, next) = on_disk(read).await?;
    Ok(Json(RefusedPage {
        refused: lines.into_iter().map(RefusedLine::from).collect(),
        next: next.map(|next| next.to_string()),
    }))
}

/// Entries of a list
///
/// Those that decided in the last seven days, those that did not, or all.
#[utoipa::path(
    get, path = "/lists/{id}/entries", tag = "lists",
    params(("id" = String, Path, description = "The list's id"), EntryParams),
    responses(
        (status = 200, body = ListEntryPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_entries(
    State(api): State<Arc<Api>>,
    Id(id): Id,
    Asked(page): Asked<EntryParams>,
) -> Result<Json<ListEntryPage>, Problem> {
    let list = status(&api, &id)?.list;
    let matched = match page.matched.as_deref() {
        None => None,
        Some("some") => Some(true),
        Some("never") => Some(false),
        Some(_) => return Err(Problem::input("matched", "write `some` or `never`")),
    };
    let skip = paging::cursor(page.cursor.as_deref())?.unwrap_or(0);
    let most = paging::limit(page.limit.as_deref(), LIMITS)?;
    let origin = format!("list:{}", list.name);
    let range = last_days(Timestamp::now());
    let (decided, _) = api.journal.entries(range, Some(&origin)).await;
    let hits: HashMap<String, (u64, i64)> = decided
        .into_iter()
        .map(|count| {
            (
                count.entry.entry,
                (count.span.counts.queries(), count.span.last_ms),
            )
        })
        .collect();
    let search = Search {
        shelf: api.lists.shelf.clone(),
        id,
        reading: list.reading(),
        hits,
        skip,
        most,
    };
    let (entries, next) = match matched {
        Some(true) => on_disk(move || search.most_asked()).await?,
        wanted => on_disk(move || search.in_order(wanted)).await?,
    };
    Ok(Json(ListEntryPage {
        entries,
        next: next.map(|next| next.to_string()),
    }))
}

/// A search through a list's text, which is read anew: it is seldom asked for, and large.
struct Search {
    shelf: Shelf,
    id: String,
    reading: Reading,
    hits: HashMap<String, (u64, i64)>,
    skip: u64,
    most: usize,
}

impl Search {
    /// Entries in the list's order: all, or those that never decided.
    fn in_order(self, matched: Option<bool>) -> io::Result<(Vec<ListEntry>, Option<u64>)> {
        let (mut entries, mut at, mut next) = (Vec::new(), 0, None);
        self.shelf
            .entries(&self.id, self.reading, &mut |line, text| {
                let hits = self.hits.get(&text);
                if matched.is_some_and(|matched| matched != hits.is_some()) {
                    return;
                }
                at += 1;
                if at > self.skip && entries.len() < self.most {
                    entries.push(entry(Some(line), text, hits.copied()));
                } else if at > self.skip {
                    next = Some(self.skip + u64::try_from(self.most).unwrap_or(0));
                }
            })?;
        Ok((entries, next))
    }

    /// The entries that decided, the most asked first.
    fn most_asked(self) -> io::Result<(Vec<ListEntry>, Option<u64>)> {
        let mut lines: HashMap<String, u64> = HashMap::new();
        self.shelf
            .entries(&self.id, self.reading, &mut |line, text| {
                if self.hits.contains_key(&text) {
                    lines.entry(text).or_insert(line);
                }
            })?;
        let mut decided: Vec<_> = self.hits.into_iter().collect();
        decided.sort_by(|(one, hits), (other, others)| {
            others.0.cmp(&hits.0).then_with(|| one.cmp(other))
        });
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX);
        let end = skip.saturating_add(self.most);
        let next = (decided.len() > end).then(|| u64::try_from(end).unwrap_or(u64::MAX));
        let page = decided.into_iter().skip(skip).take(self.most);
        let entries = page.map(|(text, hits)| entry(lines.get(&text).copied(), text, Some(hits)));
        Ok((entries.collect(), next))
    }
}

fn entry(line: Option<u64>, text: String, hits: Option<(u64, i64)>) -> ListEntry {
    ListEntry {
        line,
        text,
        hits: hits.map_or(0, |(hits, _)| hits),
        last_at: hits.map(|(_, last_ms)| range::text(last_ms)),
    }
}

async fn on_disk<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|error| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the list's copy cannot be read",
            error.to_string(),
        )
    })
}

impl From<lists::Problem> for RefusedLine {
    fn from(problem: lists::Problem) -> Self {
        Self {
            line: problem.line,
            text: problem.text,
            reason: problem.reason,
        }
    }
}
