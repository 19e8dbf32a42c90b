//! P14: what people read is plain words. Texts go to the dashboard and to terminals.

use super::super::finding::Code;
use super::super::plain::{markup_fault, sentence_fault};
use super::super::read::Lined;
use super::super::written::Written;
use super::{Linted, Notes};

pub(super) fn check(one: &Linted, notes: &mut Notes) {
    let words = sentences(&one.written).into_iter();
    let words = words.map(|text| (text, sentence_fault(&text.value)));
    let places = places(&one.written).into_iter();
    let places = places.map(|text| (text, markup_fault(&text.value)));
    for (text, fault) in words.chain(places) {
        if let Some(fault) = fault {
            let message = format!("{:?} {fault}; write plain words", text.value);
            notes.add(Code::P14, one, text.line, message);
        }
    }
}

/// Texts in our own words.
fn sentences(written: &Written) -> Vec<&Lined<String>> {
    let mut all = vec![&written.name, &written.summary];
    for component in &written.components {
        all.push(&component.name);
        all.extend(&component.opt_out);
    }
    for entry in &written.entries {
        all.extend(&entry.note);
        all.extend(entry.evidence.iter().filter_map(|one| one.when.as_ref()));
        all.extend(entry.breaks.iter().map(|one| &one.what));
    }
    all
}

/// Where something was seen: may be an address.
fn places(written: &Written) -> Vec<&Lined<String>> {
    let evidence = written.entries.iter().flat_map(|entry| &entry.evidence);
    let breaks = written.entries.iter().flat_map(|entry| &entry.breaks);
    let breaks = breaks.filter_map(|one| one.place.as_ref());
    evidence.map(|one| &one.place).chain(breaks).collect()
}
