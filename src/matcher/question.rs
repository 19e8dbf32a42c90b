//! What a look-up is about: a name, a type, and who asks.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::sync::Arc;

use super::rule::{Asker, Choice, Limits, Rule};
use crate::query::{DeviceId, Name, RecordType};

/// A question as rules see it.
pub struct Question<'a> {
    /// The name, in lower case.
    pub name: &'a Name,
    /// The type.
    pub kind: RecordType,
    /// The address that asks.
    pub address: IpAddr,
    /// Which device that is, for the few rules that care.
    pub who: &'a dyn Who,
    text: OnceCell<Text>,
}

/// The device that asks. No lock and no allocation: packets are answered meanwhile.
pub trait Who {
    /// Whether it is the one of this number.
    fn is(&self, device: DeviceId) -> bool;

    /// What people call it. What it calls itself does not count: anybody may say that.
    fn named(&self) -> Named;
}

/// Nobody in particular.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Who for Nobody {
    fn is(&self, _: DeviceId) -> bool {
        false
    }

    fn named(&self) -> Named {
        Named::default()
    }
}

/// What people call a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Its name; `None` where nobody gave it one.
    pub name: Option<Arc<str>>,
    /// Its tags.
    pub tags: Arc<[String]>,
}

/// A name in dotted text, without the root dot.
struct Text {
    bytes: [u8; 255],
    length: usize,
}

impl<'a> Question<'a> {
    /// A question.
    pub fn new(name: &'a Name, kind: RecordType, address: IpAddr, who: &'a dyn Who) -> Self {
        Self {
            name,
            kind,
            address,
            who,
            text: OnceCell::new(),
        }
    }

    /// The name in dotted text, without the root dot.
    pub(super) fn text(&self) -> &[u8] {
        let text = self.text.get_or_init(|| Text::of(self.name));
        text.bytes.get(..text.length).unwrap_or_default()
    }

    /// Whether a rule counts for this asked.
    pub(super) fn is_meant_by(&self, rule: &Rule) -> bool {
        let limits = &rule.limits;
        limits.is_empty() || self.is_within(limits)
    }

    fn is_within(&self, limits: &Limits) -> bool {
        let named = OnceCell::new();
        let named = || named.get_or_init(|| self.who.named());
        let is_asker = |asker: &Asker| match asker {
            Asker::Network(net) => net.contains(&self.address.to_canonical()),
            Asker::Name(name) => named().name.as_deref() == Some(&**name),
            Asker::Device(device) => self.who.is(*device),
        };
        limits.types.admits(|&kind| kind == self.kind)
            && limits.devices.admits(is_asker)
            && limits
                .tags
                .admits(|tag| named().tags.iter().any(|own| **own == **tag))
            && !limits.except.iter().any(|name| self.is_below(name))
    }

    /// Whether the name asked is this one, or below it.
    fn is_below(&self, name: &str) -> bool {
        let rest = self.text().strip_suffix(name.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
    }
}

impl<T> Choice<T> {
    /// Whether something is admitted: nothing out may apply, and something in has to, if there is
    /// any.
    fn admits(&self, applies: impl Fn(&T) -> bool) -> bool {
        !self.not.iter().any(&applies) && (self.only.is_empty() || self.only.iter().any(applies))
    }
}

impl Text {
    fn of(name: &Name) -> Self {
        let mut bytes = [0; 255];
        let mut length = 0;
        for label in name.labels() {
            if length > 0 {
                length += usize::from(set(&mut bytes, length, b"."));
            }
            if set(&mut bytes, length, label) {
                length += label.len();
            }
        }
        Self { bytes, length }
    }
}

fn set(bytes: &mut [u8; 255], at: usize, part: &[u8]) -> bool {
    let place = bytes.get_mut(at..at + part.len());
    place.map(|place| place.copy_from_slice(part)).is_some()
}
