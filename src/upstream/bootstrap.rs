//! From an upstream's host name to its addresses.
//!
//! Only the bootstrap servers are asked, in plain DNS: asking ourselves would go in a circle.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join;
use hickory_proto::op::Message;
use hickory_proto::rr::RData;
use tokio::time::Instant;

use crate::query::{Name, Query, RecordType};

use super::error::{AskError, Failure};
use super::{Reply, Upstreams};

/// Addresses are kept no shorter and no longer than this, whatever their TTL.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(24);

/// The addresses of an upstream.
pub(super) enum Addresses {
    /// As written in the config.
    Fixed(IpAddr),
    /// Looked up.
    Named(Box<Host>),
}

/// A host name, and what the bootstrap servers said of it.
pub(super) struct Host {
    name: String,
    bootstrap: Arc<Upstreams>,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    addresses: Vec<IpAddr>,
    until: Instant,
}

impl Addresses {
    /// The addresses of the host `name`, looked up at `bootstrap` when they are needed.
    pub fn of(name: &str, bootstrap: &Arc<Upstreams>) -> Self {
        Self::Named(Box::new(Host {
            name: name.to_owned(),
            bootstrap: Arc::clone(bootstrap),
            known: Mutex::new(None),
        }))
    }

    /// The addresses, in the order in which to try them.
    pub async fn look_up(&self) -> Result<Vec<IpAddr>, Failure> {
        match self {
            Self::Fixed(ip) => Ok(vec![*ip]),
            Self::Named(host) => host.look_up().await,
        }
    }

    /// Makes the next look-up ask again: none of the addresses works.
    pub fn forget(&self) {
        if let Self::Named(host) = self
            && let Some(known) = &mut *host.known()
        {
            known.until = Instant::now();
        }
    }
}

impl Host {
    async fn look_up(&self) -> Result<Vec<IpAddr>, Failure> {
        let known = self.known().clone();
        if let Some(known) = known.as_ref().filter(|known| Instant::now() < known.until) {
            return Ok(known.addresses.clone());
        }
        match (self.ask().await, known) {
            (Ok(fresh), _) => {
                let addresses = fresh.addresses.clone();
                *self.known() = Some(fresh);
                Ok(addresses)
            }
            // Old addresses may still be right, and are better than none.
            (Err(_), Some(old)) => Ok(old.addresses),
            (Err(why), None) => Err(Failure::NoAddress {
                host: self.name.clone(),
                why,
            }),
        }
    }

    async fn ask(&self) -> Result<Known, String> {
        look_up(&self.bootstrap, &self.name).await
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upstreams {
    /// The addresses of a host of the internet.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let known = look_up(self, host).await?;
        Ok(known.addresses)
    }
}

async fn look_up(upstreams: &Upstreams, host: &str) -> Result<Known, String> {
    let name: Name = host.parse().map_err(|why| format!("{why}"))?;
    let (v6, v4) = (
        Query::internal(name, RecordType::AAAA),
        Query::internal(name, RecordType::A),
    );
    let (v6, v4) = join(upstreams.ask(&v6), upstreams.ask(&v4)).await;
    let (v6, v4) = match (v6, v4) {
        (Err(why), Err(_)) => return Err(why.to_string()),
        replies => (addresses(replies.0), addresses(replies.1)),
    };
    let ttl = v6.iter().chain(&v4).map(|&(_, ttl)| ttl).min();
    let Some(ttl) = ttl else {
        return Err("it has no address".into());
    };
    Ok(Known {
        addresses: alternate(&v6, &v4),
        until: Instant::now() + ttl.clamp(SHORTEST, LONGEST),
    })
}

/// One of each family in turn, IPv6 first (RFC 8305 §4).
fn alternate(v6: &[(IpAddr, Duration)], v4: &[(IpAddr, Duration)]) -> Vec<IpAddr> {
    let longest = v6.len().max(v4.len());
    let pairs = (0..longest).flat_map(|place| [v6.get(place), v4.get(place)]);
    pairs.flatten().map(|&(ip, _)| ip).collect()
}

fn addresses(reply: Result<Reply, AskError>) -> Vec<(IpAddr, Duration)> {
    let message = reply
        .ok()
        .and_then(|reply| Message::from_vec(&reply.message).ok());
    let answers = message.map(|message| message.answers).unwrap_or_default();
    let addresses = answers.iter().filter_map(|record| {
        let ip = match &record.data {
            RData::A(ip) => IpAddr::V4(ip.0),
            RData::AAAA(ip) => IpAddr::V6(ip.0),
            _ => return None,
        };
        Some((ip, Duration::from_secs(record.ttl.into())))
    });
    addresses.collect()
}
