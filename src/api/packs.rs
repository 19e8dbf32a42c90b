//! `GET packs`: which vendors are known, and what their packs do.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Api;
use super::asked::{Asked, Id};
use super::author::By;
use super::body::Body;
use super::entries;
use super::lists::one_of;
use super::problem::Problem;
use super::range::RangeParams;
use crate::config::{Config, DEFAULT_GROUP, Level, PackAction};
use crate::journal::OriginCount;
use crate::lists;
use crate::packs::{ActionCounts, EntryInfo, LevelCounts, Pack, PackDetails, PackInfo, PackKind};

/// Packs.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackList {
    /// The newest date on which somebody went through a pack.
    pub version: String,
    /// All packs, by id.
    pub items: Vec<PackItem>,
}

/// A pack in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackItem {
    #[serde(flatten)]
    pack: PackSummary,
    /// How many entries stand in its file; a family of names is one.
    pub entries: usize,
}

/// A pack, what it does, and what it did in the span.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackSummary {
    /// `xiaomi`
    pub id: String,
    /// What people read.
    pub name: String,
    /// What it does, and what keeps working.
    pub summary: String,
    /// What it is about.
    pub kind: PackKind,
    /// What it does now.
    pub action: PackAction,
    /// How thin the evidence for a block may be.
    pub level: Level,
    /// How many names it has.
    pub names: usize,
    /// Names by what they want.
    pub by_action: ActionCounts,
    /// Names to be blocked, by level.
    pub by_level: LevelCounts,
    /// When somebody last went through it.
    pub reviewed: String,
    /// The queries on which its entries decided, those that an exception let through too.
    pub queries: u64,
    /// Those let through and marked.
    pub watch: u64,
    /// Those answered here.
    pub block: u64,
    /// How many devices asked.
    pub devices: u64,
}

/// A pack, and all that is known.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackDetail {
    #[serde(flatten)]
    pack: PackSummary,
    #[serde(flatten)]
    details: PackDetails,
    /// Each of its names.
    pub entries: Vec<AskedEntry>,
}

/// An entry, and how often it decided in the span.
#[derive(Debug, Serialize, ToSchema)]
pub struct AskedEntry {
    #[serde(flatten)]
    entry: EntryInfo,
    /// The queries on which it decided.
    pub queries: u64,
}

