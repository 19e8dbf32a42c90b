//! DNS cookies (RFC 7873): what lets an asker tell our answers from forged ones.
//!
//! The asker's half goes back with ours. Ours is laid out as RFC 9018 §4 says, so that logs and
//! tools read it; nobody is refused for want of one.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;

/// Makes our half of cookies, with a key that only this process knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Cookies {
    key: RandomState,
}

impl Cookies {
    /// The cookie for an asker: its own half, and ours.
    pub(super) fn answer(&self, client: [u8; 8], asker: IpAddr, now_s: u32) -> [u8; 24] {
        const VERSION: [u8; 4] = [1, 0, 0, 0];
        let mut hash = self.key.build_hasher();
        let mut cookie = [0; 24];
        let mut rest = cookie.as_mut_slice();
        for part in [client.as_slice(), &VERSION, &now_s.to_be_bytes()] {
            hash.write(part);
            rest = put(rest, part);
        }
        match asker.to_canonical() {
            IpAddr::V4(ip) => hash.write(&ip.octets()),
            IpAddr::V6(ip) => hash.write(&ip.octets()),
        }
        put(rest, &hash.finish().to_be_bytes());
        cookie
    }
}

/// Writes `part` at the start of `place`, and gives what is left of it.
fn put<'a>(place: &'a mut [u8], part: &[u8]) -> &'a mut [u8] {
    let (into, rest) = place.split_at_mut(part.len());
    into.copy_from_slice(part);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_depends_on_who_asks_and_when() {
        let cookies = Cookies::default();
        let make = |client: u8, asker: [u8; 4], now| cookies.answer([client; 8], asker.into(), now);
        let cookie = make(7, [192, 0, 2, 1], 1000);
        assert_eq!(cookie[..8], [7; 8]);
        assert_eq!(cookie[8..16], [1, 0, 0, 0, 0, 0, 3, 0xe8]);
        assert_eq!(cookie, make(7, [192, 0, 2, 1], 1000));
        for other in [
            make(8, [192, 0, 2, 1], 1000),
            make(7, [192, 0, 2, 2], 1000),
            make(7, [192, 0, 2, 1], 1001),
            Cookies::default().answer([7; 8], [192, 0, 2, 1].into(), 1000),
        ] {
            assert_ne!(cookie[16..], other[16..]);
        }
    }
}
