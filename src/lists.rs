//! From what is known of names to the rules that are in force.
//!
//! Lists of others are read by [`read()`], each dialect in its file, all come down to one
//! [`crate::matcher::rule::Rule`], and [`compile()`] makes a file of them. Packs and people's own
//! rules stand on [`top()`]: each entry of a pack becomes a rule, or none, by what people chose for
//! the pack and by the level of evidence that they want.

mod adblock;
mod compile;
pub mod declared;
mod dnsmasq;
mod domains;
mod draft;
mod fetch;
mod format;
mod found;
mod groups;
mod hostname;
mod hosts;
mod library;
mod linear;
mod own;
mod pihole;
mod plain;
mod read;
mod refresh;
mod rpz;
mod rulebook;
mod shelf;
mod standing;
mod subscription;
mod subscriptions;
mod top;
mod unbound;
mod wildcard;
mod work;

pub use compile::{Compilation, LeftOut, ListSource, Watch, add, compile};
pub use draft::Draft;
pub use fetch::{
    FetchError, Fetched, Fetcher, Fresh, Lookup, NamedBy, Terms, Transfer, Validators, copy,
};
pub use format::{Decision, Format};
pub use found::{Counts, Problem, Role, Skip};
pub use groups::Groups;
pub use library::{Library, SetRule};
pub use own::{own_rule, own_rules};
pub use pihole::regex as pihole_regex;
pub use read::{List, Reading, Report, parse, read};
pub use refresh::{Compile, Refresher};
pub use rulebook::{Rulebook, Shared, Size};
pub use shelf::{Judged, Shelf};
pub use standing::{Choice, Contents, Discarded, Failure, Held, ListCopy, Stamp, Standing};
pub use subscription::{Subscription, id, merged};
pub use subscriptions::{AllLists, ListStatus, Progress, Step, Subscriptions};
pub use top::{OwnRule, SCHEDULE, effective, top, without_lists};
