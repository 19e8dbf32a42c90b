//! A pack as somebody wrote it: every value with its line, nothing looked up yet.

use jiff::civil::Date;

use super::Action;
use super::finding::Finding;
use super::format::{ActionWord, Level, PackKind, Region, Scope, Severity};
use super::read::{Fields, File, Lined};
use super::shape::Shape;

/// A pack's file.
#[derive(Debug)]
pub(super) struct Written {
    /// The file, as findings call it.
    pub file: String,
    /// The line of `[pack]`.
    pub line: u32,
    pub id: Lined<String>,
    pub name: Lined<String>,
    pub summary: Lined<String>,
    pub kind: PackKind,
    pub owner_domains: Vec<Lined<String>>,
    pub see_also: Vec<Lined<String>>,
    pub reviewed: Lined<Date>,
    pub components: Vec<WrittenComponent>,
    pub entries: Vec<WrittenEntry>,
    /// Whether nothing was left out because it could not be read.
    pub is_whole: bool,
}

/// `[[component]]`
#[derive(Debug)]
pub(super) struct WrittenComponent {
    pub id: Lined<String>,
    pub name: Lined<String>,
    pub packages: Vec<Lined<String>>,
    pub opt_out: Option<Lined<String>>,
}

/// `[[entry]]`
#[derive(Debug)]
pub(super) struct WrittenEntry {
    /// With its placeholders; its line stands for the entry.
    pub domain: Lined<String>,
    pub expand: Vec<(Lined<String>, Vec<Lined<String>>)>,
    pub scope: Scope,
    pub action: Action,
    pub purposes: Vec<Lined<String>>,
    pub component: Option<Lined<String>>,
    pub regions: Vec<Region>,
    pub lists: Vec<Lined<String>>,
    pub note: Option<Lined<String>>,
    pub retired: Option<Lined<Date>>,
    pub evidence: Vec<WrittenEvidence>,
    pub breaks: Vec<WrittenBreak>,
}

/// `[[entry.evidence]]`
#[derive(Debug)]
pub(super) struct WrittenEvidence {
    pub source: Lined<String>,
    pub kind: Lined<String>,
    pub place: Lined<String>,
    pub seen: Option<u16>,
    pub data: Vec<Lined<String>>,
    pub when: Option<Lined<String>>,
}

/// `[[entry.breaks]]`
#[derive(Debug)]
pub(super) struct WrittenBreak {
    pub what: Lined<String>,
    pub severity: Lined<Severity>,
    pub disputed: bool,
    pub source: Option<Lined<String>>,
    pub place: Option<Lined<String>>,
}

impl Written {
    /// Reads a pack's file; what is wrong goes to `findings`. `None` if there is no pack in it.
    pub fn read(label: &str, text: &str, findings: &mut Vec<Finding>) -> Option<Self> {
        let file = File::new(label, text);
        let written = file.root().and_then(|root| Self::from_root(label, root));
        let problems = file.into_findings();
        let written = written.map(|written| Self {
            is_whole: problems.is_empty(),
            ..written
        });
        findings.extend(problems);
        written
    }

    fn from_root(label: &str, mut root: Fields<'_, '_>) -> Option<Self> {
        root.schema();
        let header = root.table("pack");
        let components = root.tables("component");
        let entries = root.tables("entry");
        if entries.is_empty() {
            root.refuse(1, "the file: there is no [[entry]]".to_owned());
        }
        root.finish();
        let components = components
            .into_iter()
            .filter_map(WrittenComponent::read)
            .collect();
        let entries = entries.into_iter().filter_map(WrittenEntry::read).collect();
        let mut header = header?;
        let id = header.text("id", &Shape::ID);
        let name = header.text("name", &Shape::NAME);
        let summary = header.text("summary", &Shape::SUMMARY);
        let kind = header.word::<PackKind>("kind");
        let owner_domains = header.texts("owner_domains", &Shape::DOMAIN);
        let see_also = header.texts("see_also", &Shape::ID);
        header.some_texts("maintainers", &Shape::MAINTAINER);
        let reviewed = header.date("reviewed");
        header.text("licence", &Shape::LICENCE);
        let line = header.line();
        header.finish();
        Some(Self {
            file: label.to_owned(),
            line,
            id: id?,
            name: name?,
            summary: summary?,
            kind: kind?.value,
            owner_domains,
            see_also,
            reviewed: reviewed?,
            components,
            entries,
            is_whole: true,
        })
    }
}

