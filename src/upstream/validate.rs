//! DNSSEC: whether an answer is signed as its zone says, up to a key that is trusted.
//!
//! An answer is asked for with its signatures, and unchecked (CD), so that it is judged here and
//! the reason is known (RFC 6840 §5.9). hickory proves each part of it; the keys that it needs come
//! through [`chain`]. Names of a route are not judged: such zones are seldom signed, and often not
//! known outside.

mod anchors;
mod chain;
mod links;
mod optout;
mod parse;
mod reason;
mod wildcard;

use std::sync::Arc;

use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::xfer::{DnsHandle, FirstAnswer};
use hickory_net::{DnsError, NetError};
use hickory_proto::dnssec::Proof;
use hickory_proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message};
use hickory_proto::rr::{Record, RecordType as Kind};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::query::{Edns, Name, Query, Rcode, RecordType};

use super::error::AskError;
use super::{Reply, Upstreams, round};
use chain::{Chain, Trace};

pub use anchors::{AnchorError, Anchors};
pub(super) use chain::Kept;

const AD: u8 = 0x20;
const CD: u16 = 0x0010;
const IN: u16 = 1;

type Handle = DnssecDnsHandle<Chain>;

/// Judges answers before they are given.
pub(super) struct Validator {
    upstreams: Upstreams,
    /// Made at the first query: of some trusted keys only the fingerprints may be known.
    handle: OnceCell<Handle>,
}

/// What became of an answer, the worst of its parts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Judged {
    /// Its zone is signed, and it is not as the zone signed it.
    Bogus,
    /// Its zone is not signed, as the zone above proves.
    Insecure,
    /// It is as its zone signed it.
    Secure,
}

impl Validator {
    /// Judges what these servers say; they themselves check nothing.
    pub fn new(upstreams: Upstreams) -> Self {
        Self {
            upstreams,
            handle: OnceCell::new(),
        }
    }

    async fn handle(&self) -> Result<&Handle, AskError> {
        let make = async || {
            let chain = Chain::new(self.upstreams.clone());
            let keys = self.anchors().keys(&chain).await?;
            Ok(DnssecDnsHandle::with_trust_anchor(chain, keys))
        };
        self.handle.get_or_try_init(make).await
    }

    /// Whether answers to `query` are judged: not for those who judge themselves (RFC 4035 §3.2.2).
    pub fn judges(&self, query: &Query) -> bool {
        // No zone is above the root to say anything of it.
        let is_above_all = query.kind == RecordType::DS && query.name.is_root();
        let is_judged = !query.checks_itself() && query.class == IN && !is_above_all;
        is_judged && !self.upstreams.inner.is_routed(query)
    }

    fn anchors(&self) -> &Anchors {
        self.upstreams.inner.shared.anchors()
    }

    /// Gives the reply to a [`signed`] `query` if it is not bogus; with AD if it is secure.
    pub async fn check(&self, query: &Query, reply: Reply) -> Result<Reply, AskError> {
        let inner = &self.upstreams.inner;
        // What cannot be read cannot be judged, so nobody gets it.
        let response = parse::read(&reply.message)
            .map_err(|why| round::useless(inner, reply.upstream, why))?;
        let code = Rcode(response.metadata.response_code.into());
        if ![Rcode::NOERROR, Rcode::NXDOMAIN].contains(&code) {
            return Ok(restored(query, reply, Judged::Insecure));
        }
        let trace = Arc::new(Trace::of(query));
        let judging = Trace::follow(&trace, self.judge(&trace, &response));
        match timeout(inner.timeout, judging).await {
            Ok(judged) => judged.map(|judged| restored(query, reply, judged)),
            Err(_) => Err(trace.failure().unwrap_or_default()),
        }
    }

    /// What becomes of an answer that is not bogus.
    async fn judge(&self, trace: &Trace, response: &Message) -> Result<Judged, AskError> {
        let handle = self.handle().await?;
        let bogus = match judge(handle, (trace, self.anchors()), response).await {
            Ok(judged) => return Ok(judged),
            Err(bogus) => bogus,
        };
        if let Some(failure) = trace.failure() {
            return Err(failure);
        }
        let why = reason::of(&bogus, handle.inner()).await;
        handle.inner().forget(trace);
        Err(AskError::bogus(why))
    }
}

