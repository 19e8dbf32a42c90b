//! The way of hickory's questions for keys to our servers.
//!
//! Proving one name asks for the same keys as proving the next, so they are kept for as long as
//! they are good.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use hickory_net::NetError;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::xfer::DnsHandle;
use hickory_proto::op::{DnsRequest, DnsResponse};
use hickory_proto::rr::{Record, RecordType as Kind};
use hickory_proto::serialize::binary::BinEncodable;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use crate::query::{Edns, Name, Query, Rcode, RecordType};
use crate::upstream::error::{AskError, Failure};
use crate::upstream::{Upstreams, round};

/// Enough for the zones of a home; each takes about a kilobyte.
const KEPT: usize = 2000;
const LONGEST: Duration = Duration::from_hours(1);
const LONGEST_NEGATIVE: Duration = Duration::from_mins(15);
const RD_AND_CD: u16 = 0x0110;

/// Answers that prove others: keys, their fingerprints, and where zones begin.
#[derive(Debug)]
pub(in crate::upstream) struct Kept(Cache<Key, Arc<Held>>);

/// A question about a zone, and whose servers it went to.
type Key = (Name, RecordType, u8);

#[derive(Debug)]
struct Held {
    response: DnsResponse,
    until: Instant,
}

impl Default for Kept {
    fn default() -> Self {
        Self(Cache::new(KEPT))
    }
}

/// Asks our servers what hickory wants to know.
#[derive(Clone)]
pub(super) struct Chain {
    upstreams: Upstreams,
}

/// What is known of one query while its answer is judged.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Whose servers are asked for keys: those that gave the answer.
    upstream_set: u8,
    /// The answer itself, which has come already.
    first: Mutex<Option<DnsResponse>>,
    /// Why a key could not be had.
    failure: Mutex<Option<AskError>>,
    /// What was asked for on the way.
    asked: Mutex<Vec<Key>>,
}

tokio::task_local! {
    static TRACE: Arc<Trace>;
}

impl Trace {
    /// The beginning of judging an answer to `query`.
    pub fn of(query: &Query) -> Self {
        Self {
            upstream_set: query.upstream_set,
            ..Self::default()
        }
    }

    /// Lets `judging` find this trace.
    pub async fn follow<T>(trace: &Arc<Self>, judging: impl Future<Output = T>) -> T {
        TRACE.scope(Arc::clone(trace), judging).await
    }

    /// The next question has this answer.
    pub fn begin(&self, response: DnsResponse) {
        *locked(&self.first) = Some(response);
    }

    /// Why a key could not be had, if that happened.
    pub fn failure(&self) -> Option<AskError> {
        locked(&self.failure).take()
    }
}

impl Chain {
    /// Asks these servers, and takes their answers unchecked.
    pub fn new(upstreams: Upstreams) -> Self {
        Self { upstreams }
    }

    /// The lowest zone at or above a name of which the zone above has fingerprints of keys, as far
    /// as that was asked for lately.
    pub fn cut_above(&self, name: Name) -> Option<Name> {
        let mut cut = name;
        loop {
            let prints = self.held(cut, RecordType::DS);
            let is_print = |record: &Record| record.record_type() == Kind::DS;
            if prints.is_some_and(|prints| prints.answers.iter().any(is_print)) {
                return Some(cut);
            }
            cut = cut.parent()?;
        }
    }

    /// What was asked for lately.
    pub fn held(&self, name: Name, kind: RecordType) -> Option<DnsResponse> {
        let held = self.kept().0.get(&key(name, kind))?;
        (Instant::now() < held.until).then(|| held.response.clone())
    }

    /// Forgets what was asked for to judge an answer that is bogus: it may be what is wrong, and is
    /// not believed beyond that (RFC 4035 §4.7).
    pub fn forget(&self, trace: &Trace) {
        for key in locked(&trace.asked).drain(..) {
            self.kept().0.remove(&key);
        }
    }

    fn kept(&self) -> &Kept {
        self.upstreams.inner.shared.kept()
    }

    /// The answer to a question about a zone.
    pub async fn look_up(&self, name: Name, kind: RecordType) -> Result<DnsResponse, AskError> {
        if let Some(held) = self.held(name, kind) {
            return Ok(held);
        }
        let key = key(name, kind);
        let query = Query {
            upstream_set: key.2,
            flags: RD_AND_CD,
            edns: Some(Edns {
                payload: 1232,
                dnssec_ok: true,
                ..Edns::default()
            }),
            ..Query::internal(name, kind)
        };
        let reply = self.upstreams.ask_unchecked(&query).await?;
        let useless = |why| round::useless(&self.upstreams.inner, reply.upstream, why);
        let response = DnsResponse::from_buffer(reply.message)
            .map_err(|why| useless(Failure::Garbage(why.to_string())))?;
        let code = Rcode(response.metadata.response_code.into());
        if ![Rcode::NOERROR, Rcode::NXDOMAIN].contains(&code) {
            return Err(useless(Failure::Answered(code)));
        }
        let held = Held {
            until: Instant::now() + lifetime(&response),
            response: response.clone(),
        };
        self.kept().0.insert(key, Arc::new(held));
        // Outside of judging an answer, nobody will find it bogus.
        let _ = TRACE.try_with(|trace| locked(&trace.asked).push(key));
        Ok(response)
    }

    async fn answer(self, request: DnsRequest) -> Result<DnsResponse, NetError> {
        let trace = TRACE.try_with(Arc::clone).unwrap_or_default();
        if let Some(first) = locked(&trace.first).take() {
            return Ok(first);
        }
        let asked = request.queries.first().ok_or(NetError::NoConnections)?;
        let wire = asked.name().to_bytes()?;
        let name = Name::from_wire(&wire).map_err(|why| NetError::Msg(why.to_string()))?;
        let kind = RecordType(asked.query_type().into());
        match self.look_up(name, kind).await {
            Ok(response) => Ok(response),
            Err(failure) => {
                let message = failure.to_string();
                *locked(&trace.failure) = Some(failure);
                Err(NetError::Msg(message))
            }
        }
    }
}

impl DnsHandle for Chain {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        Box::pin(stream::once(self.clone().answer(request)))
    }
}

fn key(name: Name, kind: RecordType) -> Key {
    let set = TRACE.try_with(|trace| trace.upstream_set);
    (name.to_lowercase(), kind, set.unwrap_or(0))
}

fn lifetime(response: &DnsResponse) -> Duration {
    let records = response.answers.iter().chain(&response.authorities);
    let least = records.map(|record| record.ttl).min().unwrap_or(0);
    let longest = if response.answers.is_empty() {
        LONGEST_NEGATIVE
    } else {
        LONGEST
    };
    Duration::from_secs(least.into()).min(longest)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
