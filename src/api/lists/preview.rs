//! What a list would do, before it is added.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Api;
use super::super::body::Body;
use super::super::needs::{self, BrokenName};
use super::super::problem::Problem;
use super::change::Wish;
use super::did::DAYS;
use super::entries::RefusedLine;
use super::item::{ListOverlap, overlap};
use super::last_days;
use crate::config::{ListAction, ListSource};
use crate::journal::NameAsked;
use crate::lists::{
    self, Contents, Draft, Fetched, Format, NamedBy, Reading, Role, Terms, Validators,
};
use crate::policy::{Asker, Policy};
use crate::query::{DeviceId, GroupId, Name, RecordType, VerdictWord};

/// Where it is asked for. It takes its turn when the list has come.
pub(crate) const PREVIEW: &str = "/api/v1/lists/preview";

/// A list that takes longer to come is not waited for.
const LIMIT: Duration = Duration::from_mins(1);

/// So many refused lines, and so many names, are shown.
const SHOWN: usize = 50;
const TOP: usize = 20;

/// A list that somebody thinks of.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct PreviewWish {
    /// An https address, or a file's full path.
    source: String,
    /// `auto`, or a dialect.
    format: Option<String>,
    /// `block`, unless given.
    action: Option<ListAction>,
}

/// What a list would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListPreview {
    /// The dialect.
    pub format: String,
    /// Why it is that one.
    pub why: String,
    /// Its entries.
    pub entries: u64,
    /// Its entries by the kind of their pattern.
    pub by_kind: BTreeMap<String, u64>,
    /// Lines, or parts of them, that were refused.
    pub refused: u64,
    /// The first of these.
    pub problems: Vec<RefusedLine>,
    /// What it shares with lists that are in force.
    pub overlap: ListOverlap,
    /// Names that must work, and that it blocks.
    pub breaks: Vec<BrokenName>,
    /// What it would have covered of what was asked.
    pub would_block: WouldBlock,
}

/// Names that were let through, and that a list covers.
#[derive(Debug, Serialize, ToSchema)]
pub struct WouldBlock {
    /// In so many days.
    pub days: i64,
    /// Different names.
    pub names: u64,
    /// Queries for them.
    pub queries: u64,
    /// The most asked of them.
    pub top: Vec<WouldBlockName>,
}

/// A name that was let through, and that a list covers.
#[derive(Debug, Serialize, ToSchema)]
pub struct WouldBlockName {
    /// The name.
    pub name: String,
    /// Queries for it.
    pub queries: u64,
    /// Devices that asked.
    pub devices: u64,
}

/// Preview of a list
///
/// Fetches a list and tells what is in it and what it would have done, and keeps nothing of it.
#[utoipa::path(
    post, path = "/lists/preview", tag = "lists", request_body = PreviewWish,
    responses(
        (status = 200, body = ListPreview),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn preview_list(
    State(api): State<Arc<Api>>,
    mut body: Body,
) -> Result<Json<ListPreview>, Problem> {
    let lists = api.config().lists.clone();
    let source = body.required("source", |text| ListSource::parse(text, &lists));
    let wish = Wish::read(&mut body);
    body.finish()?;
    let source = source.ok_or_else(|| Problem::input("source", "this is missing"))?;
    // Neither semaphore is ever closed; and were it, nobody would wait.
    let _preview = api.previews.acquire().await;
    let file = Passing::new(&api);
    let terms = Terms {
        total: LIMIT,
        ..Terms::new(&api.config())
    };
    let had = fetch(&api, &source, &terms, &file.0).await;
    if let Err(message) = had {
        let mut body = Body::default();
        body.wrong("source", message);
        body.finish()?;
    }
    let _turn = api.at_work.acquire().await;
    let reading = Reading {
        format: wish.format.flatten().map(Format::from),
        role: Role::from(wish.action.unwrap_or(ListAction::Block)),
    };
    let asked = api.journal.names(last_days(Timestamp::now())).await;
    let seed = api.lists.rulebook.seed();
    let packs = Arc::clone(&api.packs);
    let look = move || -> io::Result<(Draft, Vec<BrokenName>, WouldBlock)> {
        let text = BufReader::with_capacity(1 << 16, File::open(&file.0)?);
        let draft = Draft::read(text, reading, seed)?;
        let policy = Policy::new(Arc::clone(&draft.alone));
        let breaks = needs::broken(&packs, &policy);
        let would_block = would_block(&policy, &asked);
        Ok((draft, breaks, would_block))
    };
    let looked = tokio::task::spawn_blocking(look).await;
    let looked = looked.unwrap_or_else(|error| Err(io::Error::other(error)));
    let (draft, breaks, would_block) = looked.map_err(|error| {
        let title = "the list cannot be read";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, title, error.to_string())
    })?;
    let contents = Contents::of(&draft.report);
    let problems = draft.report.problems.into_iter().take(SHOWN);
    Ok(Json(ListPreview {
        format: contents.format,
        why: contents.why,
        entries: contents.entries,
        by_kind: contents.by_kind,
        refused: contents.refused,
        problems: problems.map(RefusedLine::from).collect(),
        overlap: overlap(&api, &api.lists.rulebook.shared_with(&draft.names)),
        breaks,
        would_block,
    }))
}

/// The file of a text that is only looked at; it is gone when this is.
struct Passing(PathBuf);

impl Passing {
    fn new(api: &Api) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(api.lists.shelf.incoming(&format!("preview~{number}")))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // It is not there where nothing came.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn fetch(api: &Api, source: &ListSource, terms: &Terms, file: &Path) -> Result<(), String> {
    let had = match source {
        ListSource::Url(url) => {
            let tell = |_| {};
            let fetcher = &api.lists.fetcher;
            fetcher
                .fetch(url, &Validators::default(), terms, (file, &tell))
                .await
        }
        ListSource::File(from) => {
            let copied = lists::copy(from, file, (NamedBy::Dashboard, terms)).await;
            copied.map(Fetched::New)
        }
    };
    match had {
        Ok(Fetched::New(_)) => Ok(()),
        // Nothing was said of a copy that we have.
        Ok(Fetched::Same) => Err("the server sends no list".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn would_block(rules: &Policy, asked: &[NameAsked]) -> WouldBlock {
    let nobody = Asker {
        device: DeviceId(0),
        group: GroupId(0),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let covers = |name: &str| {
        let name = name.parse::<Name>();
        let verdict = name.map(|name| rules.judge(nobody, &name, RecordType::A).word());
        verdict.is_ok_and(|verdict| verdict != VerdictWord::Allow)
    };
    let mut covered: Vec<&NameAsked> = asked
        .iter()
        .filter(|asked| asked.let_through > 0 && covers(&asked.name))
        .collect();
    covered.sort_by(|one, other| {
        other
            .let_through
            .cmp(&one.let_through)
            .then_with(|| one.name.cmp(&other.name))
    });
    let top = covered.iter().take(TOP).map(|asked| WouldBlockName {
        name: asked.name.clone(),
        queries: asked.let_through,
        devices: asked.devices,
    });
    WouldBlock {
        days: DAYS,
        names: u64::try_from(covered.len()).unwrap_or(u64::MAX),
        queries: covered.iter().map(|asked| asked.let_through).sum(),
        top: top.collect(),
    }
}
