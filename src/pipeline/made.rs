//! Answers that are made here of what upstreams say: names that stand for others, IPv6 addresses
//! of IPv4 ones (DNS64), and addresses of the home that are kept out (DNS rebinding).

use std::pin::pin;

use tokio::time::Instant;

use super::{Pending, Pipeline, Step, block, fail, hear, refuse_to_ask, source_of};
use crate::cache::{Held, Target, Told, alias};
use crate::local::{Dns64, Found};
use crate::query::{
    AnswerBuf, ExtendedError, Match, Name, Query, Rcode, RecordType, Source, Transport, Verdict,
};

/// A name that stands for another leads to a third at most this often.
const MAX_ALIASES: usize = 8;
/// RFC 6147 §5.1.7: how long others may keep an address that is made here, in seconds, where the zone
/// does not say for how long there is none of its own.
const MADE_TTL: u32 = 600;
const IN_CIRCLES: &str = "names of ours lead to each other";

impl Pipeline {
    /// Answers a name that is not blocked, and has to wait.
    pub(super) async fn make(
        &self,
        query: &Query,
        pending: &mut Pending,
        out: &mut AnswerBuf,
    ) -> Source {
        let local = &self.steps.local;
        let group = pending.asker.group;
        if local.alias(query, group).is_some() {
            return Box::pin(self.follow_ours(query, pending, out)).await;
        }
        match local.dns64().filter(|dns64| dns64.applies(query)) {
            Some(dns64) => Box::pin(self.translate(dns64, query, pending, out)).await,
            None => self.ask(query, pending, out).await,
        }
    }

    /// Answers a name that stands for another one, which is none of ours.
    async fn follow_ours(
        &self,
        query: &Query,
        pending: &mut Pending,
        out: &mut AnswerBuf,
    ) -> Source {
        let local = &self.steps.local;
        let Some((aliases, last)) = self.aliases(query, pending) else {
            return fail(query, other(IN_CIRCLES), out);
        };
        let beside = match local.dns64().filter(|dns64| dns64.applies(&last)) {
            // What would have to be made of other answers is more than what is here.
            Some(_) if !query.wants_recursion() => alone(&last, out),
            Some(dns64) => {
                self.translate(dns64, &last, pending, out).await;
                None
            }
            None => self.resolve(&last, pending, out).await,
        };
        if !lead_back(&aliases, out) {
            return fail(query, other("the upstream's answer is malformed"), out);
        }
        // The first owner is the name as it was asked, but for its spelling and its end.
        let (answer, rcode) = (out.as_slice().to_vec(), out.rcode());
        out.adopt(query, &answer, rcode);
        local.leave_out(query, out);
        out.finish(query, beside);
        source_of(rcode, Source::Local)
    }

    /// Where names of ours lead, one after the other, and the first that is none of ours; nothing
    /// where they lead in circles.
    fn aliases(&self, query: &Query, pending: &Pending) -> Option<(Vec<Alias>, Query)> {
        let mut aliases = Vec::new();
        let mut last = whole(query, query.name);
        while let Some((target, ttl)) = self.steps.local.alias(&last, pending.asker.group) {
            if aliases.len() == MAX_ALIASES {
                return None;
            }
            let next = whole(&last, target);
            aliases.push((last, target, ttl));
            last = next;
        }
        Some((aliases, last))
    }

