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
use crate::upstream::Inner;
use crate::upstream::error::AskError;

/// Enough for the zones of a home; each takes about a kilobyte.
const KEPT: usize = 2000;
const LONGEST: Duration = Duration::from_hours(1);
const LONGEST_NEGATIVE: Duration = Duration::from_mins(15);
const RD_AND_CD: u16 = 0x0110;

/// Answers that prove others: keys, their fingerprints, and where zones begin.
#[derive(Debug)]
pub(in crate::upstream) struct Kept(Cache<Key, Arc<Held>>);

type Key = (Name, RecordType);

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
    inner: Arc<Inner>,
}

/// What is known of one query while its answer is judged.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// The answer itself, which has come already.
    first: Mutex<Option<DnsResponse>>,
    /// Why a key could not be had.
    failure: Mutex<Option<AskError>>,
}

tokio::task_local! {
    static TRACE: Arc<Trace>;
}

impl Trace {
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
    /// Asks the servers of `inner`.
    pub fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// The lowest zone at or above a name of which the zone above has fingerprints of keys, as far
    /// as that was asked for lately.
    pub fn cut_above(&self, name: Name) -> Option<Name> {
        let mut cut = name;
        loop {
            let prints = self.held(&(cut, RecordType::DS));
            let is_print = |record: &Record| record.record_type() == Kind::DS;
            if prints.is_some_and(|prints| prints.answers.iter().any(is_print)) {
                return Some(cut);
            }
            cut = cut.parent()?;
        }
    }

    /// What was asked for lately.
    pub fn held(&self, key: &Key) -> Option<DnsResponse> {
        let held = self.inner.shared.kept().0.get(key)?;
        (Instant::now() < held.until).then(|| held.response.clone())
    }

    /// The answer to a question about a zone.
    pub async fn look_up(&self, name: Name, kind: RecordType) -> Result<DnsResponse, AskError> {
        let key = (name.to_lowercase(), kind);
        if let Some(held) = self.held(&key) {
            return Ok(held);
        }
        let query = Query {
            flags: RD_AND_CD,
            edns: Some(Edns {
                payload: 1232,
                dnssec_ok: true,
                ..Edns::default()
            }),
            ..Query::internal(name, kind)
        };
        let turns = self.inner.shared.turns(0);
        let reply = self.inner.ask_in_turn(&query, (&turns, None)).await?;
        let response = DnsResponse::from_buffer(reply.message).map_err(|_| AskError::default())?;
        let code = Rcode(response.metadata.response_code.into());
        if ![Rcode::NOERROR, Rcode::NXDOMAIN].contains(&code) {
            return Err(AskError::default());
        }
        let held = Held {
            until: Instant::now() + lifetime(&response),
            response: response.clone(),
        };
        self.inner.shared.kept().0.insert(key, Arc::new(held));
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