/// The worst of what its parts are, or the first that is bogus.
async fn judge(
    handle: &Handle,
    (trace, anchors): (&Trace, &Anchors),
    response: &Message,
) -> Result<Judged, Box<Message>> {
    let links = links::of(response).ok_or_else(|| Box::new(response.clone()))?;
    let mut worst = Judged::Secure;
    for link in links {
        if !anchored(anchors, &link) {
            worst = Judged::Insecure;
            continue;
        }
        match judge_link(handle, trace, link.clone()).await {
            Judged::Bogus => return Err(link.into()),
            judged => worst = worst.min(judged),
        }
    }
    Ok(worst)
}

/// Whether there is a key by which what a link says can be judged.
fn anchored(anchors: &Anchors, link: &Message) -> bool {
    let name = link.queries.first().map(|query| query.name().to_ascii());
    let name = name.and_then(|name| name.parse::<Name>().ok());
    name.is_none_or(|name| anchors.cover(&name.to_lowercase()))
}

async fn judge_link(handle: &Handle, trace: &Trace, link: Message) -> Judged {
    let Some(query) = link.queries.first().cloned() else {
        return Judged::Bogus;
    };
    let best = if are_unsigned_keys(&link) {
        Judged::Bogus
    } else if optout::spans(&link) {
        Judged::Insecure
    } else {
        Judged::Secure
    };
    let Ok(response) = DnsResponse::from_message(link) else {
        return Judged::Bogus;
    };
    trace.begin(response);
    let request = DnsRequest::from_query(query, DnsRequestOptions::default());
    match handle.send(request).first_answer().await {
        Ok(response) => match judge_records(&response) {
            Judged::Secure => best,
            judged => judged,
        },
        Err(NetError::Dns(DnsError::Nsec { proof, .. })) if proof.is_insecure() => Judged::Insecure,
        Err(_) => Judged::Bogus,
    }
}

/// Whether a link is a set of keys without a signature that counts now: hickory has no look at it
/// where the zone above vouches for all of them.
fn are_unsigned_keys(link: &Message) -> bool {
    let is_key = |record: &Record| record.record_type() == Kind::DNSKEY;
    let is_signature = |record: &Record| record.record_type() == Kind::RRSIG;
    link.answers.iter().any(is_key)
        && (!link.answers.iter().any(is_signature)
            || reason::of_times(link, reason::now()).is_some())
}

/// The query as it is sent: with signatures, and unchecked.
pub(super) fn signed(query: &Query) -> Query {
    let mut signed = query.clone();
    signed.flags |= CD;
    signed.edns = Some(Edns {
        dnssec_ok: true,
        ..query.edns.unwrap_or(Edns {
            payload: 1232,
            ..Edns::default()
        })
    });
    signed
}

fn judge_records(response: &Message) -> Judged {
    let is_proof =
        |record: &&Record| [Kind::SOA, Kind::NSEC, Kind::NSEC3].contains(&record.record_type());
    let proofs = response.authorities.iter().filter(is_proof);
    let records = response.answers.iter().chain(proofs);
    records
        .filter(|record| record.record_type() != Kind::RRSIG)
        .map(|record| match record.proof {
            Proof::Secure => Judged::Secure,
            Proof::Insecure => Judged::Insecure,
            Proof::Bogus | Proof::Indeterminate => Judged::Bogus,
        })
        .min()
        // Nothing is there to be signed: hickory lets that pass only where the zone is insecure.
        .unwrap_or(Judged::Insecure)
}

/// The reply as the asker wants it: without DNSSEC's records unless it asked for them
/// (RFC 4035 §3.2.1), with the flags of what was found.
fn restored(query: &Query, mut reply: Reply, judged: Judged) -> Reply {
    if !query.wants_dnssec()
        && let Some(message) = without_signatures(query, &reply.message)
    {
        reply.message = message;
    }
    if let Some(flags) = reply.message.get_mut(3) {
        *flags &= !AD;
        if judged == Judged::Secure {
            *flags |= AD;
        }
    }
    reply
}

fn without_signatures(query: &Query, message: &[u8]) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(message).ok()?;
    let is_kept = |record: &Record| {
        let kind = record.record_type();
        kind == query.kind.0.into() || ![Kind::RRSIG, Kind::NSEC, Kind::NSEC3].contains(&kind)
    };
    message.answers.retain(is_kept);
    message.authorities.retain(is_kept);
    message.additionals.retain(is_kept);
    message.to_vec().ok()
}
