//! What a rule answers with.

use crate::matcher::rule::{Action, Pattern, Reply};
use crate::matcher::{Order, Placed, Says, Want};
use crate::query::Rcode;

/// How a blocked name is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockReply<'a> {
    /// As the config says.
    Configured,
    /// With this code and no data.
    Code(Rcode),
    /// With what the rule says.
    Given(&'a [Reply]),
    /// With this and no more, because an answer holds an address.
    Instead(&'a Reply),
    /// Truncated, so that the device asks again over TCP; over TCP it is let through.
    Truncated,
    /// Not at all.
    Silence,
    /// With other data: ask [`Policy::rewritten`](super::Policy::rewritten).
    Rewritten,
}

impl<'a> BlockReply<'a> {
    pub(super) fn of(rule: &Placed<'a>) -> Self {
        let is_of_zone = rule.source.order == Order::Zone;
        match rule.says {
            Says::Plain { want, .. } => match want {
                Want::BlockNxdomain => Self::Code(Rcode::NXDOMAIN),
                Want::BlockNodata => Self::Code(Rcode::NOERROR),
                Want::BlockRefused => Self::Code(Rcode::REFUSED),
                Want::Drop => Self::Silence,
                Want::Block | Want::Allow | Want::Leave | Want::Watch => Self::Configured,
            },
            Says::Rule(rule) => match &rule.action {
                Action::Block(replies) => match replies.as_slice() {
                    [] => Self::Configured,
                    [reply @ Reply::Address(_)] if is_of_zone => Self::data(&rule.pattern, reply),
                    [Reply::Code(code)] => Self::Code(*code),
                    replies => Self::Given(replies),
                },
                Action::Drop => Self::Silence,
                Action::Rewrite(Reply::Truncated) => Self::Truncated,
                Action::Rewrite(reply) => Self::data(&rule.pattern, reply),
                Action::Watch | Action::Allow | Action::Leave | Action::KeepAnswer(_) => {
                    Self::Configured
                }
            },
        }
    }

    fn data(pattern: &Pattern, reply: &'a Reply) -> Self {
        match pattern {
            Pattern::Address(_) => Self::Instead(reply),
            _ => Self::Rewritten,
        }
    }
}
