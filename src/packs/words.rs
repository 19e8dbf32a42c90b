//! What an entry says, in sentences.

use super::format::Severity;
use super::{Entry, Evidence, Pack};

/// The longest reason in bytes: it travels in every blocked answer.
const LONGEST_REASON: usize = 100;

/// How many kinds of data a sentence names.
const NAMED_DATA: usize = 12;

/// A few words for an answer's EXTRA-TEXT, at most 100 bytes: who, and for what.
pub fn reason(pack: &Pack, entry: &Entry) -> String {
    let tail = format!(" (pack {})", pack.id);
    let mut purposes: Vec<&str> = entry
        .purposes
        .iter()
        .map(|purpose| &*purpose.text)
        .collect();
    while !purposes.is_empty() {
        let text = format!("{}: {}{tail}", pack.name, purposes.join(", "));
        if text.len() <= LONGEST_REASON {
            return text;
        }
        purposes.pop();
    }
    let room = LONGEST_REASON.saturating_sub(tail.len());
    let cut = pack.name.floor_char_boundary(room);
    format!("{}{tail}", pack.name.get(..cut).unwrap_or_default())
}

/// All that is known of an entry, as the dashboard says it.
pub fn sentence(pack: &Pack, entry: &Entry) -> String {
    let mut sentences = vec![belonging(pack, entry)];
    sentences.extend(evidence_sentences(entry));
    if entry.evidence.is_empty() {
        sentences.push(lists_sentence(entry));
    }
    sentences.push(side_effects(entry));
    sentences.extend(entry.note.as_deref().map(finished));
    let switch = entry
        .component
        .as_ref()
        .and_then(|part| part.opt_out.as_deref());
    sentences.extend(switch.map(|switch| finished(&format!("Switch in the device: {switch}"))));
    sentences.join(" ")
}

fn belonging(pack: &Pack, entry: &Entry) -> String {
    let purposes: Vec<&str> = entry
        .purposes
        .iter()
        .map(|purpose| &*purpose.text)
        .collect();
    // The texts have an "and" of their own, so commas keep them apart.
    let purposes = purposes.join(", ");
    match &entry.component {
        Some(part) => format!(
            "{} belongs to {} ({purposes}), in the pack {}.",
            entry.domain, part.name, pack.name
        ),
        None => format!(
            "{} is for {purposes}, in the pack {}.",
            entry.domain, pack.name
        ),
    }
}

fn evidence_sentences(entry: &Entry) -> Vec<String> {
    let mut best: Vec<&Evidence> = entry.evidence.iter().collect();
    best.sort_by_key(|one| (one.kind.rank, one.data.is_empty()));
    best.into_iter().map(evidence_sentence).collect()
}

fn evidence_sentence(one: &Evidence) -> String {
    let kind = capital(&one.kind.text);
    let year = one.seen.map(|year| format!(", {year}")).unwrap_or_default();
    let mut text = format!("{kind} ({}; {}{year})", one.source.title, one.place);
    if !one.data.is_empty() {
        text.push_str(": sends ");
        text.push_str(&data(one));
    }
    if let Some(when) = &one.when {
        text.push_str(if one.data.is_empty() { ": " } else { ", " });
        text.push_str(when);
    }
    finished(&text)
}

/// What is sent, the most private first.
fn data(one: &Evidence) -> String {
    let mut kinds: Vec<_> = one.data.iter().collect();
    kinds.sort_by_key(|kind| !kind.sensitive);
    let mut texts: Vec<&str> = kinds.iter().map(|kind| &*kind.text).collect();
    let more = texts.len().saturating_sub(NAMED_DATA);
    texts.truncate(NAMED_DATA);
    let more = format!("and {more} more");
    if kinds.len() > NAMED_DATA {
        texts.push(&more);
    }
    texts.join(", ")
}

fn lists_sentence(entry: &Entry) -> String {
    let names: Vec<&str> = entry.lists.iter().map(|list| &*list.name).collect();
    format!(
        "Nobody has published what is sent; it is on {}.",
        if names.len() > 5 {
            format!("{} block lists", names.len())
        } else {
            join(&names)
        }
    )
}

fn side_effects(entry: &Entry) -> String {
    let effects = entry.breaks.iter().map(|one| {
        let severity = match one.severity {
            Severity::None | Severity::Unknown => String::new(),
            _ => format!(" ({})", one.severity_text),
        };
        let disputed = if one.disputed { ", disputed" } else { "" };
        format!("{}{severity}{disputed}", one.what)
    });
    let effects: Vec<String> = effects.collect();
    finished(&format!("If blocked: {}", effects.join("; ")))
}

fn join(texts: &[&str]) -> String {
    match texts {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

fn finished(text: &str) -> String {
    let ends = text.ends_with(['.', '!', '?']);
    format!("{text}{}", if ends { "" } else { "." })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_joined_as_people_do() {
        assert_eq!(join(&["one"]), "one");
        assert_eq!(join(&["one", "two"]), "one and two");
        assert_eq!(join(&["one", "two", "three"]), "one, two and three");
    }

    #[test]
    fn a_sentence_ends_once() {
        assert_eq!(finished("Nothing reported"), "Nothing reported.");
        assert_eq!(finished("Nothing reported."), "Nothing reported.");
    }
}
