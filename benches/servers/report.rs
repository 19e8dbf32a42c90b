//! What was measured, as tables with ratios.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::rounds::{Figures, Row};

/// What stands between the page's own words and the tables.
const MARK: &str = "<!-- measured: `make bench` writes what follows -->\n";

/// A table: its title, and its columns.
type Table = (&'static str, &'static [&'static str]);

const TABLES: [Table; 5] = [
    (
        "As fast as answers come: queries a second, and CPU microseconds a query",
        &[
            "blocked: q/s",
            "blocked: CPU",
            "held: q/s",
            "held: CPU",
            "mix: q/s",
            "mix: CPU",
            "TCP: q/s",
            "TCP: CPU",
            "DoT: q/s",
            "DoT: CPU",
            "DoH: q/s",
            "DoH: CPU",
        ],
    ),
    (
        "The mix at 20,000 queries a second",
        &[
            "steady: q/s",
            "steady: CPU",
            "steady: p50, µs",
            "steady: p99, µs",
            "steady: p99.9, µs",
        ],
    ),
    (
        "Names that nobody has asked for, over an upstream",
        &[
            "miss, 1 ms: q/s",
            "miss, 1 ms: CPU",
            "miss, 20 ms: q/s",
            "miss, 20 ms: CPU",
        ],
    ),
    (
        "Start to the first blocked name, memory after the load, and with 100,000 answers held",
        &[
            "first start, ms",
            "start, ms",
            "memory, MB",
            "answers held",
            "memory with them, MB",
        ],
    ),
    (
        "A list of a million names replaced under 1,000 queries a second",
        &[
            "reload: s",
            "reload: longest answer, ms",
            "reload: lost",
            "reload: p99.9 of 20,000 q/s, µs",
            "reload: peak memory, MB",
        ],
    ),
];

/// All tables, as Markdown.
pub fn text(rows: &[Row]) -> String {
    let rounds = rows
        .iter()
        .flat_map(|row| row.figures.values().map(Vec::len));
    let mut text = match rounds.max() {
        Some(2..) => "Medians of several rounds".to_owned(),
        _ => "One round".to_owned(),
    };
    writeln!(text, " on: {}\n", machine()).unwrap();
    for row in rows {
        let failed = if row.has_failed {
            " (failed, and was left out from then on)"
        } else {
            ""
        };
        writeln!(text, "- {}: {}{failed}", row.name, row.version).unwrap();
    }
    for (title, columns) in TABLES {
        let measured: Vec<&Row> = rows
            .iter()
            .filter(|row| {
                columns
                    .iter()
                    .any(|column| row.figures.contains_key(column))
            })
            .collect();
        write!(text, "\n## {title}\n\n| |").unwrap();
        for name in columns {
            write!(text, " {name} |").unwrap();
        }
        write!(text, "\n| --- |").unwrap();
        writeln!(text, "{}", " ---: |".repeat(columns.len())).unwrap();
        for row in measured {
            write!(text, "| {} |", row.name).unwrap();
            for column in columns {
                write!(text, " {} |", cell(column, &row.figures, rows)).unwrap();
            }
            text.push('\n');
        }
    }
    text
}

/// A median; for queries a second its share of the echo's, too.
fn cell(column: &str, figures: &Figures, rows: &[Row]) -> String {
    let Some(value) = median(figures, column) else {
        return "–".to_owned();
    };
    let echo = rows.iter().find(|row| row.name == "echo");
    let limit = |column| echo.and_then(|row| median(&row.figures, column));
    let text = if value < 100.0 {
        format!("{value:.1}")
    } else {
        thousands(value)
    };
    // Streams are held against the echo's datagrams.
    let limit = limit(if ["TCP: q/s", "DoT: q/s", "DoH: q/s"].contains(&column) {
        "held: q/s"
    } else {
        column
    });
    match limit {
        Some(limit) if column.ends_with("q/s") && !column.starts_with("steady") => {
            format!("{text} ({:.2})", value / limit)
        }
        _ => text,
    }
}

fn median(figures: &Figures, column: &str) -> Option<f64> {
    let mut values = figures.get(column)?.clone();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The processor and the system.
fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model
        .unwrap_or_default()
        .trim_start_matches(['\t', ' ', ':']);
    let kernel = Command::new("uname").arg("-r").output();
    let kernel = kernel.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    format!(
        "{model}, Linux {}. In brackets: the share of the bare echo's.",
        kernel.unwrap_or_default().trim()
    )
}

/// Puts the tables into a page, behind its own words.
pub fn write(page: &Path, tables: &str) {
    let old = fs::read_to_string(page).unwrap_or_default();
    let words = old
        .split_once(MARK)
        .map_or(old.as_str(), |(words, _)| words);
    fs::write(page, format!("{words}{MARK}\n{tables}")).unwrap();
}
