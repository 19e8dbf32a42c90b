//! unbound's `local-zone:` and `local-data:` lines.

use std::net::IpAddr;

use super::found::{Found, Skip};
use super::{hostname, rpz};
use crate::matcher::rule::{Action, Pattern, Reach, Reply, Rule};
use crate::query::{Rcode, RecordType};

/// Reads lines; keeps the last zone that redirects, because its data cover all below it.
#[derive(Default)]
pub(super) struct Unbound {
    redirects: Option<Box<str>>,
}

impl Unbound {
    /// Reads a line.
    pub(super) fn read(&mut self, line: &str, found: &mut Found<'_>) {
        let line = line.trim();
        if line.starts_with(['#', ';', '!']) {
            return found.skip(Skip::Comment);
        }
        if line.is_empty() {
            return;
        }
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        match key.trim() {
            "server" if value.is_empty() || value.starts_with('#') => found.skip(Skip::Header),
            "local-zone" => self.zone(value, found),
            "local-data" => found.take(self.data(value)),
            "local-data-ptr" => found.take(pointer(value)),
            other => found.refuse(format!("`{other}` names nothing to block or to answer")),
        }
    }

    fn zone(&mut self, value: &str, found: &mut Found<'_>) {
        let Some((name, rest)) = word(value) else {
            return found.refuse("a name and a type belong here");
        };
        let kind = word(rest).map(|(kind, _)| kind).unwrap_or_default();
        let action = match zone_action(kind) {
            Ok(action) => action,
            Err(reason) => return found.refuse(reason),
        };
        if name == "." {
            return found.rule(Rule::new(Pattern::everything(), action));
        }
        if kind.ends_with("redirect") {
            self.redirects = hostname::name(name).ok();
        }
        found.name(Reach::Subtree, name, &action);
    }

    fn data(&self, value: &str) -> Result<Rule, String> {
        let text = unquoted(value);
        let (name, rest) = word(text).ok_or("a record belongs here")?;
        let name = hostname::name(name)?;
        let (kind, data) = rpz::kind_and_data(rest)?;
        let action = match (kind, data.parse::<IpAddr>()) {
            (_, Ok(address)) if hostname::is_null(address) => Action::Block(Vec::new()),
            (RecordType::CNAME, _) => Action::Rewrite(Reply::Cname(hostname::name(data)?)),
            _ => Action::Rewrite(rpz::reply(kind, data)?),
        };
        let pattern = if self.redirects.as_ref() == Some(&name) {
            Pattern::Subtree(name)
        } else {
            Pattern::Exact(name)
        };
        Ok(Rule::new(pattern, action))
    }
}

/// What a zone of this type does with its names.
fn zone_action(kind: &str) -> Result<Action, String> {
    let code = |code| Action::Block(vec![Reply::Code(code)]);
    Ok(match kind {
        "static" | "always_nxdomain" => code(Rcode::NXDOMAIN),
        "always_nodata" | "redirect" | "inform_redirect" => code(Rcode::NOERROR),
        "refuse" | "always_refuse" => code(Rcode::REFUSED),
        "always_null" => Action::Block(Vec::new()),
        "deny" | "always_deny" | "inform_deny" => Action::Drop,
        "inform" => Action::Watch,
        // Without data of its own such a zone says nothing: others may still block.
        "transparent" | "typetransparent" => Action::Leave,
        "always_transparent" => Action::Allow,
        "nodefault" | "noview" => return Err(format!("a zone of type `{kind}` sets no rule")),
        "" => return Err("the zone has no type".to_owned()),
        _ => return Err(format!("`{kind}` is no type of a zone")),
    })
}

/// `local-data-ptr: "ADDRESS [TTL] NAME"`
fn pointer(value: &str) -> Result<Rule, String> {
    let mut words = unquoted(value).split_whitespace();
    let (first, last) = (words.next(), words.next_back());
    let address: IpAddr = first
        .and_then(|word| word.parse().ok())
        .ok_or("an address belongs in front")?;
    let target = hostname::name(last.unwrap_or_default())?;
    let reply = Reply::Record(RecordType::PTR, target);
    Ok(Rule::new(
        Pattern::Exact(hostname::reverse(address)),
        Action::Rewrite(reply),
    ))
}

/// The first word, in quotes or not, and the rest.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted.split_once('"');
    }
    if text.is_empty() {
        return None;
    }
    Some(text.split_once(char::is_whitespace).unwrap_or((text, "")))
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((inside, _)) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.rsplit_once(quote))
        {
            return inside;
        }
    }
    value.split(" #").next().unwrap_or_default().trim_end()
}
