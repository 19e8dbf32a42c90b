//! How many labels names have, so that suffixes of other lengths are not looked for.

use serde::{Deserialize, Serialize};

/// The numbers of labels that names have: a bit for each, the last for all from there on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Depths(u64);

impl Depths {
    const LAST: usize = 63;

    /// Notes a name: dotted text without the root dot.
    pub fn add(&mut self, name: &str) {
        self.0 |= Self::bit(memchr::memchr_iter(b'.', name.as_bytes()).count() + 1);
    }

    /// Whether a name with so many labels was noted.
    pub fn has(self, labels: usize) -> bool {
        self.0 & Self::bit(labels) != 0
    }

    fn bit(labels: usize) -> u64 {
        1 << labels.min(Self::LAST)
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
        let there: Vec<usize> = (0..128).filter(|&labels| depths.has(labels)).collect();
        assert_eq!(there[..2], [2, 63]);
        assert_eq!(there.len(), 1 + 128 - 63);
    }
}
