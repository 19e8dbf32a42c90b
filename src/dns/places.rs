//! How many connections there may be, in all and from one device: none keeps the others out.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

/// One device's share of the places, and what it has at least.
const SHARE: usize = 4;
const LEAST: usize = 16;

/// The places for connections of one thread.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Cell<usize>,
    by_device: RefCell<HashMap<IpAddr, usize>>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Rc<Places>,
    device: IpAddr,
}

impl Places {
    pub(super) fn new(most: usize) -> Rc<Self> {
        Rc::new(Self {
            most,
            taken: Cell::new(0),
            by_device: RefCell::default(),
        })
    }

    /// Takes a place for a connection from this address, if there is one.
    pub(super) fn take(self: &Rc<Self>, address: IpAddr) -> Option<Place> {
        let device = network(address);
        let mut by_device = self.by_device.borrow_mut();
        let its = by_device.get(&device).copied().unwrap_or(0);
        let most_of_one = (self.most / SHARE).max(LEAST);
        if self.taken.get() >= self.most || its >= most_of_one {
            return None;
        }
        self.taken.set(self.taken.get() + 1);
        by_device.insert(device, its + 1);
        Some(Place {
            places: Rc::clone(self),
            device,
        })
    }

    /// Whether so many are taken that who asks for one should show that it is there.
    pub(super) fn are_scarce(&self) -> bool {
        self.taken.get() > self.most / 2
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.set(self.places.taken.get() - 1);
        let mut by_device = self.places.by_device.borrow_mut();
        match by_device.get_mut(&self.device) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(by_device.remove(&self.device)),
        }
    }
}

/// A device may take any address of its IPv6 network, so the /64 counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_device_has_its_share_and_leaves_the_rest_to_others() {
        let places = Places::new(100);
        let take = |text: &str| places.take(text.parse().unwrap());
        let mut its: Vec<Place> = (0..25).map(|_| take("192.0.2.7").unwrap()).collect();
        assert!(take("192.0.2.7").is_none());
        assert!(take("::ffff:192.0.2.7").is_none());
        assert!(take("192.0.2.8").is_some());
        its.pop();
        assert!(take("192.0.2.7").is_some());
    }

    #[test]
    fn there_are_no_more_than_there_may_be() {
        let places = Places::new(4);
        let take = |number: u8| places.take(IpAddr::from([192, 0, 2, number]));
        let taken: Vec<Place> = (0..4).map(|number| take(number).unwrap()).collect();
        assert!(places.are_scarce());
        assert!(take(9).is_none());
        drop(taken);
        assert!(!places.are_scarce());
        assert!(take(9).is_some());
        assert!(places.by_device.borrow().is_empty());
    }
}
