//! What rules make of a query: blocked names, rewritten ones, and answers that point to either.

use std::pin::pin;
use std::slice::from_ref;

use tokio::time::Instant;

use super::block::{self, Lead};
use super::{Pending, Pipeline, Step, Steps, fail, hear, refuse_to_ask, source_of};
use crate::cache::{Held, Target, alias};
use crate::policy::{self, BlockReply, Spares};
use crate::query::{
    AnswerBuf, ExtendedError, Match, Name, Query, Rcode, RecordType, Source, Transport, Verdict,
};

/// A name that is another name leads to a third at most this often.
const MAX_ALIASES: usize = 8;

impl Pipeline {
    /// Answers a name that is blocked, as the rule or the config says.
    pub(super) fn block(&self, query: &Query, pending: &mut Pending, out: &mut AnswerBuf) -> Step {
        let Verdict::Block(matched) = pending.verdict else {
            return Step::Next;
        };
        let ttl = block::ttl(&self.steps.blocking);
        let step = self.steps.policy.with_reply(matched, |reply, blocked| {
            match reply {
                // An address would tell browsers that they may go around us.
                BlockReply::Configured if self.steps.local.is_canary(&query.name) => {
                    block::code(query, Rcode::NXDOMAIN, ttl, out);
                }
                BlockReply::Configured => block::configured(query, &self.steps.blocking, out),
                BlockReply::Code(rcode) => block::code(query, rcode, ttl, out),
                BlockReply::Given(replies) if block::leads(replies) => return Step::Wait,
                BlockReply::Given(replies) => block::given(query, replies, ttl, out),
                BlockReply::Instead(reply) => {
                    if let Lead::To(_) = block::rewritten(query, from_ref(reply), ttl, out) {
                        return Step::Wait;
                    }
                }
                BlockReply::Silence => {
                    out.clear();
                    return Step::Silent;
                }
                BlockReply::Truncated if query.transport == Transport::Udp => {
                    out.begin(query, Rcode::NOERROR);
                    out.set_truncated();
                }
                BlockReply::Truncated | BlockReply::Rewritten => return Step::Next,
            }
            out.finish(query, Some(blocked));
            Step::Done(Source::Policy)
        });
        match step {
            Step::Next => self.rewrite(query, pending, matched, out),
            step => step,
        }
    }

    /// Answers a rewritten name, if that can be done at once.
    fn rewrite(
        &self,
        query: &Query,
        pending: &mut Pending,
        matched: Match,
        out: &mut AnswerBuf,
    ) -> Step {
        let policy = &self.steps.policy;
        let rewritten = policy.rewritten(pending.asker, &query.name, query.kind);
        let lead = match rewritten.replies.as_slice() {
            // Truncated over UDP, and let through over TCP.
            [] => None,
            replies => Some(block::rewritten(query, replies, self.block_ttl(), out)),
        };
        match lead {
            Some(Lead::Written) => {
                out.finish(query, None);
                Step::Done(Source::Policy)
            }
            Some(Lead::To(target)) if target != query.name => Step::Wait,
            // A name that is itself is not rewritten.
            Some(Lead::To(_)) | None => {
                pending.verdict = Verdict::Allow(Some(matched));
                Step::Next
            }
        }
    }

    pub(super) fn block_ttl(&self) -> u32 {
        block::ttl(&self.steps.blocking)
    }

    /// Hands on an upstream's answer, unless a rule is against what it points to.
    pub(super) fn pass(
        &self,
        query: &Query,
        pending: &mut Pending,
        told: (&Held, Source),
        out: &mut AnswerBuf,
    ) -> Step {
        let (held, source) = told;
        self.pass_at(query, pending, (held, source, Instant::now()), out)
    }

