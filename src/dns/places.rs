//! How many connections there may be, in all and from one device: none keeps the others out.
//!
//! Where there is no place, the one over TCP or TLS that has been idle for the longest gives way: a
//! device that forgets its connections is served all the same. Those over HTTP and QUIC end by
//! themselves when they have been idle.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::query::network_of;

/// One device's share of the places, and what it has at least.
const SHARE: usize = 4;
const LEAST: usize = 16;

/// The places for connections of one thread.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Cell<usize>,
    by_device: RefCell<HashMap<IpAddr, Vec<Rc<Seat>>>>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Rc<Places>,
    device: IpAddr,
    seat: Rc<Seat>,
}

#[derive(Debug, Default)]
struct Seat {
    idle_since: Cell<Option<Instant>>,
    given_away: Notify,
}

impl Places {
    pub(super) fn new(most: usize) -> Rc<Self> {
        Rc::new(Self {
            most,
            taken: Cell::new(0),
            by_device: RefCell::default(),
        })
    }

    /// Takes a place for a connection from this address, if there is one, or one that is idle.
    pub(super) fn take(self: &Rc<Self>, address: IpAddr) -> Option<Place> {
        let device = network_of(address);
        let most_of_one = (self.most / SHARE).max(LEAST);
        let its = self.by_device.borrow().get(&device).map_or(0, Vec::len);
        if its >= most_of_one {
            self.give_away(|owner| owner == device)?;
        } else if self.taken.get() >= self.most {
            self.give_away(|_| true)?;
        }
        let seat = Rc::new(Seat::default());
        self.taken.set(self.taken.get() + 1);
        let mut by_device = self.by_device.borrow_mut();
        by_device.entry(device).or_default().push(Rc::clone(&seat));
        Some(Place {
            places: Rc::clone(self),
            device,
            seat,
        })
    }

    /// Whether so many are taken that who asks for one should show that it is there.
    pub(super) fn are_scarce(&self) -> bool {
        self.taken.get() > self.most / 2
    }

    /// Gives away the place of these devices that has been idle for the longest; `None` when none
    /// is.
    fn give_away(&self, is_meant: impl Fn(IpAddr) -> bool) -> Option<()> {
        let (device, seat) = {
            let by_device = self.by_device.borrow();
            let meant = by_device.iter().filter(|(owner, _)| is_meant(**owner));
            let seats = meant.flat_map(|(owner, seats)| seats.iter().map(|seat| (*owner, seat)));
            let idle =
                seats.filter_map(|(owner, seat)| Some((seat.idle_since.get()?, owner, seat)));
            let (_, owner, seat) = idle.min_by_key(|(since, ..)| *since)?;
            (owner, Rc::clone(seat))
        };
        seat.given_away.notify_one();
        self.leave(device, &seat);
        Some(())
    }

    fn leave(&self, device: IpAddr, seat: &Rc<Seat>) {
        let mut by_device = self.by_device.borrow_mut();
        let Some(seats) = by_device.get_mut(&device) else {
            return;
        };
        // One that was given away has left already.
        if let Some(at) = seats.iter().position(|taken| Rc::ptr_eq(taken, seat)) {
            seats.swap_remove(at);
            self.taken.set(self.taken.get() - 1);
        }
        if seats.is_empty() {
            by_device.remove(&device);
        }
    }
}

impl Place {
    /// Says whether the connection is in use now. One of which nothing is said is in use.
    pub(super) fn note_use(&self, is_used: bool) {
        let idle_since = self.seat.idle_since.get().filter(|_| !is_used);
        let idle_since = idle_since.or_else(|| (!is_used).then(Instant::now));
        self.seat.idle_since.set(idle_since);
    }

    /// Waits until the place is given to another connection.
    pub(super) async fn given_away(&self) {
        self.seat.given_away.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave(self.device, &self.seat);
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

    #[tokio::test(start_paused = true)]
    async fn who_has_been_idle_for_the_longest_gives_way() {
        let places = Places::new(100);
        let take = || places.take("192.0.2.7".parse().unwrap());
        let its: Vec<Place> = (0..25).map(|_| take().unwrap()).collect();
        for place in [&its[3], &its[7]] {
            place.note_use(false);
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
        }
        let more = [take().unwrap(), take().unwrap()];
        its[3].given_away().await;
        its[7].given_away().await;
        assert!(take().is_none(), "all others are in use");
        drop(its);
        assert_eq!(places.taken.get(), 2);
        drop(more);
        assert!(places.by_device.borrow().is_empty());
    }
}
