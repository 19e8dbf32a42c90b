//! One query's round through the servers: who is asked when, and which answer counts.
//!
//! The first server has half of the time; then the next is asked as well, and so on with half of
//! what is left. Whoever has a good answer first, wins. A failure brings the next server at once.
//! In a race two servers are asked from the beginning, now and then one of them in the background:
//! it is heard out although the other wins, so that it shows when a server is gone.

use std::pin::{Pin, pin};

use futures_util::future::{Either, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::query::{Query, Rcode, UpstreamId};

use super::error::{AskError, Blame, Failure, Tried};
use super::request::Answer;
use super::standing::Turns;
use super::{Inner, Reply};

/// The code's lower bits.
const SERVFAIL: u8 = 2;

/// What a server that is asked in the background comes to say.
pub(super) type Copied = (usize, oneshot::Receiver<Result<Answer, Failure>>);

/// A server that is still asked.
type Begun<'a> = (
    usize,
    Pin<&'a mut (dyn Future<Output = Result<Answer, Failure>> + Send)>,
);

/// Asks the servers in their turns until one has a good answer or the time is over. One may have
/// been asked already.
pub(super) async fn ask(
    inner: &Inner,
    query: &Query,
    (turns, copied): (&Turns, Option<Copied>),
    deadline: Instant,
) -> Result<Reply, AskError> {
    let mut round = Round {
        inner,
        deadline,
        tried: Vec::new(),
        error: None,
    };
    let is_simple = turns.at_once == 1 && copied.is_none();
    let first = turns.order.split_first();
    let Some((&first, others)) = first.filter(|_| is_simple) else {
        let servers = (turns.order.as_slice(), turns.at_once);
        return Box::pin(round.go_on(query, servers, copied, None)).await;
    };
    // Most queries end with the first answer: for what comes else, their futures have no room.
    let mut asking = pin!(inner.ask_one(first, query));
    let patience = round.patience(!others.is_empty());
    let mut begun: Option<Begun<'_>> = None;
    let heard = timeout_at(patience, asking.as_mut()).await;
    if !matches!(&heard, Ok(Ok(answer)) if answer.is_good()) {
        round.tried.push((first, None));
    }
    match heard {
        Ok(Ok(answer)) if answer.is_good() => return Ok(reply(first, answer)),
        Ok(Ok(answer)) => round.note_error(first, answer),
        Ok(Err(failure)) => round.note(first, failure),
        Err(_) => {
            round.note_slow();
            begun = Some((first, asking));
        }
    }
    if others.is_empty() {
        return round.give_up();
    }
    Box::pin(round.go_on(query, (others, 1), None, begun)).await
}

struct Round<'a> {
    inner: &'a Inner,
    deadline: Instant,
    /// The servers asked so far, and what went wrong.
    tried: Vec<(usize, Option<Failure>)>,
    /// The best of the errors that servers answered.
    error: Option<(usize, Answer)>,
}

