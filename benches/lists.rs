//! Reading lists: what a line costs in each dialect, without what comes after the reader.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails has failed")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use squelch::lists::{Format, Reading, Role, read};
use squelch::matcher::rule::{Plain, Rule, Sink};

const LINES: u64 = 100_000;

/// Names of two to five labels, about as long as those of real lists; always the same.
fn names() -> impl Iterator<Item = String> {
    const WORDS: [&str; 12] = [
        "ads", "track", "metrics", "cdn", "pixel", "static", "beacon", "events", "img", "app",
        "data", "sync",
    ];
    const ENDS: [&str; 6] = [
        "example",
        "test",
        "co.example",
        "de.test",
        "xyz.example",
        "io.test",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below).unwrap()
    };
    (0..LINES).map(move |_| {
        let mut name = String::new();
        for _ in 0..next(3) {
            name.push_str(WORDS.get(next(12)).unwrap());
            name.push('.');
        }
        for _ in 0..5 + next(12) {
            name.push(char::from(b'a' + u8::try_from(next(26)).unwrap()));
        }
        name.push('.');
        name.push_str(ENDS.get(next(6)).unwrap());
        name
    })
}

fn line(format: Format, name: &str) -> String {
    match format {
        Format::Hosts => format!("0.0.0.0 {name}\n"),
        Format::Domains => format!("{name}\n"),
        Format::Wildcard => format!("*.{name}\n"),
        Format::Adblock | Format::Pihole => format!("||{name}^\n"),
        Format::Rpz => format!("{name} CNAME .\n"),
        Format::Dnsmasq => format!("local=/{name}/\n"),
        Format::Unbound => format!("local-zone: \"{name}\" always_null\n"),
    }
}

/// Counts, as the cheapest of all sinks.
struct Counted(u64);

impl Sink for Counted {
    fn plain(&mut self, plain: Plain<'_>) {
        self.0 += black_box(plain).line;
    }

    fn rule(&mut self, rule: Rule) {
        self.0 += black_box(rule).line;
    }
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read a line");
    group.throughput(Throughput::Elements(LINES));
    for format in Format::ALL {
        let text: String = names().map(|name| line(format, &name)).collect();
        let reading = Reading {
            format: Some(format),
            role: Role::Block,
        };
        group.bench_function(format.word(), |bench| {
            bench.iter(|| {
                let mut counted = Counted(0);
                let report = read(text.as_bytes(), reading, &mut counted).unwrap();
                assert_eq!(report.counts.entries, LINES);
                counted.0
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .measurement_time(Duration::from_secs(3));
    targets = reading
}
criterion_main!(benches);