impl WrittenComponent {
    fn read(mut table: Fields<'_, '_>) -> Option<Self> {
        let id = table.text("id", &Shape::ID);
        let name = table.text("name", &Shape::NAME);
        let packages = table.texts("packages", &Shape::PACKAGE);
        let opt_out = table.optional_text("opt_out", &Shape::SWITCH);
        table.finish();
        Some(Self {
            id: id?,
            name: name?,
            packages,
            opt_out,
        })
    }
}

impl WrittenEntry {
    fn read(mut table: Fields<'_, '_>) -> Option<Self> {
        let domain = table.text("domain", &Shape::DOMAIN);
        if let Some(domain) = &domain {
            table.rename(format!("entry `{}`", domain.value));
        }
        let expand = table.named_lists("expand", &Shape::PART);
        let scope = table.word::<Scope>("match");
        let action = read_action(&mut table);
        let purposes = table.some_texts("purpose", &Shape::ID);
        let component = table.optional_text("component", &Shape::ID);
        let regions = table.words::<Region>("regions");
        let lists = table.texts("lists", &Shape::ID);
        let note = table.optional_text("note", &Shape::TITLE);
        let retired = table.optional_date("retired");
        let evidence = table.tables("evidence");
        let breaks = table.tables("breaks");
        if breaks.is_empty() {
            let right = "say what blocking would break, even if it is \"Nothing reported\"";
            table.refuse_here(&format!("[[entry.breaks]] is missing; {right}"));
        }
        table.finish();
        let evidence = evidence.into_iter().filter_map(WrittenEvidence::read);
        let breaks = breaks.into_iter().filter_map(WrittenBreak::read);
        let (evidence, breaks) = (evidence.collect(), breaks.collect());
        Some(Self {
            domain: domain?,
            expand,
            scope: scope?.value,
            action: action?,
            purposes: purposes?,
            component,
            regions: regions?,
            lists,
            note,
            retired,
            evidence,
            breaks,
        })
    }
}

fn read_action(table: &mut Fields<'_, '_>) -> Option<Action> {
    let unlevelled = match table.word::<ActionWord>("action")?.value {
        ActionWord::Block => {
            let level = table.word::<Level>("level")?.value;
            return Some(Action::Block { level });
        }
        ActionWord::Allow => Action::Allow,
        ActionWord::Watch => Action::Watch,
    };
    let Some(level) = table.optional_word::<Level>("level") else {
        return Some(unlevelled);
    };
    let message = "`level` stands only with action = \"block\"; take it away";
    table.refuse_at(level.line, message);
    None
}

impl WrittenEvidence {
    fn read(mut table: Fields<'_, '_>) -> Option<Self> {
        let source = table.text("source", &Shape::ID);
        let kind = table.text("kind", &Shape::ID);
        let place = table.text("where", &Shape::PLACE);
        let seen = table.optional_number("seen", 2008..=2100);
        let data = table.texts("data", &Shape::ID);
        let when = table.optional_text("when", &Shape::CIRCUMSTANCE);
        table.finish();
        Some(Self {
            source: source?,
            kind: kind?,
            place: place?,
            seen,
            data,
            when,
        })
    }
}

impl WrittenBreak {
    fn read(mut table: Fields<'_, '_>) -> Option<Self> {
        let what = table.text("what", &Shape::CIRCUMSTANCE);
        let severity = table.word::<Severity>("severity");
        let disputed = table.flag("disputed");
        let source = table.optional_text("source", &Shape::ID);
        let place = table.optional_text("where", &Shape::PLACE);
        table.finish();
        Some(Self {
            what: what?,
            severity: severity?,
            disputed,
            source,
            place,
        })
    }
}