    /// The same, at a time that is known.
    pub(super) fn pass_at(
        &self,
        query: &Query,
        pending: &mut Pending,
        (held, source, now): (&Held, Source, Instant),
        out: &mut AnswerBuf,
    ) -> Step {
        let swap = self.steps.policy.swap();
        let spares = match pending.verdict {
            _ if held.is_clean(swap, pending.asker.group) => Spares::All,
            Verdict::Allow(Some(matched)) => self.steps.policy.spares(matched),
            _ => Spares::Nothing,
        };
        if spares != Spares::All {
            if self.leads_home(query, held) {
                return self.keep_out(query, pending, out);
            }
            match self.inspect(query, pending.asker, (held, spares)) {
                Some(verdict @ Verdict::Block(_)) => {
                    pending.verdict = verdict;
                    match self.block_target(query, pending, out) {
                        // Over TCP what is only truncated is let through.
                        Step::Next => {}
                        step => return step,
                    }
                }
                Some(watch) if pending.verdict.matched().is_none() => pending.verdict = watch,
                Some(_) => {}
                // As long as the rules stay, the name is let through by the same.
                None => self.note_clean(query, pending.asker, (held, swap)),
            }
        }
        held.write(query, now, out);
        self.steps.local.leave_out(query, out);
        out.finish(query, held.extended_error(now));
        Step::Done(source)
    }

    /// Answers a name whose answer points to what is blocked. Other data for another name is no
    /// answer to what was asked.
    pub(super) fn block_target(
        &self,
        query: &Query,
        pending: &mut Pending,
        out: &mut AnswerBuf,
    ) -> Step {
        let Verdict::Block(matched) = pending.verdict else {
            return Step::Next;
        };
        let leads_on = self
            .steps
            .policy
            .with_reply(matched, |reply, _| match reply {
                BlockReply::Rewritten => true,
                BlockReply::Given(replies) => block::leads(replies),
                BlockReply::Configured
                | BlockReply::Code(_)
                | BlockReply::Instead(_)
                | BlockReply::Silence
                | BlockReply::Truncated => false,
            });
        if !leads_on {
            return self.block(query, pending, out);
        }
        block::configured(query, &self.steps.blocking, out);
        self.steps.policy.with_reply(matched, |_, blocked| {
            out.finish(query, Some(blocked));
        });
        Step::Done(Source::Policy)
    }

    /// The strictest verdict on what an answer points to.
    fn inspect(
        &self,
        query: &Query,
        asker: policy::Asker,
        (held, spares): (&Held, Spares),
    ) -> Option<Verdict> {
        if !self.steps.blocking.inspect_answers || spares == Spares::Rules {
            return None;
        }
        let policy = &self.steps.policy;
        let counts = |verdict: &Verdict| {
            let matched = verdict.matched().filter(|_| spares == Spares::Packs);
            matched.is_none_or(|matched| policy.spares(matched) != Spares::Packs)
        };
        let looks_at_addresses = policy.inspects_addresses(asker);
        let mut worst = None;
        for (kind, target) in held.targets() {
            let target = match &target {
                Target::Name(name) => policy::Target::Name(name),
                Target::Address(_) if !looks_at_addresses => continue,
                Target::Address(address) => policy::Target::Address(*address),
            };
            let found = policy.inspect(asker, &query.name, (target, kind));
            match found.filter(counts) {
                Some(block @ Verdict::Block(_)) => return Some(block),
                Some(watch) => worst = worst.or(Some(watch)),
                None => {}
            }
        }
        worst
    }

    /// Remembers that nothing is against what an answer points to.
    fn note_clean(&self, query: &Query, asker: policy::Asker, (held, swap): (&Held, u32)) {
        let Steps { policy, local, .. } = &*self.steps;
        // What one device may reach, another may not; so with one name and what is below it.
        if !policy.differs_by_device(asker) && !local.spares(&query.name) {
            held.mark_clean(swap, asker.group);
        }
    }

