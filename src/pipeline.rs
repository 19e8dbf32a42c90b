//! The order of the steps, from a question to its answer. Read this first.
//!
//! There is always an answer: what fails becomes SERVFAIL, and no step returns an error to the
//! socket. What can be answered from memory is answered at once, on the thread that received the
//! packet; only what must wait for an upstream becomes a task.

mod asker;
mod block;
mod limit;
mod made;
mod resolve;

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::cache::{Cache, Heard};
use crate::config::{AllowFrom, Blocking};
use crate::device::Devices;
use crate::journal::Recorder;
use crate::local::{Found, Local};
use crate::policy::{self, Policy};
use crate::query::{
    AnswerBuf, DeviceId, Event, ExtendedError, GroupId, Query, Rcode, Source, Verdict,
};
use crate::upstream::Upstreams;

pub use asker::Asker;
pub use limit::RateLimiter;

/// The steps that all DNS threads share.
pub struct Steps {
    /// Whose queries are answered.
    pub allow_from: AllowFrom,
    /// How many of each.
    pub limiter: RateLimiter,
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
}

/// When a query came in, by two clocks. Those that were received together share it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    at_ms: i64,
    started: Instant,
}

impl Arrival {
    /// Just now.
    pub fn now() -> Self {
        Self {
            at_ms: now_ms(),
            started: Instant::now(),
        }
    }
}

/// Whether a query was answered at once.
#[derive(Clone, Copy, Debug)]
pub enum Gear {
    /// The answer is in the buffer.
    Answered(Told),
    /// A rule says that there is none.
    Silent(Told),
    /// It has to wait for an upstream: call [`Pipeline::answer`].
    Wait(Pending),
}

/// What is already known of a query that has to wait.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    asker: policy::Asker,
    verdict: Verdict,
    started: Instant,
}

/// What was decided on a query, and who made the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The verdict.
    pub verdict: Verdict,
    /// Who made the answer.
    pub source: Source,
}

/// What a step came to.
enum Step {
    /// The answer is written, with its end.
    Done(Source),
    /// There is none.
    Silent,
    /// Somebody else has to be asked.
    Wait,
    /// The next step has its turn.
    Next,
}

impl Pending {
    fn told(&self, source: Source) -> Told {
        Told {
            verdict: self.verdict,
            source,
        }
    }
}

impl Pipeline {
    /// The path of one thread, over the steps that all share.
    pub fn new(steps: Arc<Steps>, upstreams: Upstreams, recorder: Recorder) -> Self {
        Self {
            steps,
            upstreams,
            recorder,
        }
    }

    /// The device of the config that calls itself so from `address`, and its group; none where
    /// nobody there is served.
    pub fn device_named(&self, address: IpAddr, name: &str) -> Option<(DeviceId, GroupId)> {
        let is_served = self.steps.allow_from.contains(address);
        is_served.then(|| self.steps.devices.identify_named(name, now_ms()))?
    }

    /// The device of the config that a router at `address` says it is, and its group; none where that
    /// is no router that is trusted, or nobody is served.
    pub fn device_relayed(&self, address: IpAddr, id: &str) -> Option<(DeviceId, GroupId)> {
        let devices = &self.steps.devices;
        let is_served = self.steps.allow_from.contains(address);
        is_served.then(|| devices.identify_relayed_named(address, id, now_ms()))?
    }

    /// Answers from memory a query that came in just now, or says that it has to wait.
    pub fn answer_now(&self, query: &Query, arrival: Arrival, out: &mut AnswerBuf) -> Gear {
        let Arrival { at_ms, started } = arrival;
        let address = query.source.ip();
        if let Err(error) = self.admit(address, started) {
            refuse(query, error, out);
            return Gear::Answered(Told {
                verdict: Verdict::Allow(None),
                source: Source::Failure,
            });
        }
        let devices = &self.steps.devices;
        let by_address = || devices.identify_with_group(address, at_ms);
        let relayed = query.edns.and_then(|edns| edns.relayed_mac);
        let by_mac = || devices.identify_relayed(address, relayed?, at_ms);
        // Which device asks the router says more than which router it is.
        let by_id = || query.edns?.relayed_id;
        let who = query.device.or_else(by_mac).or_else(by_id);
        let (device, group) = who.unwrap_or_else(by_address);
        let asker = policy::Asker {
            device,
            group,
            address,
        };
        let mut pending = Pending {
            asker,
            // Policy stands before the cache: verdicts differ between devices.
            verdict: self.steps.policy.judge(asker, &query.name, query.kind),
            started,
        };
        let own = self.for_group(query, asker);
        let query = own.as_ref().unwrap_or(query);
        let step = match self.block(query, &mut pending, out) {
            Step::Next => self.held(query, &mut pending, out),
            step => step,
        };
        let (source, is_silent) = match step {
            Step::Done(source) => (source, false),
            Step::Silent => (Source::Policy, true),
            // What is made of names and answers that are here is answered without RD, too.
            Step::Wait => return Gear::Wait(pending),
            Step::Next if query.wants_recursion() => return Gear::Wait(pending),
            Step::Next => (refuse_to_ask(query, out), false),
        };
        self.record(query, &pending, at_ms, (source, out.rcode()));
        let told = pending.told(source);
        if is_silent {
            Gear::Silent(told)
        } else {
            Gear::Answered(told)
        }
    }