/// Packs
///
/// All packs, what they do, and how often they decided in a span of time.
#[utoipa::path(
    get, path = "/packs", tag = "packs",
    params(RangeParams),
    responses(
        (status = 200, body = PackList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn packs(
    State(api): State<Arc<Api>>,
    Asked(range): Asked<RangeParams>,
) -> Result<Json<PackList>, Problem> {
    let range = range.read(Timestamp::now())?;
    let (origins, _) = api.journal.origins(range.into()).await;
    let config = api.config();
    let items = api.packs.packs().iter().map(|pack| {
        let info = pack.info();
        PackItem {
            entries: info.entries,
            pack: PackSummary::new(info, &config, &origins),
        }
    });
    Ok(Json(PackList {
        version: api.packs.version().to_string(),
        items: items.collect(),
    }))
}

/// One pack
///
/// A pack with every name of it, the evidence, and how often each decided in a span of time.
#[utoipa::path(
    get, path = "/packs/{id}", tag = "packs",
    params(("id" = String, Path, description = "`xiaomi`"), RangeParams),
    responses(
        (status = 200, body = PackDetail),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn pack(
    State(api): State<Arc<Api>>,
    Id(id): Id,
    Asked(range): Asked<RangeParams>,
) -> Result<Json<PackDetail>, Problem> {
    let range = range.read(Timestamp::now())?;
    let pack = api.packs.pack(&id).ok_or_else(|| unknown(&api, &id))?;
    let origin = entries::origin(&id);
    let (origins, _) = api.journal.origins(range.into()).await;
    let (asked, _) = api.journal.entries(range.into(), Some(&origin)).await;
    let asked: HashMap<_, _> = asked
        .into_iter()
        .map(|count| (count.entry, count.span.counts.queries()))
        .collect();
    let config = api.config();
    let entries = pack.entries.iter().map(|entry| {
        let effective = lists::effective(pack, entry, &config.packs);
        AskedEntry {
            entry: api.packs.entry_info(pack, entry, Some(effective)),
            queries: asked
                .get(&entries::label(pack, entry))
                .copied()
                .unwrap_or(0),
        }
    });
    Ok(Json(PackDetail {
        entries: entries.collect(),
        pack: PackSummary::new(pack.info(), &config, &origins),
        details: pack.details(),
    }))
}

/// What people want of a pack.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct PackWish {
    /// What it does; `null` = as the group's other packs.
    action: Option<PackAction>,
    /// How thin the evidence for a block may be; without it, as for all packs.
    level: Option<Level>,
    /// The id of the group; without it, the default one.
    group: Option<String>,
}

/// Set what a pack does
///
/// For a group, or for all that are in none.
#[utoipa::path(
    put, path = "/packs/{id}", tag = "packs", request_body = PackWish,
    params(("id" = String, Path, description = "`xiaomi`")),
    responses(
        (status = 204, description = "It is in force."),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put_pack(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
    mut body: Body,
) -> Result<StatusCode, Problem> {
    api.packs.pack(&id).ok_or_else(|| unknown(&api, &id))?;
    let action = body.read("action", |text| one_of(text, &ACTIONS));
    let level = body.read("level", |text| one_of(text, &LEVELS));
    let group = body.text("group").unwrap_or(DEFAULT_GROUP.to_owned());
    if level.is_some() && action.is_none() {
        body.wrong("action", "this is missing beside the level");
    }
    body.finish()?;
    let mut change = api.change(author).await?;
    let mut wish = super::groups::changeable(&api, &group)?;
    let config = api.parts.config.packs.places.contains_key(&id);
    if group == DEFAULT_GROUP && config {
        let detail = format!("the config file says what pack `{id}` does: change it there");
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "set by the config",
            detail,
        ));
    }
    let packs = wish
        .says
        .entry("packs")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Some(packs) = packs.as_object_mut() {
        match (action, level) {
            (None, _) => packs.remove(&id),
            (Some(action), None) => packs.insert(id, action.as_str().into()),
            (Some(action), Some(level)) => {
                let (action, level) = (action.as_str(), level.as_str());
                packs.insert(id, serde_json::json!({ "action": action, "level": level }))
            }
        };
    }
    change.put(&api.household.group(&group, &wish)).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

const ACTIONS: [(&str, PackAction); 3] = [
    ("block", PackAction::Block),
    ("watch", PackAction::Watch),
    ("off", PackAction::Off),
];

const LEVELS: [(&str, Level); 3] = [
    ("safe", Level::Safe),
    ("standard", Level::Standard),
    ("strict", Level::Strict),
];

fn unknown(api: &Api, id: &str) -> Problem {
    let near = api
        .packs
        .nearest(id)
        .map_or_else(String::new, |near: &Pack| {
            format!("; did you mean `{}`?", near.id)
        });
    Problem::not_found(format!("there is no pack `{id}`{near}"))
}

impl PackSummary {
    fn new(info: PackInfo, config: &Config, origins: &[OriginCount]) -> Self {
        let origin = entries::origin(&info.id);
        let count = origins.iter().find(|count| count.origin == origin);
        let counts = count.map_or_else(Default::default, |count| count.span.counts);
        let (action, level) = config.packs.choice(&info.id);
        Self {
            action,
            level,
            queries: counts.queries(),
            watch: counts.watch,
            block: counts.block,
            devices: count.map_or(0, |count| count.devices),
            id: info.id,
            name: info.name,
            summary: info.summary,
            kind: info.kind,
            names: info.names,
            by_action: info.by_action,
            by_level: info.by_level,
            reviewed: info.reviewed,
        }
    }
}
