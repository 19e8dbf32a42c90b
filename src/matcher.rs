//! Which rules cover a name.
//!
//! Rules are compiled once into a [`Compiled`], which never changes: millions of them from lists in
//! a file that is mapped, and on top of it, in memory, the packs and what people set themselves.
//! [`Live`] holds the pair in force and swaps it whole. A look-up hashes each suffix of the name
//! and probes one cache line for each: no allocation, no lock. Start at [`Matcher::find`].

mod addresses;
mod cancelled;
mod compile;
mod compiled;
mod depths;
mod file;
mod filter;
mod groups;
mod hash;
mod image;
mod layer;
mod live;
mod patterns;
mod question;
pub mod rule;
mod scope;
mod source;
mod table;

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use compile::{CompileError, Compiler};
pub use compiled::{Compiled, Placed, Says};
use depths::Depths;
pub use file::{FileError, Overlap};
use filter::Key;
pub use groups::Names;
pub use image::write;
use layer::{Layer, Suffix};
pub use live::{Live, Rules};
pub use question::{Named, Nobody, Question, Who};
pub use rule::Reach;
pub use scope::Scope;
pub use source::{Order, Rank, Source};

use crate::query::{Match, Name};

/// The bit of a match that marks rules on top.
const TOP: u32 = 1 << 31;
/// Sources on top are numbered from here.
const TOP_SOURCES: u32 = 1 << 16;

/// What a plain rule wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Want {
    /// Let it through, whatever others say.
    Allow,
    /// Leave it to other sources, whatever its own says of names above.
    Leave,
    /// Let it through, and mark it.
    Watch,
    /// Answer it here, as the config says.
    Block,
    /// Answer that there is no such name.
    BlockNxdomain,
    /// Answer with nothing.
    BlockNodata,
    /// Refuse.
    BlockRefused,
    /// Do not answer.
    Drop,
}

/// What plain rules of a source say, beside their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct What {
    /// How far it reaches.
    pub reach: Reach,
    /// What it wants.
    pub want: Want,
    /// Whether it beats rules without this mark.
    pub important: bool,
}

/// The rules in force: those of lists, and on top of them packs and people's own.
#[derive(Debug)]
pub struct Matcher {
    generation: u32,
    base: Arc<Compiled>,
    top: Arc<Compiled>,
    /// Whether all rules are for names: no patterns, none for every name.
    has_only_names: bool,
    /// How many labels the names have that have rules.
    depths: Depths,
    scope: Scope,
}

/// A rule that covers what was asked.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// Where it stands in the rules.
    pub place: u32,
    /// A number for its source, in the order of sources; lists come before packs.
    pub source_at: u32,
    /// How specific it is: more is more.
    pub spot: u16,
    /// Whether it only says that the name above which it stands is there by itself, which ends
    /// wildcards above it ([`Order::Zone`]).
    pub closes: bool,
    /// The rule.
    pub rule: Placed<'a>,
}

impl Default for Matcher {
    fn default() -> Self {
        let nothing = || Arc::new(compiled(|_| {}));
        Self::new(nothing(), nothing())
    }
}

/// Compiles rules in memory, for few of them.
pub fn compiled(add: impl FnOnce(&mut Compiler)) -> Compiled {
    compiled_with(0, add)
}

/// The same with a seed, which has to be that of the rules that these stand on.
pub fn compiled_with(seed: u64, add: impl FnOnce(&mut Compiler)) -> Compiled {
    let mut compiler = Compiler::new(seed);
    add(&mut compiler);
    let bytes = compiler.finish("").expect("a few rules have few lines");
    Compiled::from_bytes(bytes).expect("what was just compiled is whole")
}

impl Matcher {
    /// Puts rules together. Both have to be compiled with the same seed: names are hashed once.
    pub fn new(base: Arc<Compiled>, top: Arc<Compiled>) -> Self {
        debug_assert_eq!(base.seed(), top.seed(), "names are hashed once for both");
        Self {
            generation: 0,
            has_only_names: base.has_only_names() && top.has_only_names(),
            depths: base.depths() | top.depths(),
            base,
            top,
            scope: Scope::default(),
        }
    }

    /// The same for one group of devices.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// Whether a rule counts for some devices or groups only.
    pub fn is_particular(&self, rule: &Placed<'_>) -> bool {
        match rule.source.rank {
            Rank::Pack => self.scope.has_own_packs,
            Rank::List | Rank::WatchList | Rank::AllowList => {
                self.scope.is_particular(rule.source_at)
            }
            Rank::Group => true,
            Rank::Own => match rule.says {
                Says::Plain { .. } => false,
                Says::Rule(rule) => rule.limits.name_devices(),
            },
        }
    }