    /// Answers a query that has to wait, whatever happens. The buffer stays empty where a rule
    /// says that there is no answer.
    pub async fn answer(&self, query: &Query, pending: Pending, out: &mut AnswerBuf) -> Told {
        let mut pending = pending;
        // What few queries need is in boxes, here and below: the others' futures have no room for it.
        let own = self.for_group(query, pending.asker).map(Box::new);
        let query = own.as_deref().unwrap_or(query);
        let source = match pending.verdict {
            Verdict::Block(_) => Box::pin(self.follow(query, &pending, out)).await,
            Verdict::Allow(_) | Verdict::Watch(_) => self.make(query, &mut pending, out).await,
        };
        self.record(query, &pending, now_ms(), (source, out.rcode()));
        pending.told(source)
    }

    /// Answers what gets a code alone; those who may not ask are refused.
    pub fn answer_error(
        &self,
        query: Option<&Query>,
        asker: Asker,
        rcode: Rcode,
        out: &mut AnswerBuf,
    ) {
        let refused = self.admit(asker.address, Instant::now()).err();
        let rcode = refused.map_or(rcode, |_| Rcode::REFUSED);
        // RFC 6891 §6.1.1: an OPT record where there was one, also in an error.
        if let Some(query) = query {
            out.begin(query, rcode);
            out.finish(query, refused);
        } else {
            out.begin_error(asker.id, asker.flags, rcode);
            out.finish_error(asker.edns);
        }
    }

    /// The query as it is asked for a group that has upstreams of its own.
    fn for_group(&self, query: &Query, asker: policy::Asker) -> Option<Query> {
        let upstream_set = self.steps.policy.upstream_set(asker);
        (upstream_set != 0).then(|| Query {
            upstream_set,
            ..query.clone()
        })
    }

    fn admit(&self, address: IpAddr, now: Instant) -> Result<(), ExtendedError<'static>> {
        if !self.steps.allow_from.contains(address) {
            return Err(ExtendedError::new(
                ExtendedError::PROHIBITED,
                "not a network that is served",
            ));
        }
        if !self.steps.limiter.allows(address, now) {
            return Err(ExtendedError::new(
                ExtendedError::PROHIBITED,
                "too many queries",
            ));
        }
        Ok(())
    }

    /// Answers from our own names, or from what upstreams said before.
    fn held(&self, query: &Query, pending: &mut Pending, out: &mut AnswerBuf) -> Step {
        // Who lets a canary through means it; a list does not.
        let is_spared = || match pending.verdict {
            Verdict::Allow(Some(matched)) => {
                self.steps.local.is_canary(&query.name) && self.steps.policy.is_own(matched)
            }
            _ => false,
        };
        let ours = if is_spared() {
            Found::Nothing
        } else {
            self.steps.local.answer(query, pending.asker.group, out)
        };
        match ours {
            Found::Written => {
                out.finish(query, None);
                return Step::Done(Source::Local);
            }
            Found::Leads => return Step::Wait,
            Found::Nothing => {}
        }
        let cache = &self.steps.cache;
        let Some(held) = cache.find(query, pending.started) else {
            return Step::Next;
        };
        if self.is_translated(query, &held) {
            return Step::Wait;
        }
        // Without RD nothing is looked up, not even behind the answer.
        if query.wants_recursion() && cache.give(&held, pending.started) {
            self.refresh(query);
        }
        let source = if held.is_failure() {
            Source::Failure
        } else {
            Source::Cache
        };
        self.pass_at(query, pending, (&held, source, pending.started), out)
    }

    /// Asks again for an answer that is held, while devices go on with it.
    fn refresh(&self, query: &Query) {
        let (steps, upstreams) = (Arc::clone(&self.steps), self.upstreams.clone());
        let query = query.clone();
        self.upstreams.background(async move {
            let hearing = pin!(hear(&upstreams, &query));
            steps.cache.refresh(&query, hearing).await;
        });
    }

    fn record(
        &self,
        query: &Query,
        pending: &Pending,
        at_ms: i64,
        (source, rcode): (Source, Rcode),
    ) {
        tracing::debug!(
            device = %query.source.ip(),
            name = %query.name,
            kind = %query.kind,
            verdict = pending.verdict.word().as_str(),
            ?source,
            %rcode,
            took_us = pending.started.elapsed().as_micros(),
            "answered"
        );
        self.recorder.record(&Event {
            at_ms,
            device: pending.asker.device,
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

/// RFC 1035 §4.1.1: without RD nothing is looked up.
fn refuse_to_ask(query: &Query, out: &mut AnswerBuf) -> Source {
    let error = ExtendedError::new(ExtendedError::NOT_AUTHORITATIVE, "");
    refuse(query, error, out);
    Source::Failure
}

fn fail(query: &Query, error: ExtendedError<'_>, out: &mut AnswerBuf) -> Source {
    out.begin(query, Rcode::SERVFAIL);
    out.finish(query, Some(error));
    Source::Failure
}

/// Who made an answer that others had a part in: nobody, where there is none.
fn source_of(rcode: Rcode, maker: Source) -> Source {
    if rcode == Rcode::SERVFAIL {
        Source::Failure
    } else {
        maker
    }
}

/// What the upstreams say, or why none does.
async fn hear(upstreams: &Upstreams, query: &Query) -> Heard {
    match upstreams.ask(query).await {
        Ok(reply) => Ok((reply.message, reply.upstream)),
        Err(error) => {
            tracing::debug!(name = %query.name, %error, "no upstream answered");
            Err(error.ede())
        }
    }
}
