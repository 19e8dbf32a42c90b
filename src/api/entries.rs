//! From the journal's labels back to what the packs know.

use std::collections::BTreeMap;

use crate::journal::Counts;
use crate::packs::{DataInfo, DataKind, Entry, Pack, Packs, Scope};
use crate::query::EntryLabel;

/// The pack's id of an origin such as `pack:xiaomi`.
pub(super) fn pack_id(origin: &str) -> Option<&str> {
    origin.strip_prefix("pack:")
}

/// The origin of a pack's entries.
pub(super) fn origin(pack: &str) -> String {
    format!("pack:{pack}")
}

/// The label that the journal keeps of an entry.
pub(super) fn label(pack: &Pack, entry: &Entry) -> EntryLabel {
    let sign = match entry.scope {
        Scope::Exact => "=",
        Scope::Subtree => "",
    };
    EntryLabel {
        origin: origin(&pack.id),
        entry: format!("{sign}{}", entry.domain),
    }
}

/// The entry that a label speaks of, if the packs still have it.
pub(super) fn find<'a>(packs: &'a Packs, label: &EntryLabel) -> Option<(&'a Pack, &'a Entry)> {
    let pack = packs.pack(pack_id(&label.origin)?)?;
    let (scope, name) = match label.entry.strip_prefix('=') {
        Some(name) => (Scope::Exact, name),
        None => (Scope::Subtree, label.entry.as_str()),
    };
    let entry = pack
        .entries_of(name)
        .iter()
        .find(|entry| entry.scope == scope)?;
    Some((pack, entry))
}

/// What people read of a pack; its id where it is gone.
pub(super) fn pack_name(packs: &Packs, id: &str) -> String {
    packs
        .pack(id)
        .map_or_else(|| id.to_owned(), |pack| pack.name.to_string())
}

/// Queries that an entry wanted to stop: those that were let through and marked, and those that
/// were answered here.
pub(super) fn attempts(counts: Counts) -> u64 {
    counts.watch + counts.block
}

/// Kinds of data, each once, the most private first.
#[derive(Debug, Default)]
pub(super) struct DataKinds<'a, T = ()>(BTreeMap<(bool, &'a str), (&'a DataKind, T)>);

impl<'a, T: Default> DataKinds<'a, T> {
    /// What somebody saw being sent to an entry; `add` is called once for each kind.
    pub(super) fn add(&mut self, entry: &'a Entry, mut add: impl FnMut(&mut T)) {
        let kinds = entry.evidence.iter().flat_map(|evidence| &evidence.data);
        let mut seen: Vec<&str> = Vec::new();
        for kind in kinds {
            if !seen.contains(&&*kind.id) {
                seen.push(&kind.id);
                let found = self.0.entry((!kind.sensitive, &kind.id));
                add(&mut found.or_insert_with(|| (kind, T::default())).1);
            }
        }
    }

    /// The kinds as the API gives them, with what was added.
    pub(super) fn into_infos(self) -> impl Iterator<Item = (DataInfo, T)> {
        self.0
            .into_values()
            .map(|(kind, added)| (DataInfo::from(kind), added))
    }
}
