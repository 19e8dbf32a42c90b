//! `GET records`: records of the home's own names, and all that changes them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::asked::Id;
use super::author::By;
use super::body::Body;
use super::problem::{Problem, unkept};
use crate::config;
use crate::local::{Record, SetRecord};
use crate::query::RecordType;
use crate::store::Kind;

/// A name has at most 255 bytes; in other scripts than ours it is shorter to write.
const LONGEST_NAME: usize = 255;
/// Enough for the longest keys that stand in TXT records.
const LONGEST_VALUE: usize = 2000;

/// Records of the home's own names.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordList {
    /// Those of the dashboard, the newest first, then those of the config in its order.
    pub records: Vec<RecordItem>,
}

/// A record.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordItem {
    /// Its id.
    pub id: String,
    /// The name; `*.` and a name stands for all below it that have no record of their own.
    pub name: String,
    /// `A`, `CNAME` …
    #[serde(rename = "type")]
    pub kind: String,
    /// What the name has.
    pub value: String,
    /// How long devices may keep it: `5m`.
    pub ttl: String,
    /// Whether it stands in the config file, and so is changed only there.
    pub declared: bool,
    /// Whether devices get it. One of the config file comes first, and an alias has nothing beside
    /// it.
    pub in_force: bool,
}

/// What people want of a record.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct RecordWish {
    /// The name, such as `nas.home.arpa`, or `*.nas.home.arpa`; needed for a new one.
    name: Option<String>,
    /// A, AAAA, CNAME, TXT, SRV, MX, PTR, HTTPS, SVCB or CAA; that of an address is seen.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// What the name has, such as `192.0.2.10`; needed for a new one.
    value: Option<String>,
    /// How long devices may keep it: `5m`, unless given.
    ttl: Option<String>,
}

/// Own records
///
/// Records of the home's own names. Those of hosts files and leases are not here.
#[utoipa::path(get, path = "/records", tag = "records", responses((status = 200, body = RecordList)))]
pub(super) async fn records(State(api): State<Arc<Api>>) -> Json<RecordList> {
    let records = api.records.all();
    Json(RecordList {
        records: records.iter().map(|record| item(&api, record)).collect(),
    })
}

/// Add a record
///
/// It is answered at once.
#[utoipa::path(
    post, path = "/records", tag = "records", request_body = RecordWish,
    responses(
        (status = 201, body = RecordItem),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add_record(
    State(api): State<Arc<Api>>,
    By(author): By,
    mut body: Body,
) -> Result<(StatusCode, Json<RecordItem>), Problem> {
    let mut change = api.change(author).await?;
    let name = body.required("name", |text| bounded(text, LONGEST_NAME));
    let value = body.required("value", |text| bounded(text, LONGEST_VALUE));
    let kind = body.text("type");
    let ttl = body.read("ttl", config::Record::read_ttl);
    let (Some(name), Some(value)) = (name, value) else {
        return Err(unread(body));
    };
    let record = understand(
        &api,
        body,
        Written {
            id: None,
            name,
            kind,
            value,
            ttl: seconds(ttl.unwrap_or(config::Record::TTL)),
        },
    )?;
    if !api.records.has_room() {
        let detail = "so many records are kept already that there is no room for one more";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "too many records",
            detail,
        ));
    }
    let id = change.records().free_id().await;
    let record = SetRecord {
        id: Some(id.map_err(|error| unkept(&error))?),
        ..record
    };
    change.put(&record.to_item()).await?;
    change.commit().await?;
    Ok((StatusCode::CREATED, Json(item(&api, &record))))
}

/// Change a record
///
/// What is not given stays as it is, but the type of an address is seen anew.
#[utoipa::path(
    patch, path = "/records/{id}", tag = "records", request_body = RecordWish,
    params(("id" = String, Path, description = "The record's id")),
    responses(
        (status = 200, body = RecordItem),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_record(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
    mut body: Body,
) -> Result<Json<RecordItem>, Problem> {
    let mut change = api.change(author).await?;
    let before = own(&api, &id)?;
    let name = body.read("name", |text| bounded(text, LONGEST_NAME));
    let value = body.read("value", |text| bounded(text, LONGEST_VALUE));
    let is_address = matches!(before.kind, RecordType::A | RecordType::AAAA);
    let kept = (!is_address || value.is_none()).then(|| before.kind.to_string());
    let kind = body.given("type").unwrap_or(kept);
    let ttl = body.read("ttl", config::Record::read_ttl);
    let record = understand(
        &api,
        body,
        Written {
            id: before.id,
            name: name.unwrap_or(before.name),
            kind,
            value: value.unwrap_or(before.value),
            ttl: ttl.map_or(before.ttl, seconds),
        },
    )?;
    change.put(&record.to_item()).await?;
    change.commit().await?;
    Ok(Json(item(&api, &record)))
}

/// Remove a record
///
/// It is not answered any more.
#[utoipa::path(
    delete, path = "/records/{id}", tag = "records",
    params(("id" = String, Path, description = "The record's id")),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove_record(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let mut change = api.change(author).await?;
    own(&api, &id)?;
    change.take_out(Kind::Record, &id).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A record as it is written, which may be none.
struct Written {
    id: Option<i64>,
    name: String,
    kind: Option<String>,
    value: String,
    ttl: u32,
}

/// Understands the record as a whole, beside those that there are.
fn understand(api: &Api, mut body: Body, written: Written) -> Result<SetRecord, Problem> {
    let (name, value) = (written.name.as_str(), written.value.as_str());
    let understood = Record::parse(name, written.kind.as_deref(), value, written.ttl);
    let record = match understood {
        Ok(record) => record,
        Err(error) => {
            body.wrong(error.key(), error.to_string());
            return Err(unread(body));
        }
    };
    if let Err(reason) = api.records.check(&record, written.id) {
        body.wrong("name", reason);
    }
    body.finish()?;
    Ok(SetRecord {
        id: written.id,
        number: 0,
        name: written.name,
        kind: record.kind,
        value: written.value,
        ttl: written.ttl,
    })
}

fn bounded(text: &str, longest: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("this is empty".to_owned());
    }
    if text.len() > longest {
        return Err(format!("write at most {longest} bytes"));
    }
    Ok(text.to_owned())
}

fn seconds(ttl: Duration) -> u32 {
    u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX)
}

fn own(api: &Api, id: &str) -> Result<SetRecord, Problem> {
    let records = api.records.all();
    let record = records.into_iter().find(|record| record.id_text() == id);
    let record = record.ok_or_else(|| Problem::not_found(format!("there is no record `{id}`")))?;
    if record.is_declared() {
        let detail = "this record stands in the config file: change it there";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "set by the config",
            detail,
        ));
    }
    Ok(record)
}

fn item(api: &Api, record: &SetRecord) -> RecordItem {
    let ttl = Duration::from_secs(record.ttl.into());
    RecordItem {
        id: record.id_text(),
        name: record.name.clone(),
        kind: record.kind.to_string(),
        value: record.value.clone(),
        ttl: config::duration_in_words(ttl),
        declared: record.is_declared(),
        in_force: api.records.is_in_force(record),
    }
}

/// The problem of a body in which something is known to be wrong.
fn unread(body: Body) -> Problem {
    match body.finish() {
        Err(problem) => problem,
        Ok(()) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the body is wrong",
            "this is no record",
        ),
    }
}
