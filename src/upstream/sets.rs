//! Sets of servers that groups of devices have of their own: they come and go while queries are
//! asked.
//!
//! A server keeps its number for as long as the process runs, because the journal knows it by that.
//! A set keeps its own until all numbers are taken, because answers are held under it.

use std::sync::Arc;

use super::shared::{Known, Shared};
use crate::config::{MAX_SETS, ServerUrl};

/// An upstream's number is a byte.
const MOST_SERVERS: usize = 256;

/// The sets by their numbers, less one.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// How many pools of servers come before those of sets.
    pub before: usize,
    pub all: Vec<Set>,
}

/// A set of servers.
#[derive(Debug)]
pub(super) struct Set {
    pub urls: Vec<ServerUrl>,
    pub members: Vec<usize>,
    /// Whether a group has it.
    pub is_used: bool,
}

/// How sets are numbered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// For each group, the number of its set: 0 = the servers for all.
    pub of_groups: Vec<u8>,
    /// Whether a number stands for another set than before: what is held under it is wrong.
    pub is_reused: bool,
}

impl Shared {
    /// Takes the servers that each group has of its own now; a group that has none asks those for
    /// all.
    pub fn set_groups<'a>(&self, groups: impl Iterator<Item = &'a [ServerUrl]>) -> Numbers {
        let groups: Vec<&[ServerUrl]> = groups.collect();
        let mut sets = self.sets();
        for set in &mut sets.all {
            set.is_used = groups.contains(&&*set.urls);
        }
        let mut is_reused = false;
        let mut number = |urls: &[ServerUrl]| {
            if urls.is_empty() {
                return 0;
            }
            let at = sets.place_of(urls).or_else(|| {
                let members = self.numbers_of(urls)?;
                let (at, is_other) = sets.add(urls, members.clone())?;
                self.ranking().set_pool(sets.before + at, members);
                is_reused |= is_other;
                Some(at)
            });
            if at.is_none() {
                tracing::warn!(
                    "a group asks the servers for all until a restart: there were too many others"
                );
            }
            at.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(0)
        };
        let of_groups = groups.into_iter().map(&mut number).collect();
        Numbers {
            of_groups,
            is_reused,
        }
    }

    /// The server of this number, if there is one.
    pub(super) fn server(&self, number: usize) -> Option<Arc<Known>> {
        self.servers.load().get(number).cloned()
    }

    /// The numbers of these servers; those that are new get one. `None` where there is no room.
    fn numbers_of(&self, urls: &[ServerUrl]) -> Option<Vec<usize>> {
        let mut servers = Vec::clone(&self.servers.load());
        let before = servers.len();
        let mut numbers = Vec::new();
        for url in urls {
            let known = servers.iter().position(|known| known.url == *url);
            let number = known.unwrap_or(servers.len());
            if number == servers.len() {
                servers.push(Arc::new(Known::new(url)));
            }
            numbers.push(number);
        }
        if servers.len() > MOST_SERVERS {
            return None;
        }
        if servers.len() > before {
            self.ranking().know(servers.len());
            self.servers.store(Arc::new(servers));
        }
        Some(numbers)
    }
}

impl Sets {
    fn place_of(&self, urls: &[ServerUrl]) -> Option<usize> {
        self.all.iter().position(|set| set.urls == urls)
    }

    /// Adds a set; where all numbers are taken, in the place of one that no group has. Gives its
    /// place, and whether another had it.
    fn add(&mut self, urls: &[ServerUrl], members: Vec<usize>) -> Option<(usize, bool)> {
        let set = Set {
            urls: urls.to_vec(),
            members,
            is_used: true,
        };
        if self.all.len() < MAX_SETS {
            self.all.push(set);
            return Some((self.all.len() - 1, false));
        }
        let at = self.all.iter().position(|set| !set.is_used)?;
        *self.all.get_mut(at)? = set;
        Some((at, true))
    }

    /// Whether a group asks this server.
    pub fn ask(&self, server: usize) -> bool {
        let mut used = self.all.iter().filter(|set| set.is_used);
        used.any(|set| set.members.contains(&server))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::config::Upstream;

    fn url(last: usize) -> ServerUrl {
        format!("udp://192.0.2.{last}").parse().unwrap()
    }

    fn shared() -> Shared {
        Shared::new(&Upstream {
            servers: vec![url(1)],
            ..Upstream::default()
        })
    }

    fn numbers(shared: &Shared, groups: &[&[ServerUrl]]) -> Vec<u8> {
        shared.set_groups(groups.iter().copied()).of_groups
    }

    fn told(shared: &Shared) -> Vec<String> {
        let figures = shared.figures().into_iter();
        figures.map(|figures| figures.upstream).collect()
    }

    #[test]
    fn a_set_keeps_its_number_and_its_servers_theirs() {
        let shared = shared();
        let (one, other) = ([url(2)], [url(3), url(1)]);
        assert_eq!(numbers(&shared, &[&[], &one]), [0, 1]);
        assert_eq!(numbers(&shared, &[&[], &other, &one]), [0, 2, 1]);
        assert_eq!(shared.turns(1, Instant::now()).order, [1]);
        assert_eq!(shared.turns(2, Instant::now()).order, [2, 0]);
        // What no group asks is not told of, and is the same when one does again.
        assert_eq!(numbers(&shared, &[&[]]), [0]);
        assert_eq!(told(&shared), ["udp://192.0.2.1"]);
        assert_eq!(numbers(&shared, &[&other]), [2]);
        assert_eq!(told(&shared), ["udp://192.0.2.1", "udp://192.0.2.3"]);
    }

    #[test]
    fn numbers_are_given_again_once_all_are_taken() {
        let shared = shared();
        for last in 0..MAX_SETS {
            let set = [url(10 + last)];
            let numbers = shared.set_groups([&set[..]].into_iter());
            assert_eq!(usize::from(numbers.of_groups[0]), last + 1);
            assert!(!numbers.is_reused);
        }
        let (used, new) = ([url(10)], [url(200)]);
        let numbers = shared.set_groups([&used[..], &new[..]].into_iter());
        assert_eq!((numbers.of_groups, numbers.is_reused), (vec![1, 2], true));
    }

    #[test]
    fn more_servers_than_have_numbers_are_not_asked() {
        let shared = shared();
        let many: Vec<ServerUrl> = (0..300)
            .map(|port| format!("udp://192.0.2.1:{}", 1000 + port).parse().unwrap())
            .collect();
        assert_eq!(numbers(&shared, &[&many]), [0]);
        assert_eq!(told(&shared), ["udp://192.0.2.1"]);
    }
}
