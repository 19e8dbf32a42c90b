//! `GET explain`: what would be done with a query, and why.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use super::asked::Asked;
use super::problem::Problem;
use super::range;
use super::who::DeviceParams;
use super::{Api, Explanation, Knowledge, Recent};
use crate::journal::Range;
use crate::query::{GroupId, Name, RecordType};

/// The parameters of a question.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExplainParams {
    /// The name, such as `tracking.vendor.example`.
    #[param(required = true)]
    name: Option<String>,
    /// The record type; `A` unless given.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
}

impl ExplainParams {
    fn read(&self) -> Result<(Name, RecordType), Problem> {
        let Some(text) = self.name.as_deref().filter(|text| !text.is_empty()) else {
            return Err(Problem::input("name", "a domain name is wanted"));
        };
        let name = text.parse().map_err(|error| {
            Problem::input("name", format!("`{text}` is no domain name: {error}"))
        })?;
        let kind = self.kind.as_deref().unwrap_or("A").parse();
        Ok((
            name,
            kind.map_err(|error| Problem::input("type", format!("{error}")))?,
        ))
    }
}

/// Why
///
/// What would be done with a query, which entry decides, on what evidence, and who asked lately.
/// Nothing is asked or recorded.
#[utoipa::path(
    get, path = "/explain", tag = "queries",
    params(ExplainParams, DeviceParams),
    responses(
        (status = 200, body = Explanation),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn explain(
    State(api): State<Arc<Api>>,
    Asked(question): Asked<ExplainParams>,
    Asked(device): Asked<DeviceParams>,
) -> Result<Json<Explanation>, Problem> {
    let (name, kind) = question.read()?;
    let device = device.read(&api)?;
    let recent = recent(&api, &name).await;
    let config = api.config();
    let knowledge = Knowledge {
        config: &config,
        packs: &api.packs,
        policy: &api.policy,
        local: &api.local,
        group: device
            .as_ref()
            .map_or(GroupId(0), |device| api.devices.group(device.id)),
    };
    Ok(Json(Explanation {
        recent,
        ..knowledge.explain(device.as_ref(), &name, kind)
    }))
}

/// Who asked for the name in the last seven days.
async fn recent(api: &Api, name: &Name) -> Option<Recent> {
    let now = Timestamp::now();
    let week = now.checked_sub((7 * 24).hours()).ok()?;
    let range = Range {
        since_ms: week.as_millisecond(),
        until_ms: now.as_millisecond() + 1,
    };
    let name = name.to_lowercase().to_string();
    let seen = api.journal.name_seen(range, &name).await;
    Some(Recent {
        queries: seen.counts.queries(),
        devices: seen.devices,
        last_seen: range::text(seen.last_ms?),
    })
}
