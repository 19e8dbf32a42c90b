//! From a pack as written to a pack in use: words looked up, families expanded, texts shared.

use std::collections::HashSet;
use std::sync::Arc;

use super::expand::expand;
use super::finding::{Code, Finding};
use super::format::Confidence;
use super::names;
use super::read::{Lined, nearest};
use super::sources::{List, Source, Sources};
use super::vocabulary::{Purpose, Vocabulary};
use super::written::{Written, WrittenBreak, WrittenEntry, WrittenEvidence};
use super::{Break, Component, Entry, Evidence, Facts, Pack};

/// What packs refer to.
#[derive(Debug, Default)]
pub(super) struct Registry {
    pub vocabulary: Vocabulary,
    pub sources: Sources,
}

/// Compiles packs one after the other, so that equal texts are kept once.
pub(super) struct Compiler<'r> {
    registry: &'r Registry,
    texts: HashSet<Arc<str>>,
    findings: Vec<Finding>,
    /// The file being compiled.
    file: String,
}

impl<'r> Compiler<'r> {
    /// A compiler for packs that refer to these words and sources.
    pub fn new(registry: &'r Registry) -> Self {
        Self {
            registry,
            texts: HashSet::new(),
            findings: Vec::new(),
            file: String::new(),
        }
    }

    /// What was found wrong.
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Compiles one pack; entries with something wrong are left out.
    pub fn compile(&mut self, written: &Written) -> Pack {
        self.file.clone_from(&written.file);
        for domain in &written.owner_domains {
            if let Some(fault) = names::fault(&domain.value) {
                let message = format!("owner domain `{}` {fault}", domain.value);
                self.refuse(domain.line, Code::P16, message);
            }
        }
        let components: Vec<Arc<Component>> = written
            .components
            .iter()
            .map(|component| {
                Arc::new(Component {
                    id: component.id.value.as_str().into(),
                    name: component.name.value.as_str().into(),
                    packages: component
                        .packages
                        .iter()
                        .map(|p| p.value.as_str().into())
                        .collect(),
                    opt_out: component
                        .opt_out
                        .as_ref()
                        .map(|text| text.value.as_str().into()),
                })
            })
            .collect();
        let mut entries = Vec::new();
        for entry in &written.entries {
            entries.extend(self.entries(entry, &components).unwrap_or_default());
        }
        entries.sort_by(|a: &Entry, b| (&*a.domain, a.scope).cmp(&(&*b.domain, b.scope)));
        let texts =
            |from: &[Lined<String>]| from.iter().map(|text| text.value.as_str().into()).collect();
        Pack {
            id: written.id.value.as_str().into(),
            name: written.name.value.as_str().into(),
            summary: written.summary.value.as_str().into(),
            kind: written.kind,
            owner_domains: texts(&written.owner_domains),
            see_also: texts(&written.see_also),
            reviewed: written.reviewed.value,
            components: components.into(),
            entries: entries.into(),
        }
    }

    /// The names of one entry; `None` if something is wrong with it.
    fn entries(
        &mut self,
        entry: &WrittenEntry,
        components: &[Arc<Component>],
    ) -> Option<Vec<Entry>> {
        let facts = self.facts(entry, components);
        let domains = self.domains(entry);
        let facts = Arc::new(facts?);
        let domains = domains?.into_iter().map(|domain| Entry {
            domain: domain.into(),
            facts: Arc::clone(&facts),
        });
        Some(domains.collect())
    }

    fn domains(&mut self, entry: &WrittenEntry) -> Option<Vec<String>> {
        let line = entry.domain.line;
        let domains = match expand(entry) {
            Ok(domains) => domains,
            Err(faults) => {
                for fault in faults {
                    self.refuse(line, Code::P07, fault);
                }
                return None;
            }
        };
        let fault = domains
            .iter()
            .find_map(|domain| Some((domain, names::fault(domain)?)));
        if let Some((domain, fault)) = fault {
            self.refuse(line, Code::P16, format!("`{domain}` {fault}"));
            return None;
        }
        Some(domains)
    }

    fn facts(&mut self, entry: &WrittenEntry, components: &[Arc<Component>]) -> Option<Facts> {
        let purposes = self.purposes(entry);
        let component = entry.component.as_ref();
        let component = component.map(|word| self.component(word, components));
        let lists = self.lists(entry);
        let mut evidence = Vec::new();
        for written in &entry.evidence {
            evidence.push(self.evidence(written));
        }
        let mut breaks = Vec::new();
        for written in &entry.breaks {
            breaks.push(self.breakage(written));
        }
        let lists: Box<[Arc<List>]> = lists?;
        let evidence: Box<[Evidence]> = evidence.into_iter().collect::<Option<_>>()?;
        Some(Facts {
            pattern: (!entry.expand.is_empty()).then(|| entry.domain.value.as_str().into()),
            scope: entry.scope,
            action: entry.action,
            purposes: purposes?,
            component: match component {
                Some(found) => Some(found?),
                None => None,
            },
            regions: entry.regions.as_slice().into(),
            note: entry.note.as_ref().map(|note| note.value.as_str().into()),
            retired: entry.retired.map(|date| date.value),
            breaks: breaks.into_iter().collect::<Option<_>>()?,
            confidence: confidence(&evidence, &lists),
            lists,
            evidence,
            line: entry.domain.line,
        })
    }

