//! What is asked over DNS while calls are made.

use super::dice::Dice;
use super::home::{self, Home};

/// A query in wire format; its first two bytes are for the id.
pub type Wire = Vec<u8>;

const QUERIES: usize = 20_000;

/// What the home asks, for IPv4 addresses.
pub fn queries(home: &Home) -> Vec<Wire> {
    let mut dice = Dice(99);
    let name = |_| home.name(home::often_small(&mut dice, 3000) as usize);
    (0..QUERIES).map(name).map(|name| wire(&name)).collect()
}

/// A query for an IPv4 address with RD and EDNS of 1232 bytes (RFC 6891 §6.1.2).
fn wire(name: &str) -> Wire {
    let mut query = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    query
}