impl Round<'_> {
    /// Asks the next ones of these servers, and then the others.
    async fn go_on(
        mut self,
        query: &Query,
        (servers, mut next): (&[usize], usize),
        mut copied: Option<Copied>,
        begun: Option<Begun<'_>>,
    ) -> Result<Reply, AskError> {
        let inner = self.inner;
        let mut waiting = servers.iter().copied().peekable();
        let mut running = FuturesUnordered::new();
        running.extend(
            begun.map(|(server, asking)| Either::Left(asking.map(move |heard| (server, heard)))),
        );
        loop {
            for server in waiting.by_ref().take(next) {
                self.tried.push((server, None));
                let is_copied = |(copied, _): &mut Copied| *copied == server;
                let copied = copied.take_if(is_copied);
                let hearing = hear(inner, query, (server, copied));
                running.push(Either::Right(hearing));
            }
            next = 1;
            let patience = self.patience(waiting.peek().is_some());
            match timeout_at(patience, running.next()).await {
                Ok(Some((server, Ok(answer)))) if answer.is_good() => {
                    return Ok(self.end(server, answer));
                }
                Ok(Some((server, Ok(answer)))) => self.note_error(server, answer),
                Ok(Some((server, Err(failure)))) => self.note(server, failure),
                Ok(None) => return self.give_up(),
                Err(_) => {
                    self.note_slow();
                    if waiting.peek().is_none() {
                        return self.give_up();
                    }
                }
            }
        }
    }

    /// Until when to wait before the next server is asked as well.
    fn patience(&self, has_next: bool) -> Instant {
        if !has_next {
            return self.deadline;
        }
        let now = Instant::now();
        now + self.deadline.saturating_duration_since(now) / 2
    }

    /// Notes a failure; one that was slow before is counted already.
    fn note(&mut self, server: usize, failure: Failure) {
        let noted = self.tried.iter_mut().find(|(tried, _)| *tried == server);
        let Some((_, noted)) = noted else { return };
        if noted.is_none() {
            self.inner.shared.failed(server, &failure);
        }
        *noted = Some(failure);
    }

    /// Notes an error that the server answered: its fault only if another server has an answer.
    fn note_error(&mut self, server: usize, answer: Answer) {
        let noted = self.tried.iter_mut().find(|(tried, _)| *tried == server);
        if let Some((_, noted)) = noted {
            *noted = Some(Failure::Answered(answer.rcode));
        }
        // SERVFAIL says that the upstream tried; REFUSED and the like only that it would not.
        let is_better = self.error.as_ref().is_none_or(|(_, best)| {
            best.rcode != Rcode::SERVFAIL && answer.rcode == Rcode::SERVFAIL
        });
        if is_better {
            self.error = Some((server, answer));
        }
    }

    /// Notes that those which are still asked had time enough.
    fn note_slow(&mut self) {
        for (server, failure) in &mut self.tried {
            if failure.is_none() {
                self.inner.shared.failed(*server, &Failure::Timeout);
                *failure = Some(Failure::Timeout);
            }
        }
    }

    /// Ends with an answer, which tells that the other servers' failures were their own.
    fn end(&self, server: usize, answer: Answer) -> Reply {
        for (tried, failure) in &self.tried {
            let Some(failure) = failure.as_ref().filter(|_| *tried != server) else {
                continue;
            };
            if matches!(failure, Failure::Answered(_)) {
                self.inner.shared.failed(*tried, failure);
            }
            if failure.blame() == Blame::Doubt {
                self.inner.shared.outdone(*tried, failure);
            }
        }
        reply(server, answer)
    }

    fn give_up(self) -> Result<Reply, AskError> {
        if let Some((server, answer)) = self.error {
            return Ok(reply(server, answer));
        }
        let tried = self.tried.into_iter();
        Err(error(
            self.inner,
            tried.map(|(server, failure)| (server, failure.unwrap_or(Failure::Timeout))),
        ))
    }
}

/// What a server says, and which: to the copy that it was sent already, or to the query.
async fn hear(
    inner: &Inner,
    query: &Query,
    (server, copied): (usize, Option<Copied>),
) -> (usize, Result<Answer, Failure>) {
    if let Some((_, answer)) = copied
        && let Ok(answer) = answer.await
    {
        return (server, answer);
    }
    (server, inner.ask_one(server, query).await)
}

/// An error that names the servers and their failures.
pub(super) fn error(inner: &Inner, tried: impl Iterator<Item = (usize, Failure)>) -> AskError {
    let name = |server| inner.shared.name(id(server)).unwrap_or_default();
    let tried = tried.map(|(server, failure)| Tried {
        upstream: id(server),
        name: name(server),
        failure,
    });
    AskError::unanswered(tried.collect())
}

/// An error that names a server whose answer came, and is of no use.
pub(super) fn useless(inner: &Inner, upstream: UpstreamId, failure: Failure) -> AskError {
    error(inner, [(usize::from(upstream.0), failure)].into_iter())
}

fn reply(server: usize, answer: Answer) -> Reply {
    let mut message = answer.wire;
    // The upper bits of a code stand in the OPT record, which nobody gets: without them BADVERS
    // would be a success.
    if answer.rcode.0 > 0x0f
        && let Some(flags) = message.get_mut(3)
    {
        *flags = *flags & 0xf0 | SERVFAIL;
    }
    Reply {
        message,
        upstream: id(server),
    }
}

/// There are at most 256 servers.
fn id(server: usize) -> UpstreamId {
    UpstreamId(u8::try_from(server).unwrap_or(u8::MAX))
}
