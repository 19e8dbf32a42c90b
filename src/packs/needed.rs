//! Names that must work, and what happens where they do not.

use std::sync::LazyLock;

use super::folder::Files;
use super::never::NeverBlock;
use super::{Action, Packs};

/// A name that must work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// The name.
    pub name: Box<str>,
    /// What breaks where it is blocked, in words.
    pub breaks: Box<str>,
}

/// The names of `never-block.toml` inside the binary.
static NEVER: LazyLock<Box<[Needed]>> = LazyLock::new(|| {
    let files = Files::builtin();
    let Some((label, text)) = files.text("never-block.toml") else {
        return Box::default();
    };
    // What is wrong in it is told to those who write packs.
    let never = NeverBlock::read(&label, text, &mut Vec::new());
    let needed = never.into_names().map(|(name, why)| Needed {
        name: name.into(),
        breaks: why.into(),
    });
    needed.collect()
});

impl Packs {
    /// Names that must work: those that packs let through, and those that no pack may block.
    pub fn needed(&self) -> Vec<Needed> {
        let entries = self.packs().iter().flat_map(|pack| &pack.entries);
        let kept = entries.filter(|entry| entry.action == Action::Allow && entry.retired.is_none());
        let told = kept.filter_map(|entry| {
            let one = entry.breaks.first()?;
            Some(Needed {
                name: entry.domain.clone(),
                breaks: format!("{} ({})", one.what, one.severity_text).into(),
            })
        });
        let mut all: Vec<Needed> = told.chain(NEVER.iter().cloned()).collect();
        // What a pack says of a name says more than why no pack may block it.
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|later, first| later.name == first.name);
        all
    }
}
