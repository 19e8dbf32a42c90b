//! P24: `tests/<id>.toml` names what a pack must block, watch and let through when it is set to
//! block at level standard; what must resolve must do so with all packs on, too.

use super::super::finding::Code;
use super::super::format::Level;
use super::super::read::{File, Lined};
use super::super::shape::Shape;
use super::super::{Action, Entry, Files, Pack, Packs};
use super::Notes;

pub(super) fn check(files: &Files, packs: &Packs, notes: &mut Notes) {
    for (label, text) in files.examples() {
        let file = File::new(&label, text);
        let id = label.rsplit('/').next().unwrap_or_default();
        let pack = packs.pack(id.trim_end_matches(".toml"));
        if pack.is_none() {
            let message = "there is no pack of this name".to_owned();
            file.refuse(1, Code::P24, message);
        }
        if let (Some(mut root), Some(pack)) = (file.root(), pack) {
            root.schema();
            for wanted in [Wanted::Block, Wanted::Watch, Wanted::Resolve] {
                for name in root.texts(wanted.key(), &Shape::DOMAIN) {
                    check_name(&file, (packs, pack), &name, wanted);
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

fn check_name(
    file: &File<'_>,
    (packs, pack): (&Packs, &Pack),
    name: &Lined<String>,
    wanted: Wanted,
) {
    let alone = pack.find(&name.value, Level::Standard);
    let alone = alone.map(|entry| (pack, entry));
    let with_all = packs.find(&name.value, Level::Standard);
    let cases = [
        ("with this pack alone", alone),
        ("with all packs", with_all),
    ];
    let cases = cases
        .iter()
        .take(if wanted == Wanted::Resolve { 2 } else { 1 });
    for (when, found) in cases {
        if !wanted.fits(found.map(|(_, entry)| entry.action)) {
            let cause = describe(packs, *found);
            let message = format!("{}: `{}`: {when}, {cause}", wanted.key(), name.value);
            file.refuse(name.line, Code::P24, message);
            return;
        }
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