    /// Calls `visit` with each rule that covers what is asked and counts for it, those for longer
    /// names first, then patterns, then rules for every name.
    pub fn find<'s>(&'s self, question: &Question<'_>, visit: &mut dyn FnMut(Hit<'s>)) {
        if self.has_only_names {
            return self.find_names(question, visit);
        }
        for layer in self.layers() {
            for &place in layer.table.for_devices() {
                layer.visit((place, u16::MAX), question, visit);
            }
        }
        self.find_names(question, visit);
        for layer in self.layers() {
            if !layer.table.patterns().is_empty() {
                layer.table.patterns().find(question.text(), &mut |place| {
                    layer.visit((place, 1), question, visit);
                });
            }
            for &place in layer.table.everywhere() {
                layer.visit((place, 0), question, visit);
            }
        }
    }

    fn find_names<'s>(&'s self, question: &Question<'_>, visit: &mut dyn FnMut(Hit<'s>)) {
        let (base, top) = (self.base.filter(), self.top.filter());
        hash::with_suffixes(question.name, self.base.seed(), |hashes, _| {
            for depth in self.depths.of_suffixes(hashes.len()) {
                let Some(&hash) = hashes.get(depth) else {
                    return;
                };
                let key = Key::new(hash);
                let suffix = Suffix {
                    hash,
                    labels: hashes.len() - depth,
                    is_whole: depth == 0,
                };
                if key.may_be_in(base) {
                    self.base_layer().find_suffix(suffix, question, visit);
                }
                if key.may_be_in(top) {
                    self.top_layer().find_suffix(suffix, question, visit);
                }
            }
        });
    }

    /// Calls `visit` with each rule for an address in an answer; `question` is what was asked, with
    /// the address's type.
    pub fn find_address<'s>(
        &'s self,
        address: IpAddr,
        question: &Question<'_>,
        visit: &mut dyn FnMut(Hit<'s>),
    ) {
        // A rule with names that it spares says nothing of addresses.
        let mut visit = |hit: Hit<'s>| {
            if hit.rule.excepts_nothing() {
                visit(hit);
            }
        };
        for layer in self.layers() {
            // More labels than the longest prefix would have: the smallest network decides.
            for (at, place) in layer.table.addresses(address).enumerate() {
                let spot = 512_u16.saturating_sub(u16::try_from(at).unwrap_or(512));
                layer.visit((place, spot), question, &mut visit);
            }
            if layer.table.patterns().is_empty() {
                continue;
            }
            let text = address.to_string();
            layer.table.patterns().find(text.as_bytes(), &mut |place| {
                let rule = layer.table.rule(place);
                if rule.is_some_and(|rule| rule.source.reads_addresses) {
                    layer.visit((place, 1), question, &mut visit);
                }
            });
        }
    }

    /// Whether any rule looks at addresses in answers.
    pub fn has_addresses(&self) -> bool {
        self.base.has_addresses() || self.top.has_addresses()
    }

    /// Whether any rule counts for some devices only.
    pub fn differs_by_device(&self) -> bool {
        self.base.differs_by_device() || self.top.differs_by_device()
    }

    fn layers(&self) -> [Layer<'_>; 2] {
        [self.base_layer(), self.top_layer()]
    }

    fn base_layer(&self) -> Layer<'_> {
        Layer {
            table: &self.base,
            mark: 0,
            first_source: 0,
            scope: Some(&self.scope).filter(|scope| !scope.muted.is_empty()),
        }
    }

    fn top_layer(&self) -> Layer<'_> {
        Layer {
            table: &self.top,
            mark: TOP,
            first_source: TOP_SOURCES,
            scope: None,
        }
    }

    /// A hit as it is passed on.
    pub fn matched(&self, hit: &Hit<'_>) -> Match {
        Match {
            generation: self.generation,
            rule: hit.place,
        }
    }

    /// The rule that a match of this generation points at.
    pub fn rule(&self, matched: Match) -> Option<Placed<'_>> {
        if matched.generation != self.generation {
            return None;
        }
        let table = if matched.rule & TOP == 0 {
            &self.base
        } else {
            &self.top
        };
        table.rule(matched.rule & !TOP)
    }

    /// The suffix of `name` that the rule of a match is for, if it is one.
    pub fn suffix_of(&self, matched: Match, name: &Name) -> Option<Name> {
        let (place, table) = if matched.rule & TOP == 0 {
            (matched.rule, &self.base)
        } else {
            (matched.rule & !TOP, &self.top)
        };
        hash::with_suffixes(name, table.seed(), |hashes, starts| {
            let mut pairs = hashes.iter().zip(starts);
            let (_, &start) =
                pairs.find(|(hash, _)| table.places(**hash).any(|here| here == place))?;
            Name::from_wire(name.as_wire().get(usize::from(start)..)?).ok()
        })
    }

    /// The rules of lists.
    pub fn base(&self) -> &Arc<Compiled> {
        &self.base
    }

    /// The rules of packs and people.
    pub fn top(&self) -> &Arc<Compiled> {
        &self.top
    }

    /// The number that [`Live`] gave it.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// How many names and patterns have rules.
    pub fn len(&self) -> usize {
        self.base.len() + self.top.len()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.base.is_empty() && self.top.is_empty()
    }
}

#[cfg(test)]
mod tests;
