//! What is wrong with the server and needs a person.

use serde::Serialize;
use utoipa::ToSchema;

use super::needs::{self, BrokenName};
use super::status::UpstreamStatus;
use crate::journal::Journal;
use crate::lists::{AllLists, ListStatus};

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Trouble {
    /// The same as long as it lasts.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// In short.
    pub title: String,
    /// What happened, and what to do about it.
    pub detail: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
// The packs have a severity too, with other words.
#[schema(as = TroubleSeverity)]
pub enum Severity {
    /// Something does not work.
    Error,
    /// It goes on, but not as it should.
    Warn,
}

/// All that is wrong now.
pub(super) fn all(
    journal: &Journal,
    upstreams: &[UpstreamStatus],
    lists: (&AllLists, &[BrokenName]),
) -> Vec<Trouble> {
    let mut troubles = of_journal(journal);
    troubles.extend(of_upstreams(upstreams));
    troubles.extend(of_lists(lists.0));
    troubles.extend(of_names(lists));
    troubles
}

fn of_journal(journal: &Journal) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut add = |id: &str, severity, title: &str, detail: String| {
        troubles.push(Trouble {
            id: id.to_owned(),
            severity,
            title: title.to_owned(),
            detail,
        });
    };
    if let Some(problem) = journal.problem() {
        add(
            "journal",
            Severity::Error,
            "The journal is not being written",
            format!("{problem} Queries are answered all the same."),
        );
    }
    match journal.damaged() {
        0 => {}
        parts => add(
            "journal-damaged",
            Severity::Warn,
            "Parts of the journal cannot be read",
            format!(
                "{parts} parts of the database are damaged and are skipped: figures of their days are too low."
            ),
        ),
    }
    match journal.lost() {
        0 => {}
        lost => add(
            "journal-lost",
            Severity::Warn,
            "Queries are missing from the journal",
            format!(
                "{lost} queries since the start were answered but not recorded, because there were too many at once or the disk was away."
            ),
        ),
    }
    troubles
}

fn of_lists(all: &AllLists) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    let mut add = |id: String, severity, title: &str, detail: String| {
        troubles.push(Trouble {
            id,
            severity,
            title: title.to_owned(),
            detail,
        });
    };
    if let Some(problem) = &all.problem {
        add(
            "lists".to_owned(),
            Severity::Error,
            "Lists cannot be compiled",
            format!("{problem}. Those before stay in force."),
        );
    }
    for ListStatus { list, standing, .. } in &all.lists {
        if let Some(held) = &standing.held {
            let (name, reason) = (&list.name, &held.reason);
            let detail = format!(
                "The new copy of {name} is held back: {reason}. The one before stays in force: \
                 confirm the new one to use it, or discard it."
            );
            add(
                format!("list-{}", list.id),
                Severity::Warn,
                "A list looks wrong",
                detail,
            );
        } else if let Some(problem) = &standing.problem {
            let detail = format!("{}: {}.", list.name, problem.message);
            add(
                format!("list-{}", list.id),
                Severity::Warn,
                "A list cannot be brought up to date",
                detail,
            );
        }
    }
    troubles
}

/// Lists are followed, also where that breaks something.
fn of_names((all, broken): (&AllLists, &[BrokenName])) -> Vec<Trouble> {
    let told = |ListStatus { list, .. }: &ListStatus| {
        let names = needs::of_list(broken, &list.name);
        let first = names.first()?;
        let more = match names.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more names that must work"),
        };
        Some(Trouble {
            id: format!("list-{}-breaks", list.id),
            severity: Severity::Warn,
            title: "A list blocks what must work".to_owned(),
            detail: format!(
                "{} blocks {} in line {}{more}. What breaks: {}. A rule of your own lets it through.",
                list.name, first.name, first.line, first.what
            ),
        })
    };
    all.lists.iter().filter_map(told).collect()
}

fn of_upstreams(upstreams: &[UpstreamStatus]) -> Vec<Trouble> {
    let failing = || upstreams.iter().filter(|upstream| !upstream.usable);
    let said = |upstream: &UpstreamStatus| {
        let error = upstream.last_error.as_deref().unwrap_or("no answer");
        format!("{}: {error}", upstream.server)
    };
    if !upstreams.is_empty() && failing().count() == upstreams.len() {
        let all: Vec<String> = failing().map(said).collect();
        return vec![Trouble {
            id: "upstreams".to_owned(),
            severity: Severity::Error,
            title: "No upstream answers".to_owned(),
            detail: format!(
                "Names that are not held in the cache cannot be answered. {}",
                all.join("; ")
            ),
        }];
    }
    failing()
        .map(|upstream| Trouble {
            id: format!("upstream-{}", upstream.id),
            severity: Severity::Warn,
            title: "An upstream does not answer".to_owned(),
            detail: format!("{}. The others are asked.", said(upstream)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(id: usize, usable: bool) -> UpstreamStatus {
        UpstreamStatus {
            id,
            server: format!("udp://192.0.2.{id}"),
            asked: 9,
            failed: 3,
            usable,
            last_error: Some("timed out".to_owned()),
            last_latency_us: None,
            more: crate::api::UpstreamMore::default(),
        }
    }

    #[test]
    fn one_upstream_that_fails_is_a_warning_and_all_are_an_error() {
        assert_eq!(of_upstreams(&[upstream(0, true), upstream(1, true)]), []);
        let one = of_upstreams(&[upstream(0, true), upstream(1, false)]);
        assert_eq!(one[0].severity, Severity::Warn);
        assert_eq!(
            one[0].detail,
            "udp://192.0.2.1: timed out. The others are asked."
        );
        let all = of_upstreams(&[upstream(0, false), upstream(1, false)]);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].severity, Severity::Error);
        assert_eq!(of_upstreams(&[]), []);
    }
}
