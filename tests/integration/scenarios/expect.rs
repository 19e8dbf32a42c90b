//! Holds what came back against what had to: what a step says, and what holds for every answer.

use squelch::query::RecordType;

use super::ask::{Ask, Question};
use super::file::{Saw, Step, duration};
use super::forge::code_of;
use super::play::Got;
use super::record::{Pattern, range, tell};
use super::served::Peer;
use super::upstream::Seen;
use super::wire::{self, Message, Record};

const FLAGS: [(&str, u16); 8] = [
    ("qr", 0x8000),
    ("aa", 0x0400),
    ("tc", 0x0200),
    ("rd", 0x0100),
    ("ra", 0x0080),
    ("z", 0x0040),
    ("ad", 0x0020),
    ("cd", 0x0010),
];
const OPTION_EDE: u16 = 15;

/// Judges all answers of a step.
pub fn judge_all(peer: Peer, step: &Step, asks: &[Ask], got: &[Got]) -> Vec<String> {
    let mut problems = Vec::new();
    for one in got {
        let found = judge(peer, step, &asks[one.place], one);
        for problem in found {
            // A thousand answers with one fault are one problem.
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    let order: Vec<usize> = got.iter().map(|one| one.place + 1).collect();
    if let Some(wanted) = step.order.as_ref().filter(|wanted| **wanted != order) {
        problems.push(format!(
            "the answers come in the order {order:?}, not {wanted:?}"
        ));
    }
    let missing = asks.len() - asks.iter().filter(|ask| ask.question.is_none()).count();
    if step.is_answered() && got.len() < missing.max(usize::from(!asks.is_empty())) {
        problems.push(format!("{} of {} answers came", got.len(), asks.len()));
    }
    problems
}

/// Judges what an upstream was asked.
pub fn judge_seen(saw: &Saw, seen: &[Seen]) -> Option<String> {
    // A server may look up the name of the device that asks.
    let own = |seen: &&Seen| !seen.text().ends_with("127.in-addr.arpa PTR");
    let seen: Vec<&Seen> = seen.iter().filter(own).collect();
    let told = || {
        let texts: Vec<String> = seen.iter().map(|seen| seen.text()).collect();
        format!("{} times: {}", texts.len(), texts.join(", "))
    };
    let queries = match saw {
        Saw::Times(times) if seen.len() == *times => return None,
        Saw::Times(times) => return Some(format!("the upstream is asked {}, not {times}", told())),
        Saw::Text(text) => match range(text) {
            Some((least, most)) => {
                let times = u32::try_from(seen.len()).unwrap();
                let is_right = (least..=most).contains(&times);
                return (!is_right)
                    .then(|| format!("the upstream is asked {}, not {text}", told()));
            }
            None => std::slice::from_ref(text),
        },
        Saw::Queries(queries) => queries.as_slice(),
    };
    let mut rest = seen.clone();
    for query in queries {
        let Some(place) = rest.iter().position(|seen| is_seen(query, seen)) else {
            return Some(format!(
                "the upstream is asked {}, and not `{query}`",
                told()
            ));
        };
        rest.remove(place);
    }
    (!rest.is_empty()).then(|| format!("the upstream is asked {}, not only {queries:?}", told()))
}

/// Whether a query is `NAME TYPE [udp|tcp] [edns|noedns] [do|nodo] [cd|nocd] [ad|noad] [rd]
/// [nooptions] [size=N]`.
fn is_seen(wanted: &str, seen: &Seen) -> bool {
    let mut words = wanted.split_whitespace();
    let name = super::record::name_of(words.next().unwrap());
    let kind: RecordType = words.next().unwrap().parse().unwrap();
    let (flags, opt) = (seen.message.flags, seen.message.opt.as_ref());
    let has_do = opt.is_some_and(|opt| opt.flags & 0x8000 != 0);
    let fits = |word: &str| match word {
        "udp" => !seen.is_tcp,
        "tcp" => seen.is_tcp,
        "edns" => opt.is_some(),
        "noedns" => opt.is_none(),
        "do" => has_do,
        "nodo" => !has_do,
        "rd" => flags & 0x0100 != 0,
        "cd" => flags & 0x0010 != 0,
        "nocd" => flags & 0x0010 == 0,
        "ad" => flags & 0x0020 != 0,
        "noad" => flags & 0x0020 == 0,
        // Cookies and padding are between the server and its upstream.
        "nooptions" => {
            opt.is_none_or(|opt| opt.options.iter().all(|(code, _)| [10, 12].contains(code)))
        }
        "bare" => is_bare(seen),
        _ => match word.strip_prefix("size=") {
            Some(size) => opt.is_some_and(|opt| opt.size.to_string() == size),
            None => panic!("`{word}` is nothing to see in a query"),
        },
    };
    name.eq_ignore_ascii_case(seen.name()) && kind.0 == seen.kind() && words.all(fits)
}

/// Whether no bit is set but RD, AD, CD and DO.
fn is_bare(seen: &Seen) -> bool {
    const NONE: u16 = 0;
    let flags = seen.message.flags & !0x0130;
    let edns = seen
        .message
        .opt
        .as_ref()
        .map_or(NONE, |opt| opt.flags & !0x8000);
    (flags, edns) == (NONE, NONE)
}

fn judge(peer: Peer, step: &Step, ask: &Ask, got: &Got) -> Vec<String> {
    if step.silence {
        return vec!["there is an answer".into()];
    }
    let message = match wire::read(&got.bytes) {
        Ok(message) => message,
        // Some peers give back the broken query: then its header is all that can be judged.
        Err(_) if !peer.is_us() && ask.question.is_none() => return judge_code(step, &got.bytes),
        Err(why) => return vec![format!("the answer is malformed: {why}")],
    };
    let mut problems = Vec::new();
    let mut check = |is_right: bool, problem: String| {
        if !is_right {
            problems.push(problem);
        }
    };
    judge_always(ask, &message, &mut check);
    judge_header(step, &message, &mut check);
    judge_sections(step, &message, &mut check);
    judge_opt(step, &message, &mut check);
    if let Some(most) = step.size {
        check(
            message.size <= most,
            format!("it has {} bytes", message.size),
        );
    }
    // Peers wait for their upstreams as long as they were built to. Ordinary tests run beside
    // others: they find what hangs, and `make scenarios` is exact.
    let grace = if peer == Peer::Squelch { 10 } else { 1 };
    if let Some(most) = step.within.as_deref().filter(|_| peer.is_us()) {
        let is_quick = got.took <= duration(most) * grace;
        check(is_quick, format!("it takes longer than {most}"));
    }
    problems
}

fn judge_code(step: &Step, bytes: &[u8]) -> Vec<String> {
    let code = bytes.get(3).map(|byte| u16::from(byte & 0x0f));
    let wanted = step.rcode.list();
    let is_right = wanted
        .iter()
        .any(|text| text == "*" || code_of(text) == code);
    if is_right {
        Vec::new()
    } else {
        vec![format!("its code is {code:?}")]
    }
}

/// What holds for every answer.
fn judge_always(ask: &Ask, message: &Message, check: &mut impl FnMut(bool, String)) {
    let query = |at: usize| u16::from_be_bytes([ask.bytes[at], ask.bytes[at + 1]]);
    if ask.bytes.len() >= 12 && ask.question.is_some() {
        check(
            message.id == query(0),
            format!("its id is {:#06x}", message.id),
        );
        let copied = 0x7900;
        let is_copied = (message.flags ^ query(2)) & copied == 0;
        check(is_copied, "opcode and RD are not those of the query".into());
        if [0, 2, 3].contains(&message.rcode()) {
            check(message.flags & 0x80 != 0, "RA is not set".into());
        }
    }
    check(message.flags & 0x8000 != 0, "QR is not set".into());
    check(message.flags & 0x0040 == 0, "Z is set".into());
    let is_ttl = |record: &Record| i32::try_from(record.ttl).is_ok();
    check(
        message.records().all(is_ttl),
        "a TTL has its top bit set".into(),
    );
    let Some(question) = &ask.question else {
        return;
    };
    judge_question(question, message, check);
    if !ask.is_tcp {
        let most = usize::from(question.size.unwrap_or(512).clamp(512, 1232));
        check(
            message.size <= most,
            format!("it has {} bytes over UDP", message.size),
        );
    }
    let has_opt = message.opt.is_some();
    if question.size.is_none() {
        check(
            !has_opt,
            "there is an OPT record, and the query had none".into(),
        );
    } else if [0, 2, 3].contains(&message.rcode()) {
        check(has_opt, "there is no OPT record".into());
    }
}

fn judge_question(question: &Question, message: &Message, check: &mut impl FnMut(bool, String)) {
    match message.questions.as_slice() {
        // A header alone will do for what could not be read.
        [] => check(
            ![0, 3].contains(&message.rcode()),
            "the question is missing".into(),
        ),
        [(name, kind, class)] => {
            check(
                *name == question.name,
                "the name is not repeated as it was spelled".into(),
            );
            let is_same = (*kind, *class) == (question.kind, question.class);
            check(is_same, "the question is another".into());
        }
        more => check(false, format!("it has {} questions", more.len())),
    }
}

fn judge_header(step: &Step, message: &Message, check: &mut impl FnMut(bool, String)) {
    let wanted = step.rcode.list();
    let is_code = |code: &String| match code.as_str() {
        "*" => true,
        "BADVERS" => message.rcode() == 16,
        text => code_of(text).unwrap_or_else(|| panic!("`{text}` is no code")) == message.rcode(),
    };
    let is_right = if wanted.is_empty() {
        message.rcode() == 0
    } else {
        wanted.iter().any(is_code)
    };
    check(is_right, format!("its code is {}", message.rcode()));
    let flags: Vec<&str> = FLAGS
        .iter()
        .filter(|(_, bit)| message.flags & bit != 0)
        .map(|(flag, _)| *flag)
        .collect();
    if let Some(wanted) = &step.flags {
        let mut wanted: Vec<&str> = wanted.split_whitespace().collect();
        wanted.sort_by_key(|flag| FLAGS.iter().position(|(name, _)| name == flag).unwrap());
        check(
            flags == wanted,
            format!("its flags are {}", flags.join(" ")),
        );
    }
}

fn judge_sections(step: &Step, message: &Message, check: &mut impl FnMut(bool, String)) {
    let sections = [
        ("answer", &step.answer, &message.answer),
        ("authority", &step.authority, &message.authority),
        ("additional", &step.additional, &message.additional),
    ];
    for (section, wanted, records) in sections {
        let Some(wanted) = wanted else { continue };
        let is_same = is_exactly(wanted, records);
        check(
            is_same,
            format!("the {section} section is {}", tell_all(records)),
        );
    }
    for wanted in &step.has {
        let pattern = Pattern::read(wanted);
        let is_there = message.answer.iter().any(|record| pattern.fits(record));
        check(
            is_there,
            format!("no `{wanted}` among {}", tell_all(&message.answer)),
        );
    }
    for unwanted in &step.hasnt {
        let pattern = Pattern::read(unwanted);
        let is_there = message.records().any(|record| pattern.fits(record));
        check(!is_there, format!("there is a `{unwanted}`"));
    }
    if let Some(answers) = step.answers {
        check(
            message.answer.len() == answers,
            format!("it has {} answers", message.answer.len()),
        );
    }
    if let Some((least, most)) = step.ttl.as_deref().and_then(range) {
        let ttls: Vec<u32> = message.records().map(|record| record.ttl).collect();
        let is_right = ttls.iter().all(|ttl| (least..=most).contains(ttl)) && !ttls.is_empty();
        check(is_right, format!("its TTLs are {ttls:?}"));
    }
}

/// Each record fits a line of its own. Aliases come in the order of the chain.
fn is_exactly(wanted: &[String], records: &[Record]) -> bool {
    let mut rest: Vec<Pattern> = wanted.iter().map(|line| Pattern::read(line)).collect();
    for record in records {
        let Some(place) = rest.iter().position(|pattern| pattern.fits(record)) else {
            return false;
        };
        rest.remove(place);
    }
    rest.is_empty()
}

fn tell_all(records: &[Record]) -> String {
    let texts: Vec<String> = records.iter().take(8).map(tell).collect();
    format!("[{}]", texts.join(", "))
}

fn judge_opt(step: &Step, message: &Message, check: &mut impl FnMut(bool, String)) {
    let ede = message.option(OPTION_EDE);
    let code = ede
        .and_then(|data| data.first_chunk())
        .map(|code| u16::from_be_bytes(*code));
    let wanted = step.ede.list();
    let told = code.map_or("none".to_owned(), |code| code.to_string());
    if !wanted.is_empty() {
        check(
            wanted.contains(&told),
            format!("its extended error is {told}"),
        );
    }
    if let Some(part) = &step.ede_text {
        let text = String::from_utf8_lossy(ede.and_then(|data| data.get(2..)).unwrap_or_default());
        check(
            text.contains(part),
            format!("its extended error says `{text}`"),
        );
    }
    let Some(wanted) = &step.opt else { return };
    let Some(opt) = &message.opt else {
        return check(wanted == "none", "there is no OPT record".into());
    };
    for word in wanted.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let codes: Vec<String> = opt
            .options
            .iter()
            .map(|(code, _)| code.to_string())
            .collect();
        let is_right = match key {
            "do" => opt.flags == 0x8000,
            "nodo" => opt.flags == 0,
            "size" => opt.size.to_string() == value,
            "version" => opt.version.to_string() == value,
            "options" => codes.join(",") == value,
            "without" => !codes.contains(&value.to_owned()),
            // RFC 9018: the client's eight bytes, and sixteen of ours.
            "cookie" => message.option(10).is_some_and(|data| {
                data.len() == 24 && data.starts_with(&super::record::bytes_of(value))
            }),
            _ => panic!("`{word}` is nothing to see in an OPT record"),
        };
        let told = format!(
            "size={} version={} options={}",
            opt.size,
            opt.version,
            codes.join(",")
        );
        check(
            is_right,
            format!(
                "its OPT record has {told} flags={:#06x}, not {word}",
                opt.flags
            ),
        );
    }
}
