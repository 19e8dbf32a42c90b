//! Pauses: for a while what would be blocked is let through and marked, for all, for a group, or
//! for one device.

use super::Asker;
use crate::query::DeviceId;

/// For whom nothing is blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paused {
    /// For all.
    All,
    /// For the group of this name.
    Group(String),
    /// For one device.
    Device(DeviceId),
}

/// A while in which nothing is blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// For whom.
    pub who: Paused,
    /// When it ends, in milliseconds since 1970-01-01 UTC.
    pub until_ms: i64,
}

/// All pauses; those that ended count no more, whether they were taken out or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pauses(pub Vec<Pause>);

impl Pauses {
    /// Those that have not ended.
    pub fn running(&self, now_ms: i64) -> impl Iterator<Item = &Pause> {
        self.0.iter().filter(move |pause| pause.until_ms > now_ms)
    }

    /// Whether nothing is blocked for a device, whose group has this name, and may be shut by a
    /// schedule that blocks all: the bedtime of some does not end where others want a pause for
    /// all, but where it is them whom people name. `today` is the device that a number stands for.
    pub(super) fn cover(
        &self,
        asker: Asker,
        (group, is_shut): (Option<&str>, bool),
        (now_ms, today): (i64, impl Fn(DeviceId) -> DeviceId),
    ) -> bool {
        self.running(now_ms).any(|pause| match &pause.who {
            Paused::All => !is_shut,
            Paused::Group(name) => group == Some(name),
            Paused::Device(device) => today(*device) == asker.device,
        })
    }

    /// The same with this pause, in the place of those before for the same.
    #[must_use]
    pub fn with(mut self, pause: Pause, today: impl Fn(DeviceId) -> DeviceId) -> Self {
        self = self.without(&pause.who, today);
        self.0.push(pause);
        self
    }

    /// The same without the pauses for these, also by a number that stands for the same device
    /// `today`.
    #[must_use]
    pub fn without(mut self, who: &Paused, today: impl Fn(DeviceId) -> DeviceId) -> Self {
        let who = who.today(&today);
        self.0.retain(|pause| pause.who.today(&today) != who);
        self
    }
}

impl Paused {
    /// The same by the number that a device has now: it may have turned out to be another one.
    #[must_use]
    pub fn today(&self, today: impl Fn(DeviceId) -> DeviceId) -> Self {
        match self {
            Self::Device(device) => Self::Device(today(*device)),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::query::GroupId;

    /// Device 3 turned out to be device 1.
    fn today(device: DeviceId) -> DeviceId {
        if device.0 == 3 { DeviceId(1) } else { device }
    }

    fn pauses(who: Paused) -> Pauses {
        Pauses::default().with(Pause { who, until_ms: 100 }, today)
    }

    fn covers(pauses: &Pauses, device: u32, group: &str, now_ms: i64) -> bool {
        let asker = Asker {
            device: DeviceId(device),
            group: GroupId(0),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        pauses.cover(asker, (Some(group), false), (now_ms, today))
    }

    #[test]
    fn a_pause_counts_for_those_whom_it_names_until_it_ends() {
        let all = pauses(Paused::All);
        assert!(covers(&all, 1, "default", 99) && !covers(&all, 1, "default", 100));
        let kids = pauses(Paused::Group("kids".to_owned()));
        assert!(covers(&kids, 1, "kids", 0) && !covers(&kids, 1, "default", 0));
        let one = pauses(Paused::Device(DeviceId(1)));
        assert!(covers(&one, 1, "kids", 0) && !covers(&one, 2, "kids", 0));
    }

    #[test]
    fn a_pause_for_all_leaves_a_group_shut_that_a_schedule_shut_but_one_for_it_does_not() {
        let asker = Asker {
            device: DeviceId(1),
            group: GroupId(0),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let covers = |who| pauses(who).cover(asker, (Some("kids"), true), (0, today));
        assert!(!covers(Paused::All));
        assert!(covers(Paused::Group("kids".to_owned())));
        assert!(covers(Paused::Device(DeviceId(1))));
    }

    #[test]
    fn a_pause_goes_on_for_a_device_that_turned_out_to_be_another() {
        let guess = pauses(Paused::Device(DeviceId(3)));
        assert!(covers(&guess, 1, "kids", 0) && !covers(&guess, 2, "kids", 0));
        let again = Pause {
            who: Paused::Device(DeviceId(1)),
            until_ms: 200,
        };
        assert_eq!(guess.clone().with(again.clone(), today).0, [again]);
        let other = Paused::Device(DeviceId(2));
        assert_eq!(guess.clone().without(&other, today), guess);
        let it = Paused::Device(DeviceId(1));
        assert_eq!(guess.without(&it, today), Pauses::default());
    }

    #[test]
    fn a_pause_takes_the_place_of_the_one_before() {
        let longer = Pause {
            who: Paused::All,
            until_ms: 200,
        };
        let pauses = pauses(Paused::All).with(longer.clone(), today);
        assert_eq!(pauses.0, [longer]);
        assert_eq!(pauses.without(&Paused::All, today), Pauses::default());
    }
}
