//! The comparison, docs/SCENARIOS.md: one column a server, of which a run writes its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::file::Area;
use super::play::Outcome;
use super::served::Peer;

const COLUMNS: [&str; 3] = ["squelch", "unbound", "dnsmasq"];
const HOLDS: &str = "✓";
const DIFFERS: &str = "✗";
const NOT_OFFERED: &str = "–";
const UNKNOWN: &str = "?";

/// What is written there now: the versions, and the marks of each scenario.
#[derive(Default)]
struct Marks {
    versions: BTreeMap<String, String>,
    rows: BTreeMap<String, [String; 3]>,
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SCENARIOS.md")
}

fn column(peer: Peer) -> usize {
    match peer {
        Peer::Squelch | Peer::Binary => 0,
        Peer::Unbound => 1,
        Peer::Dnsmasq => 2,
    }
}

/// Writes what came of a run, tells it, and leaves the other columns as they are.
pub fn write(peer: Peer, areas: &[Area], outcomes: &[Vec<Outcome>]) {
    let mut marks = Marks::read();
    let column = column(peer);
    let name = COLUMNS[column];
    marks.versions.insert(name.to_owned(), peer.version());
    let mut counts = [0; 3];
    for (area, outcomes) in areas.iter().zip(outcomes) {
        for (scenario, outcome) in area.scenario.iter().zip(outcomes) {
            let (place, mark) = match outcome {
                Outcome::Holds => (0, HOLDS),
                Outcome::Differs(problems) => {
                    tell(&format!(
                        "{}: {}\n    {}",
                        area.heading,
                        scenario.name,
                        problems.join("\n    ")
                    ));
                    (1, DIFFERS)
                }
                Outcome::NotOffered => (2, NOT_OFFERED),
            };
            counts[place] += 1;
            let row = marks
                .rows
                .entry(scenario.name.clone())
                .or_insert_with(empty_row);
            mark.clone_into(&mut row[column]);
        }
    }
    fs::write(path(), marks.text(areas)).unwrap();
    let [holds, differs, absent] = counts;
    tell(&format!(
        "{name}: {holds} hold, {differs} differ, {absent} are not offered"
    ));
    assert!(!peer.is_us() || differs == 0, "{differs} do not hold");
}

#[expect(
    clippy::print_stdout,
    reason = "whoever compares wants to see what differs"
)]
fn tell(text: &str) {
    println!("{text}");
}

/// The scenarios that the comparison does not tell of.
pub fn missing(areas: &[Area]) -> Vec<String> {
    let marks = Marks::read();
    let names = areas
        .iter()
        .flat_map(|area| &area.scenario)
        .map(|scenario| scenario.name.clone());
    names
        .filter(|name| !marks.rows.contains_key(name))
        .collect()
}

fn empty_row() -> [String; 3] {
    [UNKNOWN; 3].map(str::to_owned)
}

impl Marks {
    fn read() -> Self {
        let mut marks = Self::default();
        for line in fs::read_to_string(path()).unwrap_or_default().lines() {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            match cells.as_slice() {
                [name, version] if COLUMNS.contains(name) => {
                    marks
                        .versions
                        .insert((*name).to_owned(), (*version).to_owned());
                }
                [name, first, second, third] if *name != "Scenario" && *name != "Area" => {
                    let row = [*first, *second, *third].map(str::to_owned);
                    marks.rows.insert((*name).to_owned(), row);
                }
                _ => {}
            }
        }
        marks
    }

    fn text(&self, areas: &[Area]) -> String {
        let total: usize = areas.iter().map(|area| area.scenario.len()).sum();
        let mut text = format!(
            "# Scenarios\n\n\
             What {total} scenarios of `tests/scenarios` find with us and with two servers that many \
             homes have, all\nover the same upstream that misbehaves as it is told. {HOLDS} it does what \
             the scenario says, {DIFFERS} it does not,\n{NOT_OFFERED} it has nothing of the kind. Where a \
             peer differs it is not always wrong: some lines are a\nchoice of ours. `make scenarios \
             PEER=unbound` plays them and writes its column; so do `dnsmasq`\nand `binary`, which is us.\n\n\
             | Server | Version |\n| --- | --- |\n",
        );
        for name in COLUMNS {
            let version = self.versions.get(name).map_or(UNKNOWN, String::as_str);
            writeln!(text, "| {name} | {version} |").unwrap();
        }
        text += "\n## By area\n\n| Area (scenarios) | squelch | unbound | dnsmasq |\n\
                 | --- | --- | --- | --- |\n";
        for area in areas {
            self.write_sum(&area.heading, std::slice::from_ref(area), &mut text);
        }
        self.write_sum("All", areas, &mut text);
        self.write_differences(areas, &mut text);
        for area in areas {
            writeln!(text, "\n## {}\n", area.heading).unwrap();
            text += "| Scenario | squelch | unbound | dnsmasq |\n| --- | --- | --- | --- |\n";
            for scenario in &area.scenario {
                let marks = self.row(&scenario.name).join(" | ");
                writeln!(text, "| {} | {marks} |", scenario.name).unwrap();
            }
        }
        text
    }

    fn row(&self, name: &str) -> [String; 3] {
        self.rows.get(name).cloned().unwrap_or_else(empty_row)
    }

    /// How many hold, of those that are offered.
    fn write_sum(&self, heading: &str, areas: &[Area], text: &mut String) {
        let scenarios: Vec<_> = areas.iter().flat_map(|area| &area.scenario).collect();
        write!(text, "| {heading} ({}) |", scenarios.len()).unwrap();
        for column in 0..COLUMNS.len() {
            let marks = scenarios
                .iter()
                .map(|scenario| self.row(&scenario.name)[column].clone());
            let marks: Vec<String> = marks.collect();
            let count = |mark: &str| marks.iter().filter(|found| *found == mark).count();
            let offered = count(HOLDS) + count(DIFFERS);
            write!(text, " {} of {offered} |", count(HOLDS)).unwrap();
        }
        text.push('\n');
    }

    fn write_differences(&self, areas: &[Area], text: &mut String) {
        *text += "\n## Where they differ\n";
        for (column, name) in COLUMNS.iter().enumerate() {
            writeln!(text, "\n**{name}**\n").unwrap();
            let differing = areas.iter().flat_map(|area| {
                let differs = |name: &&str| self.row(name)[column] == DIFFERS;
                let names = area.scenario.iter().map(|scenario| scenario.name.as_str());
                names
                    .filter(differs)
                    .map(|name| format!("- {}: {name}\n", area.heading))
                    .collect::<Vec<_>>()
            });
            let lines: String = differing.collect();
            *text += if lines.is_empty() {
                "Nowhere.\n"
            } else {
                &lines
            };
        }
    }
}
