//! P03 to P06 and P08: the file's name, its dates, its order, and what its parts refer to.

use std::collections::HashSet;

use jiff::civil::Date;

use super::super::finding::Code;
use super::super::read::{Lined, nearest};
use super::{Linted, Notes};

pub(super) fn check(one: &Linted, ids: &[&str], today: Date, notes: &mut Notes) {
    check_name(one, notes);
    check_dates(one, today, notes);
    check_order(one, notes);
    check_components(one, notes);
    check_see_also(one, ids, notes);
}

fn check_name(one: &Linted, notes: &mut Notes) {
    let written = &one.written;
    let named = written.file.rsplit('/').next().unwrap_or_default();
    if named.strip_suffix(".toml") != Some(&written.id.value) {
        let message = format!(
            "the pack's id is `{}`, so its file must be named `{}.toml`",
            written.id.value, written.id.value
        );
        notes.add(Code::P03, one, written.id.line, message);
    }
}

fn check_dates(one: &Linted, today: Date, notes: &mut Notes) {
    let retired = one.written.entries.iter().filter_map(|entry| entry.retired);
    let dates = retired.map(|date| ("retired", date));
    let dates = dates.chain([("reviewed", one.written.reviewed)]);
    for (key, date) in dates.filter(|(_, date)| date.value > today) {
        let message = format!("`{key}` is {}, but today is {today}", date.value);
        notes.add(Code::P04, one, date.line, message);
    }
}

fn check_order(one: &Linted, notes: &mut Notes) {
    let written = &one.written;
    let mut orders: Vec<(&str, Vec<&Lined<String>>)> = vec![
        (
            "entry",
            written.entries.iter().map(|entry| &entry.domain).collect(),
        ),
        (
            "component",
            written
                .components
                .iter()
                .map(|component| &component.id)
                .collect(),
        ),
        ("owner_domains", written.owner_domains.iter().collect()),
        ("see_also", written.see_also.iter().collect()),
    ];
    let lists = written
        .entries
        .iter()
        .map(|entry| entry.lists.iter().collect());
    orders.extend(lists.map(|lists| ("lists", lists)));
    for (what, words) in orders {
        let mut before: Option<&Lined<String>> = None;
        for word in words {
            if let Some(before) = before.filter(|before| before.value > word.value) {
                let message = format!(
                    "{what}: `{}` belongs before `{}` (sorted by bytes, as written)",
                    word.value, before.value
                );
                notes.add(Code::P05, one, word.line, message);
            }
            before = Some(word);
        }
    }
}

fn check_components(one: &Linted, notes: &mut Notes) {
    let written = &one.written;
    let used: HashSet<&str> = written
        .entries
        .iter()
        .filter_map(|entry| Some(entry.component.as_ref()?.value.as_str()))
        .collect();
    let mut seen = HashSet::new();
    for component in &written.components {
        let id = component.id.value.as_str();
        if !seen.insert(id) {
            let message = format!("component `{id}` is there twice; give each its own id");
            notes.add(Code::P06, one, component.id.line, message);
        }
        // An entry that could not be read may be the one that uses it.
        if written.is_whole && !used.contains(id) {
            let message = format!("no entry uses component `{id}`; take it away");
            notes.add(Code::P06, one, component.id.line, message);
        }
    }
}

fn check_see_also(one: &Linted, ids: &[&str], notes: &mut Notes) {
    for id in &one.written.see_also {
        if id.value == one.written.id.value {
            let message = "see_also names the pack itself".to_owned();
            notes.add(Code::P08, one, id.line, message);
        } else if !ids.contains(&id.value.as_str()) {
            let hint = nearest(&id.value, ids).map_or_else(
                || "see_also holds ids of other packs".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("there is no pack `{}`; {hint}", id.value);
            notes.add(Code::P08, one, id.line, message);
        }
    }
}
