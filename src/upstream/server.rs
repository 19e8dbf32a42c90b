//! One upstream server: which way a query goes to it, and the other ways when that one fails.

use std::net::IpAddr;

use crate::query::{Query, Rcode};

use super::error::Failure;
use super::link::Link;
use super::plain::Plain;
use super::request::{Answer, Form, Request};
use super::udp::Oddity;

/// One upstream server.
pub(super) struct Server {
    way: Way,
    /// The address in the config, if one is written there.
    ip: Option<IpAddr>,
}

/// How queries go to a server.
pub(super) enum Way {
    /// UDP, and TCP where UDP does not do.
    Plain(Plain),
    /// One connection.
    Stream {
        /// The connection.
        link: Link,
        /// Whether others on the way cannot read it.
        is_encrypted: bool,
    },
}

impl Server {
    /// A server that is asked in this way.
    pub fn new(way: Way, ip: Option<IpAddr>) -> Self {
        Self { way, ip }
    }

    /// Whether it stands in the home, or on this machine: names of the home are known there.
    pub fn is_at_home(&self) -> bool {
        self.ip.is_some_and(is_of_the_home)
    }

    /// Asks, and gives what the server answers, be it an error.
    pub async fn ask(&self, query: &Query) -> Result<Answer, Failure> {
        let mut form = Form {
            mixed_case: false,
            edns: true,
            padded: false,
        };
        let result = self.ask_in(query, form).await;
        let is_edns_refused = match &result {
            Ok(answer) => [Rcode::FORMERR, Rcode::NOTIMP, Rcode::BADVERS].contains(&answer.rcode),
            Err(failure) => *failure == Failure::Odd(Oddity::Unreadable),
        };
        if is_edns_refused {
            // RFC 6891 §7: the server may be older than EDNS.
            form.edns = false;
            return self.ask_in(query, form).await;
        }
        result
    }

    async fn ask_in(&self, query: &Query, form: Form) -> Result<Answer, Failure> {
        let answer = match &self.way {
            Way::Plain(plain) => plain.ask(query, form).await?,
            Way::Stream { link, is_encrypted } => {
                let padded = *is_encrypted;
                let request = Request::new(query, Form { padded, ..form });
                Box::pin(link.ask(&request)).await?
            }
        };
        if answer.is_cut {
            return Err(Failure::Garbage("it is cut off".into()));
        }
        Ok(answer)
    }
}

/// Whether addresses like `ip` are given out at home: private, link-local and loopback ones.
pub(super) fn is_of_the_home(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}