    /// Asks an upstream.
    pub(super) async fn ask(
        &self,
        query: &Query,
        pending: &mut Pending,
        out: &mut AnswerBuf,
    ) -> Source {
        if !query.wants_recursion() {
            return refuse_to_ask(query, out);
        }
        let hearing = pin!(hear(&self.upstreams, query));
        let (held, source) = self.steps.cache.resolve(query, hearing).await;
        let step = self.pass(query, pending, (&held, source), out);
        self.end(&step, query, pending, out).await
    }

    /// The end of a query whose answer was looked at.
    pub(super) async fn end(
        &self,
        step: &Step,
        query: &Query,
        pending: &Pending,
        out: &mut AnswerBuf,
    ) -> Source {
        match step {
            Step::Done(source) => *source,
            Step::Wait => Box::pin(self.follow(query, pending, out)).await,
            Step::Silent | Step::Next => Source::Policy,
        }
    }

    /// Answers a name that a rule makes another name.
    pub(super) async fn follow(
        &self,
        query: &Query,
        pending: &Pending,
        out: &mut AnswerBuf,
    ) -> Source {
        let mut aliases = Vec::new();
        let mut last = query.clone();
        let mut leads_on = true;
        while leads_on && let Some((target, leads_further)) = self.lead(&last, pending, out) {
            // RFC 1034 §4.3.2: an alias that was asked for is the answer.
            leads_on = leads_further && query.kind != RecordType::CNAME;
            if aliases.len() == MAX_ALIASES || aliases.contains(&target) {
                let text = "names of rules lead to each other";
                return fail(query, ExtendedError::new(ExtendedError::OTHER, text), out);
            }
            aliases.push(target);
            last = query.about(target);
        }
        let mut beside = None;
        if query.kind == RecordType::CNAME && !aliases.is_empty() {
            out.begin(&last, Rcode::NOERROR);
        } else if out.as_slice().is_empty() {
            beside = self.resolve(&last, pending, out).await;
        }
        for number in (0..aliases.len()).rev() {
            let owner = number.checked_sub(1).and_then(|above| aliases.get(above));
            let owner = owner.map_or_else(|| query.clone(), |name| query.about(*name));
            let answer = aliases
                .get(number)
                .and_then(|target| alias(&owner, target, out.as_slice(), self.block_ttl()));
            let Some(answer) = answer else {
                let text = "the upstream's answer is malformed";
                let error = ExtendedError::new(ExtendedError::NETWORK_ERROR, text);
                return fail(query, error, out);
            };
            let rcode = out.rcode();
            out.adopt(&owner, &answer, rcode);
        }
        out.finish(query, beside);
        source_of(out.rcode(), Source::Policy)
    }

    /// The name that rules make of this one, and whether they say what becomes of that; where they
    /// give data instead, it is written.
    fn lead(&self, query: &Query, pending: &Pending, out: &mut AnswerBuf) -> Option<(Name, bool)> {
        out.clear();
        let policy = &self.steps.policy;
        let ttl = self.block_ttl();
        if let Verdict::Block(matched) = pending.verdict {
            let given = policy.with_reply(matched, |reply, _| match reply {
                BlockReply::Given(replies) => block::lead_of(replies),
                BlockReply::Instead(reply) => {
                    match block::rewritten(query, from_ref(reply), ttl, out) {
                        Lead::To(target) => Some(target),
                        Lead::Written => None,
                    }
                }
                _ => None,
            });
            // Only the name that was asked is blocked by it.
            if let Some(target) = given.filter(|target| *target != query.name) {
                return Some((target, false));
            }
        }
        let rewritten = policy.rewritten(pending.asker, &query.name, query.kind);
        if rewritten.replies.is_empty() {
            return None;
        }
        match block::rewritten(query, &rewritten.replies, ttl, out) {
            Lead::To(target) if target != query.name => Some((target, rewritten.leads_on)),
            Lead::To(_) => {
                out.clear();
                None
            }
            Lead::Written => None,
        }
    }
}
