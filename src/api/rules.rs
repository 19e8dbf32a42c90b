//! `GET rules`: people's own rules, which come before every pack and list.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::asked::Id;
use super::author::By;
use super::body::Body;
use super::lists::{last_days, one_of};
use super::problem::{Problem, unkept};
use super::range;
use super::until::{self, Ends};
use super::who;
use crate::config::ListAction;
use crate::lists::{self, SetRule};
use crate::query::DeviceId;
use crate::store::Kind;

/// Longer ones nobody reads.
const LONGEST_MATCH: usize = 1000;
const LONGEST_COMMENT: usize = 500;

/// More than any home has, and few enough to put all in force anew at every change.
const MOST: usize = 5000;

/// People's own rules.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleList {
    /// Those of the dashboard, the newest first, then those of the config in its order.
    pub rules: Vec<RuleItem>,
}

/// A rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleItem {
    /// Its id.
    pub id: String,
    /// Adblock syntax, or a regex between slashes.
    #[serde(rename = "match")]
    pub text: String,
    /// What it does with the names that it covers.
    pub action: ListAction,
    /// Why it is there.
    pub comment: Option<String>,
    /// The id of the device that it counts for; `null` = all, or those that the config names.
    pub device: Option<String>,
    /// The names of the devices that the config names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// The names of the groups that it counts for; without them, all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Whether it stands in the config file, and so is changed only there.
    pub declared: bool,
    /// The queries on which it decided in the last seven days. Rules that cover the same share
    /// them.
    pub hits: u64,
}

/// What people want of a rule.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what is read member by member")]
pub struct RuleWish {
    /// Adblock syntax, or a regex between slashes; needed for a new one.
    #[serde(rename = "match")]
    text: Option<String>,
    /// `block`, unless given.
    action: Option<ListAction>,
    /// Why it is there.
    comment: Option<String>,
    /// The id of the device that it counts for; `null` = all.
    device: Option<String>,
    /// How long it counts: `1h`, at most `365d`; `null` = for ever.
    #[serde(rename = "for")]
    duration: Option<String>,
    /// Until when it counts, RFC 3339; `null` = for ever.
    until: Option<String>,
}

/// Own rules
///
/// People's own rules, which come before every pack and list.
#[utoipa::path(get, path = "/rules", tag = "rules", responses((status = 200, body = RuleList)))]
pub(super) async fn rules(State(api): State<Arc<Api>>) -> Json<RuleList> {
    let hits = hits(&api).await;
    let rules = api.lists.rules();
    let shown = rules.iter().filter(|rule| !rule.is_of_group);
    Json(RuleList {
        rules: shown.map(|rule| item(rule, &hits)).collect(),
    })
}