    fn purposes(&mut self, entry: &WrittenEntry) -> Option<Box<[Arc<Purpose>]>> {
        let known = &self.registry.vocabulary.purposes;
        let mut found = Vec::new();
        for word in &entry.purposes {
            let purpose = known.get(&word.value).cloned();
            if purpose.is_none() {
                self.unknown(word.line, "purpose", &word.value, known.keys());
            }
            found.push(purpose);
        }
        found.into_iter().collect()
    }

    fn lists(&mut self, entry: &WrittenEntry) -> Option<Box<[Arc<List>]>> {
        let known = &self.registry.sources.lists;
        let mut found = Vec::new();
        for word in &entry.lists {
            let list = known.get(&word.value).cloned();
            if list.is_none() {
                self.unknown(word.line, "list", &word.value, known.keys());
            }
            found.push(list);
        }
        found.into_iter().collect()
    }

    fn component(
        &mut self,
        word: &Lined<String>,
        components: &[Arc<Component>],
    ) -> Option<Arc<Component>> {
        let found = components
            .iter()
            .find(|component| *component.id == word.value);
        if found.is_none() {
            let message = format!("`{}` is no [[component]] of this pack", word.value);
            self.refuse(word.line, Code::P06, message);
        }
        found.cloned()
    }

    fn evidence(&mut self, written: &WrittenEvidence) -> Option<Evidence> {
        let vocabulary = &self.registry.vocabulary;
        let source = self.source(&written.source);
        let kind = vocabulary.kinds.get(&written.kind.value).cloned();
        if kind.is_none() {
            let known = vocabulary.kinds.keys();
            self.unknown(
                written.kind.line,
                "kind of evidence",
                &written.kind.value,
                known,
            );
        }
        let mut data = Vec::new();
        for word in &written.data {
            let found = vocabulary.data.get(&word.value).cloned();
            if found.is_none() {
                self.unknown(
                    word.line,
                    "kind of data",
                    &word.value,
                    vocabulary.data.keys(),
                );
            }
            data.push(found);
        }
        let (source, kind) = (source?, kind?);
        if !source.kinds.contains(&kind.id) {
            let message = format!(
                "source `{}` cannot give `{}`; it gives {}",
                source.id,
                kind.id,
                source.kinds.join(", ")
            );
            self.refuse(written.kind.line, Code::P09, message);
        }
        Some(Evidence {
            source,
            kind,
            place: self.share(&written.place.value),
            seen: written.seen,
            data: data.into_iter().collect::<Option<_>>()?,
            when: written.when.as_ref().map(|when| self.share(&when.value)),
        })
    }

    fn breakage(&mut self, written: &WrittenBreak) -> Option<Break> {
        let source = match &written.source {
            Some(word) => Some(self.source(word)?),
            None => None,
        };
        let severity = written.severity.value;
        Some(Break {
            what: self.share(&written.what.value),
            severity,
            severity_text: self.share(self.registry.vocabulary.severity(severity)),
            disputed: written.disputed,
            source,
            place: written.place.as_ref().map(|place| self.share(&place.value)),
        })
    }

    fn source(&mut self, word: &Lined<String>) -> Option<Arc<Source>> {
        let found = self.registry.sources.sources.get(&word.value).cloned();
        if found.is_none() {
            let known = self.registry.sources.sources.keys();
            let message = unknown("source", &word.value, known);
            self.refuse(word.line, Code::P09, message);
        }
        found
    }

    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.texts.get(text) {
            return Arc::clone(shared);
        }
        let shared: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&shared));
        shared
    }

    fn unknown<'k>(
        &mut self,
        line: u32,
        what: &str,
        word: &str,
        known: impl Iterator<Item = &'k String>,
    ) {
        self.refuse(line, Code::P08, unknown(what, word, known));
    }

    fn refuse(&mut self, line: u32, code: Code, message: String) {
        self.findings.push(Finding {
            file: self.file.clone(),
            line,
            code,
            message,
        });
    }
}

fn unknown<'k>(what: &str, word: &str, known: impl Iterator<Item = &'k String>) -> String {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let file = match what {
        "source" | "list" => "sources.toml",
        _ => "vocab.toml",
    };
    nearest(word, &known).map_or_else(
        || format!("unknown {what} `{word}`; {file} has all that exist"),
        |near| format!("unknown {what} `{word}`; did you mean `{near}`?"),
    )
}

fn confidence(evidence: &[Evidence], lists: &[Arc<List>]) -> Confidence {
    let best = evidence.iter().map(|one| one.kind.rank).min();
    best.unwrap_or_else(|| {
        let families: HashSet<&str> = lists.iter().map(|list| &*list.family).collect();
        if families.len() >= 3 {
            Confidence::D
        } else {
            Confidence::E
        }
    })
}
