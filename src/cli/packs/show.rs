//! One pack as a page of text, or as JSON.

use std::collections::HashSet;

use serde_json::Value;

use super::say;
use crate::packs::{Action, Component, Entry, EntryInfo, Pack, Packs, Scope};

/// Columns that a page is wrapped to.
const WIDTH: usize = 100;

/// What the API gives of one pack, without what depends on a config.
pub(super) fn to_json(packs: &Packs, pack: &Pack) -> serde_json::Result<Value> {
    let entries = pack.entries.iter();
    let entries: Vec<EntryInfo> = entries
        .map(|entry| packs.entry_info(pack, entry, None))
        .collect();
    let mut page = serde_json::to_value(pack.info())?;
    let details = serde_json::to_value(pack.details())?;
    if let (Value::Object(page), Value::Object(details)) = (&mut page, details) {
        page.extend(details);
        page.insert("file".to_owned(), packs.file(pack).into());
        // In place of their number.
        page.insert("entries".to_owned(), serde_json::to_value(entries)?);
    }
    Ok(page)
}

pub(super) fn print(packs: &Packs, pack: &Pack) {
    print_head(packs, pack);
    let parts = pack.components.iter().map(|part| Some(&**part));
    for part in parts.chain([None]) {
        print_part(pack, part);
    }
}

fn print_head(packs: &Packs, pack: &Pack) {
    let info = pack.info();
    let by = info.by_action;
    let level = info.by_level;
    say(&format!("{} (pack {})", pack.name, pack.id));
    say_wrapped("", &pack.summary);
    say("");
    say_wrapped(
        "",
        &format!(
            "{} names: {} to block ({} from level safe on, {} from standard, {} only at strict), {} to watch, {} to allow.",
            info.names, by.block, level.safe, level.standard, level.strict, by.watch, by.allow
        ),
    );
    let data: Vec<&str> = pack.data().iter().map(|kind| &*kind.text).collect();
    if !data.is_empty() {
        say_wrapped("", &format!("Seen being sent: {}.", data.join(", ")));
    }
    if !pack.see_also.is_empty() {
        say(&format!("See also: {}", pack.see_also.join(", ")));
    }
    say(&format!("Reviewed {}, {}", pack.reviewed, packs.file(pack)));
}

fn print_part(pack: &Pack, part: Option<&Component>) {
    let of_part =
        |entry: &&Entry| entry.component.as_ref().map(|one| &*one.id) == part.map(|one| &*one.id);
    let entries: Vec<&Entry> = pack.entries.iter().filter(of_part).collect();
    if entries.is_empty() {
        return;
    }
    say("");
    match part {
        Some(part) => {
            say(&format!("== {}", part.name));
            if !part.packages.is_empty() {
                say_wrapped("   ", &format!("Packages: {}", part.packages.join(", ")));
            }
            if let Some(switch) = &part.opt_out {
                say_wrapped("   ", &format!("Switch in the device: {switch}"));
            }
        }
        None => say("== Other names"),
    }
    let mut lines = HashSet::new();
    for entry in &entries {
        if lines.insert(entry.line) {
            let names = entries
                .iter()
                .filter(|other| other.line == entry.line)
                .count();
            print_entry(entry, names);
        }
    }
}

fn print_entry(entry: &Entry, names: usize) {
    let name = entry.pattern.as_deref().unwrap_or(&entry.domain);
    let below = if entry.scope == Scope::Subtree {
        " and below"
    } else {
        ""
    };
    let family = if names > 1 {
        format!(" ({names} names)")
    } else {
        String::new()
    };
    let purposes: Vec<&str> = entry
        .purposes
        .iter()
        .map(|purpose| &*purpose.text)
        .collect();
    say("");
    say(&format!("   {name}{below}{family}"));
    say_wrapped(
        "      ",
        &format!(
            "{}; {}; confidence {}: {}",
            action(entry),
            purposes.join(", "),
            entry.confidence.as_str(),
            entry.confidence.text()
        ),
    );
    for one in &entry.evidence {
        let year = one.seen.map(|year| format!(", {year}")).unwrap_or_default();
        let data: Vec<&str> = one.data.iter().map(|kind| &*kind.text).collect();
        let sends = if data.is_empty() {
            String::new()
        } else {
            format!(" Sends {}.", data.join(", "))
        };
        let when = one
            .when
            .as_deref()
            .map(|when| format!(" When: {when}."))
            .unwrap_or_default();
        say_wrapped(
            "      ",
            &format!(
                "- {}: {} ({}{year}).{sends}{when}",
                one.kind.text, one.source.title, one.place
            ),
        );
    }
    if !entry.lists.is_empty() {
        let lists: Vec<&str> = entry.lists.iter().map(|list| &*list.name).collect();
        say_wrapped("      ", &format!("- on {}", lists.join(", ")));
    }
    for one in &entry.breaks {
        let disputed = if one.disputed { ", disputed" } else { "" };
        say_wrapped(
            "      ",
            &format!("If blocked: {} ({}{disputed})", one.what, one.severity_text),
        );
    }
    if let Some(note) = &entry.note {
        say_wrapped("      ", note);
    }
}

fn action(entry: &Entry) -> String {
    let action = match entry.action {
        Action::Block { level } => format!("block from level {} on", level.as_str()),
        Action::Allow | Action::Watch => entry.action.as_str().to_owned(),
    };
    let retired = entry
        .retired
        .map(|date| format!(" (retired {date}: does nothing)"));
    format!("{action}{}", retired.unwrap_or_default())
}

fn say_wrapped(indent: &str, text: &str) {
    let mut line = String::new();
    for word in text.split(' ') {
        let is_full = indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH;
        if is_full && !line.is_empty() {
            say(&format!("{indent}{line}"));
            line.clear();
            // A point of a list goes on under its own text.
            line.push_str(if text.starts_with("- ") { "  " } else { "" });
        }
        if !line.trim().is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    say(&format!("{indent}{line}"));
}
