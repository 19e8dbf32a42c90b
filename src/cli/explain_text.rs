//! An explanation as text.

use super::say;
use crate::api::Explanation;
use crate::packs::{BreakInfo, EntryInfo, EvidenceInfo};

pub(super) fn print(explanation: &Explanation) {
    say(&format!(
        "{} {}: {}",
        explanation.name,
        explanation.kind,
        explanation.verdict.as_str()
    ));
    field("answer", &explanation.answer);
    if let Some(device) = &explanation.device {
        field("device", &device.name);
    }
    if let (Some(pack), Some(entry)) = (&explanation.pack, &explanation.entry) {
        field("pack", &format!("{} ({})", pack.name, pack.id));
        print_entry(entry);
    } else if let (Some(_), Some(one)) = (&explanation.source, explanation.covering.first()) {
        field("because", &format!("{}, {}", one.entry, one.place()));
    }
    say("");
    say("How it was decided");
    for step in &explanation.steps {
        say(&format!("  {}: {}", step.step, step.result));
    }
    if let Some(recent) = &explanation.recent {
        say("");
        say(&format!(
            "Asked {} times by {} devices in the last seven days, last at {}",
            recent.queries, recent.devices, recent.last_seen
        ));
    }
}

fn print_entry(entry: &EntryInfo) {
    let reach = if entry.scope == crate::packs::Scope::Exact {
        "the name alone"
    } else {
        "the name and all below it"
    };
    field(
        "entry",
        &format!("{} ({reach}), {}:{}", entry.domain, entry.file, entry.line),
    );
    if let Some(level) = entry.level {
        field("level", level.as_str());
    }
    field(
        "sure",
        &format!("{}, {}", entry.confidence.as_str(), entry.confidence_text),
    );
    let purposes: Vec<&str> = entry
        .purposes
        .iter()
        .map(|purpose| purpose.text.as_str())
        .collect();
    field("purpose", &purposes.join(", "));
    if let Some(component) = &entry.component {
        let packages = if component.packages.is_empty() {
            String::new()
        } else {
            format!(" ({})", component.packages.join(", "))
        };
        field("part", &format!("{}{packages}", component.name));
        field(
            "switch",
            component
                .opt_out
                .as_deref()
                .unwrap_or("none known in the device"),
        );
    }
    if let Some(note) = &entry.note {
        field("note", note);
    }
    print_evidence(&entry.evidence);
    if !entry.lists.is_empty() {
        let lists: Vec<&str> = entry.lists.iter().map(|list| list.name.as_str()).collect();
        field("lists", &lists.join(", "));
    }
    entry.breaks.iter().for_each(print_break);
}

fn print_evidence(evidence: &[EvidenceInfo]) {
    if evidence.is_empty() {
        field("collects", "nobody has measured it");
    }
    for one in evidence {
        let data: Vec<&str> = one.data.iter().map(|kind| kind.text.as_str()).collect();
        if !data.is_empty() {
            field("collects", &data.join(", "));
        }
        if let Some(when) = &one.when {
            field("when", when);
        }
        let year = one.seen.map(|year| format!(", {year}")).unwrap_or_default();
        field(
            "evidence",
            &format!("{}: {} ({}{year})", one.kind_text, one.title, one.place),
        );
        if let Some(address) = &one.address {
            field("", address);
        }
    }
}

fn print_break(one: &BreakInfo) {
    let disputed = if one.disputed { ", disputed" } else { "" };
    field(
        "breaks",
        &format!("{} ({}{disputed})", one.what, one.severity_text),
    );
}

fn field(label: &str, text: &str) {
    say(&format!("  {label:<9} {text}"));
}
