//! Reads a list line by line, whatever is in it: what is good becomes rules, and what is not is
//! told with its line. Start at [`parse`] or, for lists too large to hold, at [`read`].

use std::io::{self, BufRead, Read as _};

use super::format::{self, Decision, Format};
use super::found::{Counts, Found, Problem, Role};
use super::rpz::Rpz;
use super::unbound::Unbound;
use super::{adblock, dnsmasq, domains, hosts, pihole, wildcard};
use crate::matcher::rule::Rule;

/// So many lines that are not comments decide the format.
const SAMPLE_LINES: usize = 200;
/// So many bytes of the beginning are looked at, at most, to decide.
const SAMPLE_BYTES: usize = 1 << 20;
/// A longer line is refused; real ones, with thousands of exceptions, pass 64 KiB.
const MAX_LINE: usize = 1 << 20;

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
    let report = read(text, reading, &mut |rule| rules.push(rule)).unwrap_or_else(|error| {
        unreachable!("memory cannot fail to be read: {error}");
    });
    List { rules, report }
}

/// Reads a list as a stream, and gives each rule away as soon as it is read. Holds a line, and
/// the beginning until the format is decided. Fails only where `source` does.
pub fn read(
    mut source: impl BufRead,
    reading: Reading,
    give: &mut dyn FnMut(Rule),
) -> io::Result<Report> {
    let (sample, is_all) = sample(&mut source)?;
    let mut found = Found::new(reading.role, give);
    let decision = match reading.format {
        Some(format) => Decision {
            format,
            why: "as asked for".to_owned(),
        },
        None => decide(&sample),
    };
    if let Some(reason) = foreign(&sample) {
        found.next_line(&text(sample.first().map_or(&[], |line| &line.bytes)));
        found.refuse(reason);
    } else {
        let mut reader = Reader::new(decision.format);
        for line in &sample {
            reader.line(line, &mut found);
        }
        if !is_all {
            while let Some(line) = next_line(&mut source)? {
                reader.line(&line, &mut found);
            }
        }
    }
    Ok(Report {
        decision,
        counts: found.counts,
        problems: found.problems,
    })
}

/// A line without its end, and whether there was more of it than is kept.
struct Line {
    bytes: Vec<u8>,
    is_cut: bool,
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

    fn line(&mut self, line: &Line, found: &mut Found<'_>) {
        let text = text(&line.bytes);
        // Lists that were joined have the mark in the middle, too.
        let text = text.trim_start_matches('\u{feff}');
        found.next_line(text);
        if line.is_cut && !format::is_comment(text) {
            return found.refuse("the line is longer than 1 MiB");
        }
        if text.contains('\0') {
            return found.refuse("the line has a NUL byte");
        }
        if text.contains('\u{fffd}') && !format::is_comment(text) {
            return found.refuse("the line is not UTF-8");
        }
        match self {
            Self::Plain(read) => read(text, found),
            Self::Rpz(rpz) => rpz.read(text, found),
            Self::Unbound(unbound) => unbound.read(text, found),
        }
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The first lines, and whether they are all.
fn sample(source: &mut impl BufRead) -> io::Result<(Vec<Line>, bool)> {
    let mut sample = Vec::new();
    let (mut telling, mut bytes) = (0, 0);
    while telling < SAMPLE_LINES && bytes < SAMPLE_BYTES {
        let Some(line) = next_line(source)? else {
            return Ok((sample, true));
        };
        telling += usize::from(!format::is_comment(&text(&line.bytes)));
        bytes += line.bytes.len() + 1;
        sample.push(line);
    }
    Ok((sample, false))
}

fn decide(sample: &[Line]) -> Decision {
    let texts: Vec<_> = sample.iter().map(|line| text(&line.bytes)).collect();
    format::decide(texts.iter().map(|text| &**text))
}

fn foreign(sample: &[Line]) -> Option<&'static str> {
    let first = sample
        .iter()
        .map(|line| line.bytes.trim_ascii())
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

/// The next line, of which at most [`MAX_LINE`] bytes are kept.
fn next_line(source: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    if source.take(limit).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let mut is_cut = false;
    if bytes.ends_with(b"\n") {
        bytes.pop();
    } else if bytes.len() == MAX_LINE {
        is_cut = skip_line(source)? > 0;
    }
    if bytes.ends_with(b"\r") {
        bytes.pop();
    }
    Ok(Some(Line { bytes, is_cut }))
}

/// Passes over the rest of a line, without holding it; says how many bytes it had.
fn skip_line(source: &mut impl BufRead) -> io::Result<usize> {
    let mut skipped = 0;
    loop {
        let buffer = source.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(buffer.len(), |at| at + 1);
        source.consume(used);
        skipped += end.unwrap_or(used);
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

#[cfg(test)]
mod tests;
