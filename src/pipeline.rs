//! The order of the steps, from a question to its answer. Read this first.
//!
//! There is always an answer: what fails becomes SERVFAIL, and no step returns an error to the
//! socket. What can be answered from memory is answered at once, on the thread that received the
//! packet; only what must wait for an upstream becomes a task.

mod limit;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::cache::Cache;
use crate::config::{self, AllowFrom, BlockAnswer, Blocking};
use crate::device::Devices;
use crate::journal::Recorder;
use crate::local::Local;
use crate::policy::Policy;
use crate::query::{
    AnswerBuf, DeviceId, Event, ExtendedError, Match, Query, Rcode, RecordType, Section, Source,
    Verdict,
};
use crate::upstream::Upstreams;
use limit::RateLimiter;

/// The steps that all DNS threads share.
pub struct Steps {
    /// Whose queries are answered.
    pub allow_from: AllowFrom,
    /// What a blocked name is answered.
    pub blocking: Blocking,
    /// Who asks.
    pub devices: Arc<Devices>,
    /// What it may reach.
    pub policy: Policy,
    /// Names of our own.
    pub local: Local,
    /// Answers still held.
    pub cache: Arc<Cache>,
}

/// The path of a query on one DNS thread.
pub struct Pipeline {
    steps: Arc<Steps>,
    upstreams: Upstreams,
    recorder: Recorder,
    limiter: RefCell<RateLimiter>,
}

/// Whether a query was answered at once.
#[derive(Clone, Copy, Debug)]
pub enum Gear {
    /// The answer is in the buffer.
    Answered,
    /// It has to wait for an upstream: call [`Pipeline::answer`].
    Wait(Pending),
}

/// What is already known of a query that has to wait.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    device: DeviceId,
    verdict: Verdict,
    started: Instant,
}

/// Who sent what is no question, and what of its header goes back to them.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    address: IpAddr,
    id: u16,
    flags: u16,
}

impl Asker {
    /// The sender of a message with this id and these flags.
    pub fn new(source: SocketAddr, id: u16, flags: u16) -> Self {
        Self {
            address: source.ip(),
            id,
            flags,
        }
    }
}

impl Pipeline {
    /// The path of one thread, over the steps that all share.
    pub fn new(
        steps: Arc<Steps>,
        rate_limit: config::RateLimit,
        upstreams: Upstreams,
        recorder: Recorder,
    ) -> Self {
        Self {
            steps,
            upstreams,
            recorder,
            limiter: RefCell::new(RateLimiter::new(rate_limit)),
        }
    }

    /// Answers from memory, or says that the query has to wait.
    pub fn answer_now(&self, query: &Query, started: Instant, out: &mut AnswerBuf) -> Gear {
        let address = query.source.ip();
        if let Err(error) = self.admit(address, started) {
            refuse(query, error, out);
            return Gear::Answered;
        }
        let now_ms = now_ms();
        let device = self.steps.devices.identify_at(address, now_ms);
        // Policy stands before the cache: verdicts differ between devices.
        let verdict = self.steps.policy.judge(device, &query.name, query.kind);
        let pending = Pending {
            device,
            verdict,
            started,
        };
        let source = match verdict {
            Verdict::Block(matched) => {
                self.block(query, matched, out);
                Source::Policy
            }
            Verdict::Allow(_) | Verdict::Watch(_) => match self.held(query, started, out) {
                Some(source) => source,
                None if query.wants_recursion() => return Gear::Wait(pending),
                None => {
                    // RFC 7871 §11.3, RFC 1035 §4.1.1: without RD nothing is looked up.
                    refuse(
                        query,
                        ExtendedError::new(ExtendedError::NOT_AUTHORITATIVE, ""),
                        out,
                    );
                    Source::Failure
                }
            },
        };
        self.record(query, &pending, now_ms, (source, out.rcode()));
        Gear::Answered
    }

    /// Answers a query that has to wait, whatever happens.
    pub async fn answer(&self, query: &Query, pending: Pending, out: &mut AnswerBuf) {
        let source = match self.upstreams.ask(query).await {
            Ok(reply) => match self.steps.cache.put(query, reply.message, Instant::now()) {
                Ok(held) => {
                    held.write(query, Instant::now(), out);
                    out.finish(query, None);
                    Source::Upstream(reply.upstream)
                }
                Err(unreadable) => {
                    tracing::debug!(name = %query.name, %unreadable, "an upstream's answer is unusable");
                    fail(
                        query,
                        ExtendedError::new(
                            ExtendedError::NETWORK_ERROR,
                            "the upstream's answer is malformed",
                        ),
                        out,
                    )
                }
            },
            Err(error) => {
                tracing::debug!(name = %query.name, %error, "no upstream answered");
                fail(
                    query,
                    ExtendedError::new(error.ede(), "no upstream answered"),
                    out,
                )
            }
        };
        self.record(query, &pending, now_ms(), (source, out.rcode()));
    }

