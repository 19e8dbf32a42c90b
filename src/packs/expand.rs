//! Families of names: `data.{area}.example.com` with `expand = { area = ["eu", "us"] }`.

use std::collections::BTreeSet;

use super::written::WrittenEntry;

/// The names that an entry stands for; what does not fit together comes back as a sentence.
pub(super) fn expand(entry: &WrittenEntry) -> Result<Vec<String>, Vec<String>> {
    let faults = faults(entry);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut names = vec![entry.domain.value.clone()];
    for (key, parts) in &entry.expand {
        let placeholder = format!("{{{}}}", key.value);
        names = names
            .iter()
            .flat_map(|name| {
                parts
                    .iter()
                    .map(|part| name.replace(&placeholder, &part.value))
            })
            .collect();
    }
    Ok(names)
}

fn faults(entry: &WrittenEntry) -> Vec<String> {
    let domain = entry.domain.value.as_str();
    let Some(used) = placeholders(domain) else {
        return vec![format!("`{domain}`: a brace has no partner")];
    };
    let mut faults = Vec::new();
    for name in &used {
        if !entry.expand.iter().any(|(key, _)| key.value == *name) {
            faults.push(format!(
                "`{domain}`: `{{{name}}}` stands for nothing; add expand = {{ {name} = [...] }}"
            ));
        }
    }
    for (key, parts) in &entry.expand {
        let key = key.value.as_str();
        if !used.contains(key) {
            faults.push(format!(
                "`{domain}`: expand has `{key}`, but the domain has no `{{{key}}}`"
            ));
        }
        if parts.len() < 2 {
            faults.push(format!(
                "`{domain}`: expand `{key}` needs at least two values"
            ));
        }
    }
    if entry.expand.len() > 2 {
        faults.push(format!("`{domain}`: more than two placeholders"));
    }
    faults
}

/// The names between braces; `None` if the braces are not in pairs.
fn placeholders(domain: &str) -> Option<BTreeSet<&str>> {
    let mut found = BTreeSet::new();
    let mut rest = domain;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if before.contains('}') || name.contains('{') {
            return None;
        }
        found.insert(name);
        rest = after;
    }
    (!rest.contains('}')).then_some(found)
}
