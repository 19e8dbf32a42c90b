//! Lists and rules of the dashboard, as they are kept.

use std::time::Duration;

use jiff::Timestamp;

use super::SetRule;
use crate::config::{ListAction, ListFormat, ListSource, Lists};
use crate::lists::Subscription;
use crate::store::{Item, ListRow, RuleRow};

impl Subscription {
    /// What is to be kept of it.
    pub fn to_item(&self) -> Item {
        let mut words = ListFormat::WORDS.iter();
        let format = words.find(|(_, format)| *format == self.format);
        Item::List(ListRow {
            id: self.id.clone(),
            name: self.name.clone(),
            source: self.source.to_string(),
            action: self.action.word().to_owned(),
            format: format.map_or("auto", |(word, _)| word).to_owned(),
            refresh_s: i64::try_from(self.refresh.as_secs()).unwrap_or(i64::MAX),
            enabled: self.enabled,
            groups: self.groups.clone(),
            added_ms: Timestamp::now().as_millisecond(),
        })
    }
}

/// A list of a row; `None`, with a warning, for one that this version, or this config, does not take.
pub(super) fn from_row(row: &ListRow, lists: &Lists) -> Option<Subscription> {
    let source = match ListSource::parse(&row.source, lists) {
        Ok(source) => source,
        Err(reason) => {
            tracing::warn!(list = %row.name, "a list is left out: {reason}");
            return None;
        }
    };
    let action = ListAction::WORDS
        .iter()
        .find(|(word, _)| *word == row.action)?;
    let format = ListFormat::WORDS
        .iter()
        .find(|(word, _)| *word == row.format)?;
    Some(Subscription {
        id: row.id.clone(),
        name: row.name.clone(),
        source,
        action: action.1,
        format: format.1,
        refresh: Duration::from_secs(row.refresh_s.try_into().ok()?),
        enabled: row.enabled,
        declared: false,
        groups: row.groups.clone(),
    })
}

impl SetRule {
    /// What is to be kept of it.
    pub fn to_item(&self) -> Item {
        Item::Rule(RuleRow {
            id: self.id.unwrap_or_default(),
            text: self.text.clone(),
            action: self.action.word().to_owned(),
            comment: self.comment.clone(),
            device: self.device,
            until_ms: self.until.map(Timestamp::as_millisecond),
            added_ms: Timestamp::now().as_millisecond(),
        })
    }
}

pub(super) fn from_rule_row(row: RuleRow) -> Option<SetRule> {
    let action = ListAction::WORDS
        .iter()
        .find(|(word, _)| *word == row.action)?;
    Some(SetRule {
        id: Some(row.id),
        number: 0,
        text: row.text,
        action: action.1,
        comment: row.comment,
        device: row.device,
        devices: Vec::new(),
        groups: Vec::new(),
        schedule: None,
        is_of_group: false,
        until: row
            .until_ms
            .and_then(|until| Timestamp::from_millisecond(until).ok()),
    })
}
