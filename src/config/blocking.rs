//! `[blocking]`: what a blocked name is answered.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// What a blocked name is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocking {
    /// The answer.
    pub answer: BlockAnswer,
    /// How long devices may keep it.
    pub ttl: Duration,
    /// Whether names that switch a browser's or phone's own DNS off are answered so that it
    /// keeps asking us.
    pub canaries: bool,
}

impl Default for Blocking {
    fn default() -> Self {
        Self {
            answer: BlockAnswer::NullIp,
            ttl: Duration::from_secs(10),
            canaries: true,
        }
    }
}

/// The answer to a blocked name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockAnswer {
    /// A 0.0.0.0, AAAA ::, nothing for every other type.
    NullIp,
    /// The name does not exist.
    Nxdomain,
    /// The name exists, and has nothing of this type.
    Nodata,
    /// We refuse.
    Refused,
    /// These addresses, nothing for every other type.
    Address {
        /// For A; `None` = nothing.
        ipv4: Option<Ipv4Addr>,
        /// For AAAA; `None` = nothing.
        ipv6: Option<Ipv6Addr>,
    },
}
