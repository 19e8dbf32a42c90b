//! All rules in force, and the ways to change them: lists, packs, people's own.
//!
//! Lists are compiled into a file that is mapped; packs and people's own rules stand on top in
//! memory, so that a click need not compile a million names. Both are swapped whole.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::refresh::Compile;
use super::{Groups, LeftOut, ListSource, OwnRule, Report, Watch, compile};
use crate::config::Moment;
use crate::matcher::{self, Compiled, Live, Names, Overlap};
use crate::packs::Packs;

/// All rules in force.
pub struct Rulebook {
    live: Arc<Live>,
    packs: Arc<Packs>,
    seed: u64,
    parts: Mutex<Parts>,
    /// Told when groups change.
    regrouped: Notify,
}

/// What the rules in force are made of.
struct Parts {
    base: Arc<Compiled>,
    groups: Groups,
    own: Vec<OwnRule>,
    /// What each group does for now, by its schedules.
    moments: Vec<Moment>,
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
        let parts = Parts {
            base,
            moments: groups.moments(Timestamp::now()),
            groups,
            own,
        };
        let book = Self {
            live,
            packs,
            seed,
            parts: Mutex::new(parts),
            regrouped: Notify::new(),
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
        parts.moments = groups.moments(Timestamp::now());
        let renamed = std::mem::take(&mut parts.groups.renamed);
        parts.groups = Groups { renamed, ..groups };
        self.put(&parts);
        self.regrouped.notify_one();
    }

    /// A list has another name from now on, and groups will call it by that.
    pub fn rename_list(&self, before: &str, name: &str) {
        self.parts().groups.rename(before, name);
    }

    /// Returns once groups have changed since it was last called.
    pub async fn regrouped(&self) {
        self.regrouped.notified().await;
    }

    /// What each group does for now, by its schedules.
    pub fn moments(&self) -> Vec<Moment> {
        self.parts().moments.clone()
    }

