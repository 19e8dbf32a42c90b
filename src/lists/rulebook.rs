//! All rules in force, and the ways to change them: lists, packs, people's own.
//!
//! Lists are compiled into a file that is mapped; packs and people's own rules stand on top in
//! memory, so that a click need not compile a million names. Both are swapped whole.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::refresh::Compile;
use super::{Groups, ListSource, OwnRule, Report, compile};
use crate::matcher::{self, Compiled, Live, Overlap};
use crate::packs::Packs;

/// All rules in force.
pub struct Rulebook {
    live: Arc<Live>,
    packs: Arc<Packs>,
    seed: u64,
    parts: Mutex<Parts>,
}

/// What the rules in force are made of.
struct Parts {
    base: Arc<Compiled>,
    groups: Groups,
    own: Vec<OwnRule>,
}

/// How many names a list has by itself, and shares with others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// Names that no other has.
    pub only_here: u64,
    /// By the other's origin: names that both have.
    pub also_in: Vec<(String, u64)>,
}

/// What the compiled lists are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Different names, and rules that are more than a name.
    pub unique: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Rulebook {
    /// The rules without lists, which are in force at once. `seed` should be random.
    pub fn new(
        live: Arc<Live>,
        packs: Arc<Packs>,
        (groups, own): (Groups, Vec<OwnRule>),
        seed: u64,
    ) -> Self {
        let base = Arc::new(matcher::compiled_with(seed, |_| {}));
        let book = Self {
            live,
            packs,
            seed,
            parts: Mutex::new(Parts { base, groups, own }),
        };
        book.put(&book.parts());
        book
    }

    /// Puts the lists in force that were so in the last run, whichever they were; `false` when there
    /// are none.
    pub fn reopen_last(&self, file: &Path) -> bool {
        let opened = Compiled::open(file);
        opened.map(|opened| self.put_base(opened)).is_ok()
    }

    /// Puts other groups in force, with their packs and lists.
    pub fn set_groups(&self, groups: Groups) {
        let mut parts = self.parts();
        parts.groups = groups;
        self.put(&parts);
    }

    /// Puts other rules of people's own in force.
    pub fn set_own(&self, own: Vec<OwnRule>) {
        let mut parts = self.parts();
        parts.own = own;
        self.put(&parts);
    }

    /// What the compiled lists are.
    pub fn size(&self) -> Size {
        let base = Arc::clone(&self.parts().base);
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Size {
            unique: count(base.len()),
            bytes: count(base.size()),
        }
    }

    /// What a list shares with others, and with packs.
    pub fn shared(&self, name: &str) -> Shared {
        let base = Arc::clone(&self.parts().base);
        let origin = format!("list:{name}");
        let at = base
            .sources()
            .iter()
            .position(|source| source.origin == origin);
        let at = at.and_then(|at| u16::try_from(at).ok());
        at.map(|at| shared(&base, at)).unwrap_or_default()
    }

    /// What a list that is not in force would share with those that are.
    pub fn shared_with(&self, draft: &Compiled) -> Shared {
        let base = Arc::clone(&self.parts().base);
        let (counts, alone) = base.overlap_with(draft);
        let names = base.sources().iter().map(|source| source.origin.clone());
        Shared {
            only_here: alone,
            also_in: most_first(names.zip(counts)),
        }
    }

    /// The key of hashes of the lists in force.
    pub fn seed(&self) -> u64 {
        self.parts().base.seed()
    }

    fn put(&self, parts: &Parts) {
        let rules = (&*self.packs, parts.own.as_slice());
        parts.groups.put(&self.live, rules, &parts.base);
    }

    fn put_base(&self, base: Compiled) {
        let mut parts = self.parts();
        parts.base = Arc::new(base);
        self.put(&parts);
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Compile for Rulebook {
    fn reopen(&self, file: &Path, tag: &str) -> bool {
        let opened = match Compiled::open(file) {
            Ok(opened) => opened,
            Err(error) => {
                if file.exists() {
                    tracing::warn!(%error, "the compiled lists cannot be used, and are made anew");
                }
                return false;
            }
        };
        if opened.tag() != tag {
            return false;
        }
        if !opened.is_sound() {
            tracing::warn!("the compiled lists are damaged, and are made anew");
            return false;
        }
        self.put_base(opened);
        true
    }

    fn is_damaged(&self) -> bool {
        self.parts().base.is_damaged()
    }

    fn compile(
        &self,
        lists: &[ListSource],
        (file, tag): (&Path, &str),
        begun: &mut dyn FnMut(usize),
    ) -> Result<Vec<Report>, String> {
        let compiled =
            compile(lists, (self.seed, tag), begun).map_err(|error| error.to_string())?;
        let base = match matcher::write(file, &compiled.bytes) {
            Ok(()) => {
                // The mapped file takes the place of the bytes.
                drop(compiled.bytes);
                Compiled::open(file)
            }
            Err(error) => {
                tracing::warn!(%error, "the compiled lists cannot be written, and stay in memory");
                Compiled::from_bytes(compiled.bytes)
            }
        };
        self.put_base(base.map_err(|error| error.to_string())?);
        Ok(compiled.reports)
    }
}

fn shared(base: &Compiled, at: u16) -> Shared {
    let overlap: &Overlap = base.overlap();
    let others = overlap.shared.iter().filter_map(|(&(one, other), &count)| {
        let other = match (one == at, other == at) {
            (true, _) => other,
            (_, true) => one,
            _ => return None,
        };
        let source = base.sources().get(usize::from(other))?;
        Some((source.origin.clone(), count))
    });
    Shared {
        only_here: overlap.only_here.get(usize::from(at)).copied().unwrap_or(0),
        also_in: most_first(others),
    }
}

fn most_first(counts: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    counts
}
