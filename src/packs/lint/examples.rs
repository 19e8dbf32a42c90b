//! P24: `tests/<id>.toml` names what must be blocked, watched and let through when every pack is
//! set to block at level standard.

use super::super::finding::Code;
use super::super::format::Level;
use super::super::read::{File, Lined};
use super::super::shape::Shape;
use super::super::{Action, Entry, Files, Pack, Packs};
use super::Notes;

/// Names are looked up only if the packs are whole.
pub(super) fn check(files: &Files, packs: &Packs, is_whole: bool, notes: &mut Notes) {
    for (label, text) in files.examples() {
        let file = File::new(&label, text);
        let id = label.rsplit('/').next().unwrap_or_default();
        let id = id.trim_end_matches(".toml");
        if !files.pack_ids().any(|known| known == id) {
            file.refuse(1, Code::P24, "there is no pack of this name".to_owned());
        }
        if let Some(mut root) = file.root() {
            root.schema();
            for wanted in [Wanted::Block, Wanted::Watch, Wanted::Resolve] {
                let names = root.texts(wanted.key(), &Shape::DOMAIN);
                for name in names.iter().filter(|_| is_whole) {
                    check_name(&file, packs, name, wanted);
                }
            }
            root.finish();
        }
        notes.0.extend(file.into_findings());
    }
}

/// What an example asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Block,
    Watch,
    /// Not blocked.
    Resolve,
}

impl Wanted {
    fn key(self) -> &'static str {
        match self {
            Self::Block => "must_block",
            Self::Watch => "must_watch",
            Self::Resolve => "must_resolve",
        }
    }

    fn fits(self, action: Option<Action>) -> bool {
        match self {
            Self::Block => matches!(action, Some(Action::Block { .. })),
            Self::Watch => action == Some(Action::Watch),
            Self::Resolve => !matches!(action, Some(Action::Block { .. })),
        }
    }
}

fn check_name(file: &File<'_>, packs: &Packs, name: &Lined<String>, wanted: Wanted) {
    let found = packs.find(&name.value, Level::Standard);
    if !wanted.fits(found.map(|(_, entry)| entry.action)) {
        let cause = describe(packs, found);
        let message = format!("{}: `{}`: {cause}", wanted.key(), name.value);
        file.refuse(name.line, Code::P24, message);
    }
}

fn describe(packs: &Packs, found: Option<(&Pack, &Entry)>) -> String {
    let Some((pack, entry)) = found else {
        return "no entry covers it at level standard".to_owned();
    };
    format!(
        "the entry `{}` decides: {} ({}:{})",
        entry.written(),
        entry.action.as_str(),
        packs.file(pack),
        entry.line
    )
}
