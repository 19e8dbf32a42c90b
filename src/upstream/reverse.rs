//! The name of an address (PTR), for naming devices.

use std::fmt::Write as _;
use std::net::IpAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::RData;
use tokio::time::Instant;

use crate::query::{Name, Query, RecordType};

use super::Upstreams;
use super::server::{Server, is_of_the_home};
use super::standing::Turns;

impl Upstreams {
    /// The name that belongs to `ip`, if an upstream knows one.
    ///
    /// A route's servers are asked where one covers it, else the home's own server, mostly the
    /// router, where one is configured. Addresses of the home are asked nowhere else: they mean
    /// nothing outside (RFC 6303 §4).
    pub async fn reverse(&self, ip: IpAddr) -> Option<String> {
        let query = Query::internal(reverse_name(ip)?, RecordType::PTR);
        let has_route = self.inner.routes.find(query.name.as_wire()).is_some();
        let is_at_home = |server: &usize| {
            let server = self.inner.servers.get(*server);
            server.is_some_and(Server::is_at_home)
        };
        let order = self.inner.shared.order(0).into_iter();
        let at_home: Vec<usize> = order.filter(is_at_home).collect();
        let reply = if has_route || (at_home.is_empty() && !is_of_the_home(ip)) {
            self.ask(&query).await
        } else {
            let turns = Turns {
                order: at_home,
                at_once: 1,
                probe: None,
            };
            let now = Instant::now();
            self.inner.ask_in_turn(&query, (&turns, None), now).await
        };
        let reply = reply.ok()?;
        let message = Message::from_vec(&reply.message).ok()?;
        message
            .answers
            .iter()
            .find_map(|record| match &record.data {
                RData::PTR(name) => {
                    let text = name.to_ascii();
                    Some(text.trim_end_matches('.').to_owned())
                }
                _ => None,
            })
    }
}

/// The name below which the name of an address stands.
pub(super) fn reverse_name(ip: IpAddr) -> Option<Name> {
    let mut text = String::new();
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            for byte in ip.octets().iter().rev() {
                write!(text, "{byte}.").ok()?;
            }
            text.push_str("in-addr.arpa");
        }
        IpAddr::V6(ip) => {
            for byte in ip.octets().iter().rev() {
                write!(text, "{:x}.{:x}.", byte & 0xf, byte >> 4).ok()?;
            }
            text.push_str("ip6.arpa");
        }
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_reverse_name() {
        let name = |ip: &str| reverse_name(ip.parse().unwrap()).unwrap().to_string();
        assert_eq!(name("192.0.2.10"), "10.2.0.192.in-addr.arpa");
        assert_eq!(name("::ffff:192.0.2.10"), "10.2.0.192.in-addr.arpa");
        assert_eq!(
            name("2001:db8::1"),
            format!("1.{}8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(23))
        );
    }
}
