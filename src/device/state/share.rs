//! Devices that several nodes share.
//!
//! Each node numbers the devices that it meets from a range of its own, so that numbers mean the
//! same everywhere without asking anybody.

use super::State;
use super::recall::PASSING;
use crate::device::{Device, DeviceKey};

/// The numbers that a node gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range(u32);

impl Range {
    /// How many devices a node may number: more than it meets in a life.
    pub const ROOM: u32 = 1 << 20;

    /// The range of a node; there are 2048.
    pub fn of_node(number: u32) -> Self {
        Self(number.min(PASSING / Self::ROOM - 1) * Self::ROOM)
    }

    /// The number after those that were given.
    pub(super) fn after(self, known: &[Device]) -> u32 {
        let numbers = known.iter().map(|device| device.id.0);
        let ours = numbers.filter(|number| self.is_ours(*number));
        ours.max().unwrap_or(self.0).saturating_add(1)
    }

    /// Whether a number is one of these.
    pub(super) fn is_ours(self, number: u32) -> bool {
        (self.0..self.0 + Self::ROOM).contains(&number)
    }

    /// Whether a number may still be given to such a device: made-up addresses never use up what
    /// others need, nor what other nodes give.
    pub(super) fn has(self, number: u32, key: &DeviceKey) -> bool {
        let share = match key {
            DeviceKey::Ip(_) => Self::ROOM / 4 * 3,
            DeviceKey::Mac(_) => Self::ROOM / 8 * 7,
            DeviceKey::Named(_) | DeviceKey::Others => return true,
        };
        number >= PASSING || number < self.0 + share
    }
}

impl State {
    /// Numbers new devices from this range.
    pub fn set_range(&mut self, range: Range) {
        self.range = range;
        if self.next < PASSING {
            self.next = range.after(&self.devices()).max(self.after_forgotten());
        }
    }

    /// The devices that have numbers of ours from this one on, and the number after them. Passing
    /// numbers are none.
    pub fn numbered_from(&mut self, number: u32) -> (Vec<Device>, u32) {
        let next = self.next;
        if next >= PASSING || next == number {
            return (Vec::new(), number);
        }
        let mut devices = self.devices();
        devices.retain(|device| (number..next).contains(&device.id.0));
        (devices, next)
    }

    /// Takes over what other nodes know. Says whether anything is new.
    pub fn learn(&mut self, mut others: Vec<Device>) -> bool {
        self.leave_out_forgotten(&mut others);
        let before = self.devices();
        let mut known = before.clone();
        for other in others {
            match known.iter_mut().find(|device| device.id == other.id) {
                Some(device) => device.join(other),
                None if self
                    .passing
                    .get(&other.id)
                    .is_some_and(|id| *id != other.id) =>
                {
                    let twin = self.passing.get(&other.id).copied();
                    let twin = known.iter_mut().find(|device| Some(device.id) == twin);
                    if let Some(twin) = twin {
                        twin.join(other);
                    }
                }
                None => known.push(other),
            }
        }
        if known == before {
            return false;
        }
        let next = self.next;
        let passing = std::mem::take(&mut self.passing);
        let wishes = std::mem::take(&mut self.wishes);
        self.replace(wishes, known);
        self.keep_passing(passing);
        self.next = self.next.max(next);
        true
    }
}
