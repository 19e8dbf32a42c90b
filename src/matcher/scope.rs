//! What of the rules counts for one group of devices.

use super::Matcher;

/// What of the rules counts for one group, and what counts for that group alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// For each source of lists, whether it does not count; those beyond the end do.
    pub muted: Vec<bool>,
    /// For each source of lists, whether it counts for some groups only.
    pub particular: Vec<bool>,
    /// Whether the group says itself what packs do.
    pub has_own_packs: bool,
    /// Whether nothing is blocked for now.
    pub is_paused: bool,
    /// Whether all is blocked for now, so that a pause for all does not count.
    pub is_shut: bool,
    /// Which upstream servers its devices' queries go to: 0 = those for all.
    pub upstream_set: u8,
}

impl Scope {
    /// Whether a source of lists counts.
    pub(super) fn counts(&self, source: u16) -> bool {
        !is_set(&self.muted, source)
    }

    /// Whether a source of lists counts for some groups only.
    pub(super) fn is_particular(&self, source: u16) -> bool {
        is_set(&self.particular, source)
    }
}

impl Matcher {
    /// Whether nothing is blocked for now, whatever rules say.
    pub fn is_paused(&self) -> bool {
        self.scope.is_paused
    }

    /// Whether all is blocked for now; a pause for all does not count then.
    pub fn is_shut(&self) -> bool {
        self.scope.is_shut
    }

    /// Which upstream servers are asked: 0 = those for all.
    pub fn upstream_set(&self) -> u8 {
        self.scope.upstream_set
    }
}

fn is_set(bits: &[bool], at: u16) -> bool {
    bits.get(usize::from(at)).copied().unwrap_or(false)
}