    /// Puts in force what schedules say of this moment, whatever they said before. Tells when they
    /// next say something else; `None` = never.
    pub fn keep_time(&self, now: Timestamp) -> Option<Timestamp> {
        let mut parts = self.parts();
        let moments = parts.groups.moments(now);
        if moments != parts.moments {
            parts.moments = moments;
            self.put(&parts);
        }
        parts.groups.next_change(now)
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

    /// What a list with these names, which is not in force, would share with those that are.
    pub fn shared_with(&self, names: &Names) -> Shared {
        let base = Arc::clone(&self.parts().base);
        let (counts, alone) = base.overlap_with(names);
        let origins = base.sources().iter().map(|source| source.origin.clone());
        Shared {
            only_here: alone,
            also_in: most_first(origins.zip(counts)),
        }
    }

    /// The key of hashes of the lists in force.
    pub fn seed(&self) -> u64 {
        self.parts().base.seed()
    }

    fn put(&self, parts: &Parts) {
        let rules = (&*self.packs, parts.own.as_slice());
        let lists = (&parts.base, parts.moments.as_slice());
        parts.groups.put(&self.live, rules, lists);
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

    fn rest(&self) {
        self.live.rest();
    }

    fn compile(
        &self,
        lists: &[ListSource],
        (file, tag): (&Path, &str),
        watch: &mut dyn Watch,
    ) -> Result<Vec<Result<Report, LeftOut>>, String> {
        // The names that were noted by now are those that are compiled.
        let renamed = self.parts().groups.renamed.clone();
        let compiled =
            compile(lists, (self.seed, tag), watch).map_err(|error| error.to_string())?;
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
        let base = base.map_err(|error| error.to_string())?;
        let mut parts = self.parts();
        parts.groups.forget_names(&renamed);
        parts.base = Arc::new(base);
        self.put(&parts);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::matcher::Want;
    use crate::query::{GroupId, Name};

    const SCHOOL: &str = r#"
[[group]]
name = "kids"
[[group.schedule]]
days = ["fri"]
times = ["14:00-15:00", "20:00-06:00"]
zone = "Europe/Berlin"
packs = { default = "block" }
[[group.schedule]]
days = ["sat"]
zone = "Europe/Berlin"
action = "pause"
"#;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Whether a pack's name is blocked for children, and whether nothing is.
    fn judged(live: &Live) -> (bool, bool) {
        let rules = live.load();
        let kids = rules.of(GroupId(1));
        let name: Name = "tracking.miui.com.".parse().unwrap();
        let mut is_blocked = false;
        kids.top().at_name(&name.to_string(), &mut |rule| {
            is_blocked |= matches!(
                rule.says,
                matcher::Says::Plain {
                    want: Want::Block,
                    ..
                }
            );
        });
        (is_blocked, kids.is_paused())
    }

    #[test]
    fn schedules_are_in_force_from_the_moment_on_that_was_told_before() {
        let config = Config::from_text(SCHOOL, Path::new("config.toml"), &[]).unwrap();
        let live = Arc::new(Live::default());
        let packs = Arc::new(Packs::builtin().unwrap());
        let groups = Groups::of(&config);
        let book = Rulebook::new(Arc::clone(&live), packs, (groups, Vec::new()), 1);
        // 2026-11-20 is a Friday, and Berlin an hour ahead.
        let mut moment = Some(at("2026-11-20T12:00:00Z"));
        let mut told = Vec::new();
        for _ in 0..6 {
            let now = moment.unwrap();
            moment = book.keep_time(now);
            told.push((now.to_string(), judged(&live)));
        }
        let expected = [
            ("2026-11-20T12:00:00Z", (false, false)),
            ("2026-11-20T13:00:00Z", (true, false)),
            ("2026-11-20T14:00:00Z", (false, false)),
            ("2026-11-20T19:00:00Z", (true, false)),
            ("2026-11-20T23:00:00Z", (true, true)),
            ("2026-11-21T05:00:00Z", (false, true)),
        ];
        let told: Vec<_> = told
            .iter()
            .map(|(at, judged)| (at.as_str(), *judged))
            .collect();
        assert_eq!(told, expected);
        // The clock is set back to before.
        book.keep_time(at("2026-11-20T13:30:00Z"));
        assert_eq!(judged(&live), (true, false));
    }

    /// A list gets another name while it is compiled.
    struct Renaming<'a>(&'a Rulebook);

    impl Watch for Renaming<'_> {
        fn begins(&mut self, _: usize) {
            self.0.rename_list("games", "play");
        }

        fn has_read(&mut self, _: usize, _: &Report) {}
    }

    #[test]
    fn a_name_that_a_list_had_is_free_once_it_is_compiled_under_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("list.txt");
        std::fs::write(&text, "a.example\n").unwrap();
        let config = Config::default();
        let book = Rulebook::new(
            Arc::default(),
            Arc::new(Packs::default()),
            (Groups::of(&config), Vec::new()),
            1,
        );
        let list = |name: &str| ListSource {
            name: name.to_owned(),
            path: text.clone(),
            reading: super::super::Reading::default(),
        };
        book.rename_list("ads", "adverts");
        let renamed = || {
            let renamed = book.parts().groups.renamed.clone();
            renamed.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(renamed().len(), 1);
        let into = folder.path().join("compiled.rules");
        let lists = [list("adverts"), list("games")];
        book.compile(&lists, (&into, "tag"), &mut Renaming(&book))
            .unwrap();
        assert_eq!(renamed(), [("games".to_owned(), "play".to_owned())]);
    }

    #[test]
    fn rules_are_compiled_anew_only_where_a_schedule_says_something_else() {
        let config = Config::from_text(SCHOOL, Path::new("config.toml"), &[]).unwrap();
        let live = Arc::new(Live::default());
        let book = Rulebook::new(
            Arc::clone(&live),
            Arc::new(Packs::default()),
            (Groups::of(&config), Vec::new()),
            1,
        );
        book.keep_time(at("2026-11-20T12:00:00Z"));
        let generation = || live.load().of(GroupId(0)).generation();
        let before = generation();
        book.keep_time(at("2026-11-20T12:59:59Z"));
        assert_eq!(generation(), before);
        book.keep_time(at("2026-11-20T13:00:00Z"));
        assert!(generation() > before);
    }
}
