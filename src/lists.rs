//! From what is known of names to the rules that are in force.
//!
//! Lists of others are read by [`read`], each dialect in its file, all come down to one
//! [`crate::matcher::rule::Rule`], and [`compile`] makes a file of them. Packs and people's own
//! rules stand on [`top`]: each entry of a pack becomes a rule, or none, by what people chose for
//! the pack and by the level of evidence that they want.

mod adblock;
mod compile;
mod dnsmasq;
mod domains;
mod format;
mod found;
mod hostname;
mod hosts;
mod linear;
mod own;
mod pihole;
mod plain;
mod read;
mod rpz;

mod top;
mod unbound;
mod wildcard;

pub use format::{Decision, Format};
pub use found::{Counts, Problem, Role, Skip};
pub use own::{own_rule, own_rules};
pub use read::{List, Reading, Report, parse, read};

pub use compile::{Compilation, CompileError, ListSource, add, compile};
pub use top::{OwnRule, effective, top, without_lists};
