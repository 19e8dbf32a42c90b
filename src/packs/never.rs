//! `never-block.toml`: names that no pack may block.

use super::finding::Finding;
use super::format::Scope;
use super::names::is_within;
use super::read::File;
use super::shape::Shape;

/// A name that must not be blocked.
#[derive(Debug)]
pub(super) struct Never {
    pub domain: String,
    pub scope: Scope,
    pub why: String,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct NeverBlock(Vec<Never>);

impl NeverBlock {
    /// Reads the file; what is wrong goes to `findings`.
    pub fn read(label: &str, text: &str, findings: &mut Vec<Finding>) -> Self {
        let file = File::new(label, text);
        let mut names = Vec::new();
        if let Some(mut root) = file.root() {
            root.schema();
            for mut table in root.tables("never") {
                let domain = table.text("domain", &Shape::DOMAIN);
                let scope = table.word::<Scope>("match");
                let why = table.text("why", &Shape::TITLE);
                table.finish();
                if let (Some(domain), Some(scope), Some(why)) = (domain, scope, why) {
                    names.push(Never {
                        domain: domain.value,
                        scope: scope.value,
                        why: why.value,
                    });
                }
            }
            root.finish();
        }
        findings.extend(file.into_findings());
        Self(names)
    }

    /// The names, and why each must not be blocked.
    pub fn into_names(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter().map(|never| (never.domain, never.why))
    }

    /// The name that a block of `domain` would take along, if there is one.
    pub fn hit_by(&self, domain: &str, scope: Scope) -> Option<&Never> {
        self.0.iter().find(|never| {
            never.domain == domain
                || (scope == Scope::Subtree && is_within(&never.domain, domain))
                || (never.scope == Scope::Subtree && is_within(domain, &never.domain))
        })
    }
}