    /// Answers what was no readable question; those who may not ask are only refused.
    pub fn answer_error(
        &self,
        query: Option<&Query>,
        asker: Asker,
        rcode: Rcode,
        out: &mut AnswerBuf,
    ) {
        if self.admit(asker.address, Instant::now()).is_err() {
            return out.begin_error(asker.id, asker.flags, Rcode::REFUSED);
        }
        match query {
            Some(query) => {
                out.begin(query, rcode);
                out.finish(query, None);
            }
            None => out.begin_error(asker.id, asker.flags, rcode),
        }
    }

    fn admit(&self, address: IpAddr, now: Instant) -> Result<(), ExtendedError<'static>> {
        if !self.steps.allow_from.contains(address) {
            return Err(ExtendedError::new(
                ExtendedError::PROHIBITED,
                "not a network that is served",
            ));
        }
        if !self.limiter.borrow_mut().allows(address, now) {
            return Err(ExtendedError::new(
                ExtendedError::PROHIBITED,
                "too many queries",
            ));
        }
        Ok(())
    }

    fn held(&self, query: &Query, now: Instant, out: &mut AnswerBuf) -> Option<Source> {
        let source = if self.steps.local.answer(query, out) {
            Source::Local
        } else if let Some(held) = self.steps.cache.find(query, now) {
            held.write(query, now, out);
            Source::Cache
        } else {
            return None;
        };
        out.finish(query, None);
        Some(source)
    }

    fn block(&self, query: &Query, matched: Match, out: &mut AnswerBuf) {
        write_block(query, &self.steps.blocking, out);
        self.steps.policy.with_reason(matched, |reason| {
            out.finish(
                query,
                Some(ExtendedError::new(ExtendedError::BLOCKED, reason)),
            );
        });
    }

    fn record(
        &self,
        query: &Query,
        pending: &Pending,
        at_ms: i64,
        (source, rcode): (Source, Rcode),
    ) {
        self.recorder.record(&Event {
            at_ms,
            device: pending.device,
            address: query.source.ip(),
            name: query.name,
            kind: query.kind,
            verdict: pending.verdict,
            source,
            rcode,
            transport: query.transport,
            took_us: u32::try_from(pending.started.elapsed().as_micros()).unwrap_or(u32::MAX),
        });
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn refuse(query: &Query, error: ExtendedError<'_>, out: &mut AnswerBuf) {
    out.begin(query, Rcode::REFUSED);
    out.finish(query, Some(error));
}

fn fail(query: &Query, error: ExtendedError<'_>, out: &mut AnswerBuf) -> Source {
    out.begin(query, Rcode::SERVFAIL);
    out.finish(query, Some(error));
    Source::Failure
}

/// The configured answer to a blocked name, without its end.
fn write_block(query: &Query, blocking: &Blocking, out: &mut AnswerBuf) {
    use std::net::{Ipv4Addr, Ipv6Addr};
    let ttl = u32::try_from(blocking.ttl.as_secs()).unwrap_or(u32::MAX);
    let (ipv4, ipv6) = match blocking.answer {
        BlockAnswer::NullIp => (Some(Ipv4Addr::UNSPECIFIED), Some(Ipv6Addr::UNSPECIFIED)),
        BlockAnswer::Address { ipv4, ipv6 } => (ipv4, ipv6),
        BlockAnswer::Nxdomain | BlockAnswer::Nodata => (None, None),
        BlockAnswer::Refused => return out.begin(query, Rcode::REFUSED),
    };
    let rcode = if blocking.answer == BlockAnswer::Nxdomain {
        Rcode::NXDOMAIN
    } else {
        Rcode::NOERROR
    };
    out.begin(query, rcode);
    match (query.kind, ipv4, ipv6) {
        (RecordType::A, Some(ip), _) => out.record(Section::Answer, query.kind, ttl, &ip.octets()),
        (RecordType::AAAA, _, Some(ip)) => {
            out.record(Section::Answer, query.kind, ttl, &ip.octets());
        }
        // RFC 2308 §5: with an SOA devices keep the "nothing", too.
        _ => out.negative_soa(ttl),
    }
}
