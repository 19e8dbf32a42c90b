//! How many labels names have, so that suffixes of other lengths are not looked for.

use std::ops::{BitOr, Range};

use serde::{Deserialize, Serialize};

/// The numbers of labels that names have: a bit for each, the lowest for all from there on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Depths(u64);

impl Depths {
    const LAST: usize = 63;

    /// Notes a name: dotted text without the root dot.
    pub fn add(&mut self, name: &str) {
        self.0 |= Self::bit(memchr::memchr_iter(b'.', name.as_bytes()).count() + 1);
    }

    /// Of the suffixes of a name of so many labels, the whole name being number 0: those that have
    /// as many labels as some name that was noted, longest first.
    #[inline]
    pub fn of_suffixes(self, labels: usize) -> impl Iterator<Item = usize> {
        let usual = labels.min(Self::LAST - 1);
        let deep = labels - usual;
        let is_there = self.0 & Self::bit(Self::LAST) != 0;
        Suffixes {
            deep: 0..if is_there { deep } else { 0 },
            // The bit for so many labels moves to the number of the suffix that has them.
            usual: self.0 >> (Self::LAST - usual),
            first_usual: deep,
        }
    }

    /// The bit for so many labels: the lower, the more there are.
    #[inline]
    fn bit(labels: usize) -> u64 {
        1 << (Self::LAST - labels.min(Self::LAST))
    }
}

impl BitOr for Depths {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Numbers of suffixes, in ascending order.
struct Suffixes {
    /// Those of so many labels that one bit stands for them all.
    deep: Range<usize>,
    /// The others by bits, from `first_usual`.
    usual: u64,
    first_usual: usize,
}

impl Iterator for Suffixes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if let Some(deep) = self.deep.next() {
            return Some(deep);
        }
        let next = self.usual.trailing_zeros();
        self.usual &= self.usual.checked_sub(1)?;
        Some(self.first_usual + next as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lengths_that_were_noted_are_there() {
        let mut depths = Depths::default();
        depths.add("ads.example");
        depths.add(&["a"; 100].join("."));
        for labels in 0..128 {
            let there: Vec<usize> = depths.of_suffixes(labels).collect();
            let is_noted = |&at: &usize| labels - at == 2 || labels - at >= 63;
            assert_eq!(there, (0..labels).filter(is_noted).collect::<Vec<_>>());
        }
    }
}
