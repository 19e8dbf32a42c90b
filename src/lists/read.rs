//! Reads a list line by line, whatever is in it: what is good becomes rules, and what is not is
//! told with its line. Start at [`parse`] or, for lists too large to hold, at [`read`].

mod line;

use std::borrow::Cow;
use std::io::{self, BufRead, Read as _};

use line::{Line, Lines};
use memchr::memchr;

use super::format::{self, Decision, Format};
use super::found::{Counts, Found, Gathered, Problem, Role};
use super::rpz::Rpz;
use super::unbound::Unbound;
use super::{adblock, dnsmasq, domains, hosts, pihole, wildcard};
use crate::matcher::rule::{Rule, Sink};

/// So many lines that are not comments decide the format.
const SAMPLE_LINES: usize = 200;
/// So many bytes of the beginning are looked at, at most, to decide.
const SAMPLE_BYTES: usize = 1 << 20;

/// Beginnings of what is no list: web pages, archives, images.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"<!doctype", "this is a web page, not a list"),
    (b"<html", "this is a web page, not a list"),
    (b"<?xml", "this is XML, not a list"),
    (b"\x1f\x8b", "this is compressed: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "this is compressed: unpack it first"),
    (b"\xfd7zXZ", "this is compressed: unpack it first"),
    (b"PK\x03\x04", "this is an archive: unpack it first"),
    (b"\x7fELF", "this is a program, not a list"),
    (b"\x89PNG", "this is an image, not a list"),
];

/// How a list is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Its dialect; without it the first lines decide.
    pub format: Option<Format>,
    /// What it is for.
    pub role: Role,
}

/// A list that was read, without its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The dialect, and why.
    pub decision: Decision,
    /// How many of what there was.
    pub counts: Counts,
    /// What was refused, in the order of lines; the first 100,000.
    pub problems: Vec<Problem>,
}

/// A list that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its rules, in the order of lines.
    pub rules: Vec<Rule>,
    /// What else is to be told.
    pub report: Report,
}

/// Reads a list that is in memory.
pub fn parse(text: &[u8], reading: Reading) -> List {
    let mut rules = Vec::new();
    let mut take = |rule: Rule| rules.push(rule);
    let report = read(text, reading, &mut take).unwrap_or_else(|error| {
        unreachable!("memory cannot fail to be read: {error}");
    });
    List { rules, report }
}

/// Reads a list as a stream, and gives each rule away as soon as it is read. Holds a line, and
/// the beginning, by which the format is decided. Fails only where `source` does.
pub fn read(mut source: impl BufRead, reading: Reading, sink: &mut dyn Sink) -> io::Result<Report> {
    let sample = sample(&mut source)?;
    let decision = match reading.format {
        Some(format) => Decision {
            format,
            why: "as asked for".to_owned(),
        },
        None => format::decide(lines(&sample).map(text)),
    };
    let mut list = Gathered::new(reading.role);
    if let Some(reason) = foreign(&sample) {
        let first = lines(&sample).next().unwrap_or_default();
        list.next_line(&text(first), sink).refuse(reason);
    } else {
        let mut reader = Reader::new(decision.format);
        let mut lines = Lines::new(sample.chain(source));
        while let Some(line) = lines.next()? {
            reader.line(line, &mut list, sink);
        }
        if let Reader::Rpz(rpz) = reader {
            rpz.end(&mut list.same_line("", sink));
        }
    }
    let (counts, problems) = list.finish();
    Ok(Report {
        decision,
        counts,
        problems,
    })
}

/// A reader of one dialect, with what it remembers from line to line.
enum Reader {
    Plain(fn(&str, &mut Found<'_>)),
    Rpz(Rpz),
    Unbound(Unbound),
}

impl Reader {
    fn new(format: Format) -> Self {
        match format {
            Format::Hosts => Self::Plain(hosts::read),
            Format::Domains => Self::Plain(domains::read),
            Format::Wildcard => Self::Plain(wildcard::read),
            Format::Adblock => Self::Plain(adblock::read),
            Format::Pihole => Self::Plain(pihole::read),
            Format::Dnsmasq => Self::Plain(dnsmasq::read),
            Format::Rpz => Self::Rpz(Rpz::default()),
            Format::Unbound => Self::Unbound(Unbound::default()),
        }
    }

    fn line(&mut self, line: Line<'_>, list: &mut Gathered, sink: &mut dyn Sink) {
        let whole = text(line.bytes);
        // Lists that were joined have the mark in the middle, too.
        let text = whole.trim_start_matches('\u{feff}');
        let mut found = list.next_line(text, sink);
        if line.is_cut && !format::is_comment(text) {
            return found.refuse("the line is longer than 1 MiB");
        }
        if memchr(0, line.bytes).is_some() {
            return found.refuse("the line has a NUL byte");
        }
        if matches!(whole, Cow::Owned(_)) && !format::is_comment(text) {
            return found.refuse("the line is not UTF-8");
        }
        match self {
            Self::Plain(read) => read(text, &mut found),
            Self::Rpz(rpz) => rpz.read(text, &mut found),
            Self::Unbound(unbound) => unbound.read(text, &mut found),
        }
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The beginning: whole lines, except where one is too long.
fn sample(source: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut sample = Vec::new();
    let mut telling = 0;
    while telling < SAMPLE_LINES && sample.len() < SAMPLE_BYTES {
        let start = sample.len();
        let room = u64::try_from(SAMPLE_BYTES - start).unwrap_or(u64::MAX);
        if source.take(room).read_until(b'\n', &mut sample)? == 0 {
            break;
        }
        let line = sample.get(start..).unwrap_or_default();
        telling += usize::from(!format::is_comment(&text(line)));
    }
    Ok(sample)
}

fn lines(sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    let sample = sample.strip_suffix(b"\n").unwrap_or(sample);
    sample.split(|&byte| byte == b'\n')
}

fn foreign(sample: &[u8]) -> Option<&'static str> {
    let first = lines(sample)
        .map(<[u8]>::trim_ascii)
        .find(|bytes| !bytes.is_empty())?;
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    let begins = |start: &[u8]| {
        first
            .get(..start.len())
            .is_some_and(|bytes| bytes.eq_ignore_ascii_case(start))
    };
    FOREIGN
        .iter()
        .find(|(start, _)| begins(start))
        .map(|&(_, reason)| reason)
}

#[cfg(test)]
mod tests;
