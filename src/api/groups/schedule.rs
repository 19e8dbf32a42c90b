//! What a group does at some times of the week, and its rules, as people wrote them.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::config::{Config, Does, Group, ListAction, PacksSaid, Schedule};

/// What is other at some times of the week.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ScheduleItem {
    /// What people call it; `null` = they gave it no name.
    pub name: Option<String>,
    /// The days on which its times begin: `mon`; none = all.
    #[serde(default)]
    pub days: Vec<String>,
    /// From when until when: `20:30-06:30`; none = all day.
    #[serde(default)]
    pub times: Vec<String>,
    /// Whose clock counts: `Europe/Berlin`; `null` = that of the server.
    pub zone: Option<String>,
    /// `block_all`, `pause` or `add`.
    pub action: String,
    /// With `add`: what packs do instead.
    #[schema(value_type = Object)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packs: Option<Map<String, Value>>,
    /// With `add`: the names of further lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
    /// With `add`: further rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

impl ScheduleItem {
    /// A schedule of a group, by its number.
    pub(super) fn of(config: &Config, group: &Group, (at, schedule): (usize, &Schedule)) -> Self {
        let words = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
        let (action, packs, lists) = match &schedule.does {
            Does::BlockAll => ("block_all", None, Vec::new()),
            Does::Pause => ("pause", None, Vec::new()),
            Does::Add { packs, lists } => ("add", packs.as_ref(), lists.clone()),
        };
        let zone = &schedule.week.zone;
        let is_here = *zone == TimeZone::system();
        let zone = zone.iana_name().filter(|_| !is_here);
        Self {
            name: Some(schedule.name.clone()),
            days: words(schedule.week.days.words()),
            times: schedule
                .week
                .spans
                .iter()
                .map(ToString::to_string)
                .collect(),
            zone: zone.map(str::to_owned),
            action: action.to_owned(),
            packs: packs.map(PacksSaid::to_json),
            lists,
            rules: rules(config, group, Some(at)),
        }
    }
}

/// Leaves unsaid of schedules what people did not say: a form would write it as if they had.
pub(super) fn leave_unsaid(schedules: &mut [ScheduleItem], said: Option<&Value>) {
    let said = said.and_then(Value::as_array).into_iter().flatten();
    for (schedule, said) in schedules.iter_mut().zip(said) {
        let text = |member: &str| said.get(member).and_then(Value::as_str);
        schedule.name = text("name").map(str::to_owned);
        schedule.zone = text("zone").map(str::to_owned);
        let days = said.get("days").and_then(Value::as_array);
        if days.is_none_or(Vec::is_empty) {
            schedule.days.clear();
        }
    }
}

/// The rules of a group, or of one of its schedules, as they are written there.
pub(super) fn rules(config: &Config, group: &Group, schedule: Option<usize>) -> Vec<String> {
    let all = config.rules.iter();
    let its = all.filter(|rule| {
        let is_its = rule.groups.len() == 1 && rule.groups.first() == Some(&group.name);
        is_its && rule.schedule == schedule && rule.key.contains("rules[")
    });
    its.map(|rule| match rule.action {
        ListAction::Allow => format!("@@{}", rule.text),
        _ => rule.text.clone(),
    })
    .collect()
}
