//! What becomes of a name here, for those who ask why.

use super::Local;
use super::zones::Kind;
use crate::query::{GroupId, Name, Query, RecordType};

/// Why a name is answered here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Here {
    /// A record of people's own, a hosts file or a lease says what it has.
    Record,
    /// It has no business upstream.
    Special,
    /// It asks whether devices may go around us.
    Canary,
    /// It stands for another one: of a search engine that leaves out what is not for children, or of
    /// an IPv4 address behind a translated one.
    Alias(Box<Name>),
    /// Devices are not told addresses of this kind.
    LeftOut,
    /// Nobody is told everything.
    Anything,
}

impl Local {
    /// Why a query of a group is answered here, in the order of [`Local::answer`]; `None` where it
    /// is not. The name has to be in lower case.
    pub fn place(&self, query: &Query, group: GroupId) -> Option<Here> {
        if query.kind == RecordType::ANY {
            return Some(Here::Anything);
        }
        if self.book().table().covers(&query.name) {
            return Some(Here::Record);
        }
        if let Some((_, kind)) = self.find(&query.name) {
            let is_canary = kind == Kind::Canary;
            return Some(if is_canary {
                Here::Canary
            } else {
                Here::Special
            });
        }
        if let Some((target, _)) = self.alias_of_world(query, group) {
            return Some(Here::Alias(Box::new(target)));
        }
        self.is_left_out(query.kind).then_some(Here::LeftOut)
    }
}