    /// Answers a name that stands for the one that was asked, without its end, but with what is to
    /// be said there: rules on it do not count.
    pub(super) async fn resolve(
        &self,
        query: &Query,
        pending: &Pending,
        out: &mut AnswerBuf,
    ) -> Option<ExtendedError<'static>> {
        let ours = self.steps.local.answer(query, pending.asker.group, out);
        if ours == Found::Written {
            return None;
        }
        let Some((aliases, last)) = self.aliases(query, pending) else {
            out.begin(query, Rcode::SERVFAIL);
            return Some(other(IN_CIRCLES));
        };
        let mut beside = None;
        if self.steps.local.answer(&last, pending.asker.group, out) != Found::Written {
            beside = match self.look_up(&last, pending).await {
                Some((held, _)) => {
                    let now = Instant::now();
                    held.write(&last, now, out);
                    held.extended_error(now)
                }
                None => alone(&last, out),
            };
        }
        if lead_back(&aliases, out) {
            return beside;
        }
        out.begin(query, Rcode::SERVFAIL);
        Some(other("the upstream's answer is malformed"))
    }

    /// Whether an answer that is held has to be made of another one.
    pub(super) fn is_translated(&self, query: &Query, held: &Held) -> bool {
        let dns64 = self.steps.local.dns64();
        dns64.is_some_and(|dns64| dns64.applies(query)) && lacks_address(held)
    }

    /// Answers a question for IPv6 addresses, with those of the translator where the name has none
    /// of its own (RFC 6147 §5.1).
    async fn translate(
        &self,
        dns64: &Dns64,
        query: &Query,
        pending: &mut Pending,
        out: &mut AnswerBuf,
    ) -> Source {
        let Some((own, own_source)) = self.look_up(query, pending).await else {
            return refuse_to_ask(query, out);
        };
        if !lacks_address(&own) {
            let step = self.pass(query, pending, (&own, own_source), out);
            return self.end(&step, query, pending, out).await;
        }
        let mut ipv4 = whole(query, query.name);
        ipv4.kind = RecordType::A;
        let Some((held, source)) = self.look_up(&ipv4, pending).await else {
            return refuse_to_ask(query, out);
        };
        if held.is_failure() {
            let step = self.pass(query, pending, (&own, own_source), out);
            return self.end(&step, query, pending, out).await;
        }
        let verdict = pending.verdict;
        let step = self.pass(&ipv4, pending, (&held, source), out);
        if pending.verdict != verdict
            && let Verdict::Block(matched) = pending.verdict
        {
            let step = match matched {
                Match::NO_ENTRY => self.keep_out(query, pending, out),
                _ => self.block_target(query, pending, out),
            };
            return self.end(&step, query, pending, out).await;
        }
        let ttl = own.nothing_for(Instant::now()).unwrap_or(MADE_TTL);
        if let Some(made) = dns64.synthesize(query, out.as_slice(), ttl) {
            out.adopt(query, &made, Rcode::NOERROR);
            out.finish(query, None);
            return done(&step);
        }
        let step = self.pass(query, pending, (&own, own_source), out);
        self.end(&step, query, pending, out).await
    }

    /// What is held for this question, or what an upstream says; who asks the same meanwhile waits
    /// for that. `None` where nothing is held, and nobody is to be asked.
    pub(super) async fn look_up(&self, query: &Query, pending: &Pending) -> Option<Told> {
        let cache = &self.steps.cache;
        let Some(held) = cache.find(query, pending.started) else {
            if !query.wants_recursion() {
                return None;
            }
            let hearing = pin!(hear(&self.upstreams, query));
            return Some(cache.resolve(query, hearing).await);
        };
        // Nobody but us may ever ask for this one.
        if query.wants_recursion() && cache.give(&held, pending.started) {
            self.refresh(query);
        }
        Some((held, Source::Cache))
    }

    /// Whether an answer leads to an address that it has no business with.
    pub(super) fn leads_home(&self, query: &Query, held: &Held) -> bool {
        let local = &self.steps.local;
        local.keeps_out(&query.name)
            && held.targets().any(|(_, target)| match target {
                Target::Address(address) => local.is_of_the_home(address),
                Target::Name(_) => false,
            })
    }

    /// Answers with nothing: the name leads into the home. The null address would lead there, too.
    pub(super) fn keep_out(
        &self,
        query: &Query,
        pending: &mut Pending,
        out: &mut AnswerBuf,
    ) -> Step {
        pending.verdict = Verdict::Block(Match::NO_ENTRY);
        block::code(query, Rcode::NOERROR, self.block_ttl(), out);
        let text = "it leads to an address at home (DNS rebinding)";
        let error = ExtendedError::new(ExtendedError::BLOCKED, text);
        out.finish(query, Some(error));
        Step::Done(Source::Policy)
    }
}

/// A question, the name that its name stands for, and for how many seconds others may believe it.
type Alias = (Query, Name, u32);

/// Makes of the answer for the last name one for the first; false where it is malformed.
fn lead_back(aliases: &[Alias], out: &mut AnswerBuf) -> bool {
    aliases.iter().rev().all(|(owner, target, ttl)| {
        let rcode = out.rcode();
        let answer = alias(owner, target, out.as_slice(), *ttl);
        answer.is_some_and(|answer| {
            out.adopt(owner, &answer, rcode);
            true
        })
    })
}

/// An answer that says nothing of its name, without its end: aliases come before it.
fn alone(query: &Query, out: &mut AnswerBuf) -> Option<ExtendedError<'static>> {
    out.begin(query, Rcode::NOERROR);
    None
}

/// The same question about a name, whose answer is taken whole.
fn whole(query: &Query, name: Name) -> Query {
    Query {
        transport: Transport::Tcp,
        ..query.about(name)
    }
}

/// Whether an answer for IPv6 addresses has none that anybody reaches, and yet the name may exist.
fn lacks_address(held: &Held) -> bool {
    let is_real = |(kind, target)| match target {
        // RFC 6147 §5.1.4: IPv4 in IPv6 form is none.
        Target::Address(address) => kind == RecordType::AAAA && address.to_canonical().is_ipv6(),
        Target::Name(_) => false,
    };
    held.rcode() != Rcode::NXDOMAIN && !held.targets().any(is_real)
}

fn other(text: &'static str) -> ExtendedError<'static> {
    ExtendedError::new(ExtendedError::OTHER, text)
}

fn done(step: &Step) -> Source {
    match step {
        Step::Done(source) => *source,
        Step::Silent | Step::Wait | Step::Next => Source::Policy,
    }
}
