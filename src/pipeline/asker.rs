//! Who sent what cannot be read as a query.

use std::net::{IpAddr, SocketAddr};

use crate::query::Edns;

/// Who sent what is no question, and what of its header goes back to them.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    pub(super) address: IpAddr,
    pub(super) id: u16,
    pub(super) flags: u16,
    pub(super) edns: Option<Edns>,
}

impl Asker {
    /// The sender of a message with this id and these flags.
    pub fn new(source: SocketAddr, id: u16, flags: u16) -> Self {
        Self {
            address: source.ip(),
            id,
            flags,
            edns: None,
        }
    }

    /// With what its OPT record says, where no query has that.
    #[must_use]
    pub fn with_edns(self, edns: Option<Edns>) -> Self {
        Self { edns, ..self }
    }
}