/// Add a rule
///
/// It is in force at once.
#[utoipa::path(
    post, path = "/rules", tag = "rules", request_body = RuleWish,
    responses(
        (status = 201, body = RuleItem),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add_rule(
    State(api): State<Arc<Api>>,
    By(author): By,
    mut body: Body,
) -> Result<(StatusCode, Json<RuleItem>), Problem> {
    let mut change = api.change(author).await?;
    let text = body.required("match", check_match);
    let rule = SetRule {
        id: None,
        number: 0,
        text: text.unwrap_or_default(),
        action: ListAction::Block,
        comment: None,
        device: None,
        devices: Vec::new(),
        groups: Vec::new(),
        schedule: None,
        is_of_group: false,
        until: None,
    };
    let rule = read(&api, body, rule)?;
    if api.lists.rules().len() >= MOST {
        let detail = format!("there are {MOST} rules, and no more are kept");
        return Err(Problem::new(StatusCode::CONFLICT, "too many rules", detail));
    }
    let id = change.rules().free_id().await;
    let rule = SetRule {
        id: Some(id.map_err(|error| unkept(&error))?),
        ..rule
    };
    change.put(&rule.to_item()).await?;
    change.commit().await?;
    Ok((StatusCode::CREATED, Json(item(&rule, &hits(&api).await))))
}

/// Change a rule
///
/// What is not given stays as it is.
#[utoipa::path(
    patch, path = "/rules/{id}", tag = "rules", request_body = RuleWish,
    params(("id" = String, Path, description = "The rule's id")),
    responses(
        (status = 200, body = RuleItem),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change_rule(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
    mut body: Body,
) -> Result<Json<RuleItem>, Problem> {
    let mut change = api.change(author).await?;
    let mut rule = own(&api, &id)?;
    if let Some(text) = body.read("match", check_match) {
        rule.text = text;
    }
    let rule = read(&api, body, rule)?;
    change.put(&rule.to_item()).await?;
    change.commit().await?;
    Ok(Json(item(&rule, &hits(&api).await)))
}

/// Remove a rule
///
/// It is out of force at once.
#[utoipa::path(
    delete, path = "/rules/{id}", tag = "rules",
    params(("id" = String, Path, description = "The rule's id")),
    responses(
        (status = 204, description = "It is removed."),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove_rule(
    State(api): State<Arc<Api>>,
    By(author): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let mut change = api.change(author).await?;
    own(&api, &id)?;
    change.take_out(Kind::Rule, &id).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads what is common to new rules and to changes, and understands the rule as a whole.
fn read(api: &Api, mut body: Body, before: SetRule) -> Result<SetRule, Problem> {
    let action = body.read("action", |text| one_of(text, &ListAction::WORDS));
    let comment = body.given("comment");
    if comment
        .iter()
        .flatten()
        .any(|text| text.len() > LONGEST_COMMENT)
    {
        body.wrong("comment", format!("write at most {LONGEST_COMMENT} bytes"));
    }
    let ends = until::read(&mut body, Timestamp::now());
    let device = body.given("device").map(|id| match id {
        None => Ok(None),
        Some(id) => who::by_id(&api.devices, &id)
            .map(|device| Some(device.id))
            .ok_or_else(|| format!("there is no device `{id}`")),
    });
    let device = match device {
        Some(Err(wrong)) => {
            body.wrong("device", wrong);
            None
        }
        Some(Ok(device)) => Some(device),
        None => None,
    };
    let rule = SetRule {
        action: action.unwrap_or(before.action),
        comment: comment.unwrap_or(before.comment),
        device: device.unwrap_or(before.device),
        until: match ends {
            Some(Ends::At(until)) => Some(until),
            Some(Ends::Never) => None,
            None => before.until,
        },
        ..before
    };
    let understood = lists::own_rule(&rule.text, rule.action, &[]);
    if let Err(reason) = understood
        && !rule.text.is_empty()
    {
        body.wrong("match", reason);
    } else if rule.text.is_empty() {
        body.wrong("match", "this is missing");
    }
    body.finish()?;
    Ok(rule)
}

fn check_match(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > LONGEST_MATCH {
        return Err(format!("write at most {LONGEST_MATCH} bytes"));
    }
    Ok(text.to_owned())
}

fn own(api: &Api, id: &str) -> Result<SetRule, Problem> {
    let rules = api.lists.rules();
    let rule = rules.into_iter().find(|rule| id_text(rule) == id);
    let rule = rule.ok_or_else(|| Problem::not_found(format!("there is no rule `{id}`")))?;
    if rule.is_declared() {
        let detail = "this rule stands in the config file: change it there";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "set by the config",
            detail,
        ));
    }
    Ok(rule)
}

fn id_text(rule: &SetRule) -> String {
    rule.id_text()
}

/// How often each entry of people's own decided.
async fn hits(api: &Api) -> HashMap<String, u64> {
    let range = last_days(Timestamp::now());
    let (decided, _) = api.journal.entries(range, Some("rule")).await;
    let hits = decided.into_iter();
    hits.map(|count| (count.entry.entry, count.span.counts.queries()))
        .collect()
}

fn item(rule: &SetRule, hits: &HashMap<String, u64>) -> RuleItem {
    let understood = lists::own_rule(&rule.text, rule.action, &[]).ok();
    let label = understood.map(|rule| rule.pattern.label());
    RuleItem {
        id: id_text(rule),
        text: rule.text.clone(),
        action: rule.action,
        comment: rule.comment.clone(),
        device: rule.device.map(|DeviceId(number)| format!("d{number}")),
        devices: rule.devices.clone(),
        groups: rule.groups.clone(),
        until: rule.until.map(|until| range::text(until.as_millisecond())),
        declared: rule.is_declared(),
        hits: label
            .and_then(|label| hits.get(&label).copied())
            .unwrap_or(0),
    }
}
