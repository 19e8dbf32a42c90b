//! An answer in the making: one reused buffer, written front to back, no allocation once warm.

use super::{Edns, Name, Query, Rcode, RecordType};

/// Our own limit for a UDP answer, and what we advertise (DNS Flag Day 2020).
pub const UDP_PAYLOAD: u16 = 1232;

/// Bytes for most answers of our own making.
const SHORT: usize = 512;
/// Bytes for the OPT record of most others.
const END: usize = 64;
const HEADER: usize = 12;
const FLAG_RESPONSE: u16 = 0x8000;
const FLAG_TRUNCATED: u16 = 0x0200;
pub(super) const FLAG_RECURSION_DESIRED: u16 = 0x0100;
const FLAG_RECURSION_AVAILABLE: u16 = 0x0080;
const FLAG_AUTHENTIC_DATA: u16 = 0x0020;
pub(super) const FLAG_CHECKING_DISABLED: u16 = 0x0010;
const OPTION_COOKIE: u16 = 10;
const OPTION_KEEPALIVE: u16 = 11;
const OPTION_PADDING: u16 = 12;
const OPTION_EDE: u16 = 15;
/// RFC 8467 §4.1: padded answers are a multiple of this long.
const PADDED_TO: usize = 468;
/// A compression pointer to byte 12, right after the header (RFC 1035 §4.1.4).
const POINTER_TO_QUESTION: u16 = 0xc00c;

/// Why an answer is as it is (RFC 8914): a code, and a short text for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedError<'a> {
    /// The INFO-CODE.
    pub code: u16,
    /// The EXTRA-TEXT, without personal data; may be empty.
    pub text: &'a str,
}

impl<'a> ExtendedError<'a> {
    /// RFC 8914 §4.1: none of the others; the text tells.
    pub const OTHER: u16 = 0;
    /// RFC 8914 §4.4: the answer is one whose time is over.
    pub const STALE: u16 = 3;
    /// RFC 8914 §4.16: a pack or list blocks the name.
    pub const BLOCKED: u16 = 15;
    /// RFC 8914 §4.18: a rule of the device or its group blocks the name.
    pub const FILTERED: u16 = 17;
    /// RFC 8914 §4.19: the asker may not ask here.
    pub const PROHIBITED: u16 = 18;
    /// RFC 8914 §4.20: the same, of "there is no such name".
    pub const STALE_NXDOMAIN: u16 = 19;
    /// RFC 8914 §4.21: we are asked to answer from memory only, and do not have it.
    pub const NOT_AUTHORITATIVE: u16 = 20;
    /// RFC 8914 §4.24: talking to the upstream went wrong.
    pub const NETWORK_ERROR: u16 = 23;

    /// A code with its text.
    pub fn new(code: u16, text: &'a str) -> Self {
        Self { code, text }
    }
}

/// The three sections of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who is responsible.
    Authority,
    /// What else may help.
    Additional,
}

/// An answer in the making, and then its bytes.
#[derive(Debug, Default)]
pub struct AnswerBuf {
    bytes: Vec<u8>,
    /// The upper bits of the response code, which stand in the OPT record (RFC 6891 §6.1.3).
    upper_rcode: u8,
}

impl AnswerBuf {
    /// An empty buffer with room for the usual answer.
    pub fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(2048),
            upper_rcode: 0,
        }
    }

    /// The message as it stands.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the message, keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Begins the answer to `query`: header and question, spelled as asked.
    pub fn begin(&mut self, query: &Query, rcode: Rcode) {
        self.header(query.id, query.flags, rcode, 1);
        self.bytes.extend_from_slice(query.name.as_wire());
        self.spell(query);
        self.u16(query.kind.0);
        self.u16(query.class);
    }

    /// Begins an answer to what is no readable query: a header alone.
    pub fn begin_error(&mut self, id: u16, flags: u16, rcode: Rcode) {
        self.header(id, flags, rcode, 0);
    }

    /// Takes a whole upstream message whose question is `query`'s, and makes it our answer: id,
    /// flags, spelling and type become those of the query. The message has no OPT record, and AD is
    /// set only if it was checked here.
    pub fn adopt(&mut self, query: &Query, message: &[u8], rcode: Rcode) {
        self.bytes.clear();
        self.bytes.reserve(message.len() + END);
        self.bytes.extend_from_slice(message);
        self.upper_rcode = rcode.upper_bits();
        self.put_u16(0, query.id);
        self.put_u16(2, response_flags(query.flags, rcode));
        self.set_authentic(query, message);
        let name = query.name.as_wire();
        if let Some(question) = self.bytes.get_mut(HEADER..HEADER + name.len()) {
            question.copy_from_slice(name);
        }
        self.spell(query);
        // "There is no such name" is the same for every type.
        self.put_u16(HEADER + name.len(), query.kind.0);
    }

    /// Spells the question, which is there in lower case, as it was asked.
    fn spell(&mut self, query: &Query) {
        let end = HEADER + query.name.as_wire().len();
        if let Some(question) = self.bytes.get_mut(HEADER..end) {
            query.spelling.apply(question);
        }
    }

    /// Sets AD where `message`, which was checked here, has it, and the asker cares.
    pub fn set_authentic(&mut self, query: &Query, message: &[u8]) {
        let flags = message.get(2..).and_then(|rest| rest.first_chunk());
        let flags = flags.map_or(0, |two| u16::from_be_bytes(*two));
        // RFC 6840 §5.8: whoever sets neither AD nor DO need not know.
        if query.flags & FLAG_AUTHENTIC_DATA != 0 || query.wants_dnssec() {
            let flags = self.u16_at(2) | flags & FLAG_AUTHENTIC_DATA;
            self.put_u16(2, flags);
        }
    }

    /// Writes `ttl` at `offset`, where a record of an adopted message has its TTL.
    pub fn set_ttl(&mut self, offset: usize, ttl: u32) {
        if let Some(place) = self.bytes.get_mut(offset..offset + 4) {
            place.copy_from_slice(&ttl.to_be_bytes());
        }
    }

    /// Adds a record of the name asked. Records come in the order of the sections.
    pub fn record(&mut self, section: Section, kind: RecordType, ttl: u32, data: &[u8]) {
        self.record_of(None, (section, kind), ttl, data);
    }

    /// Adds a record of another name than the one asked.
    pub fn record_of(
        &mut self,
        owner: Option<&Name>,
        (section, kind): (Section, RecordType),
        ttl: u32,
        data: &[u8],
    ) {
        match owner {
            None => self.u16(POINTER_TO_QUESTION),
            Some(owner) => self.bytes.extend_from_slice(owner.as_wire()),
        }
        self.u16(kind.0);
        self.u16(1);
        self.bytes.extend_from_slice(&ttl.to_be_bytes());
        self.u16(u16::try_from(data.len()).unwrap_or(u16::MAX));
        self.bytes.extend_from_slice(data);
        self.count(section);
    }

    /// Adds the SOA record by which devices may keep a "nothing here" for `ttl` seconds
    /// (RFC 2308 §5). The zone is the name asked.
    pub fn negative_soa(&mut self, ttl: u32) {
        self.negative_soa_of(None, ttl);
    }

    /// As [`Self::negative_soa`], of another zone.
    pub fn negative_soa_of(&mut self, zone: Option<&Name>, ttl: u32) {
        const NUMBERS: [u32; 4] = [1, 1800, 900, 604_800];
        let mut data = [0_u8; 64];
        let mut len = 0;
        let mut push = |bytes: &[u8]| {
            if let Some(place) = data.get_mut(len..len + bytes.len()) {
                place.copy_from_slice(bytes);
                len += bytes.len();
            }
        };
        push(b"\x09localhost\x00");
        push(b"\x06nobody\x07invalid\x00");
        for number in NUMBERS {
            push(&number.to_be_bytes());
        }
        push(&ttl.to_be_bytes());
        self.record_of(
            zone,
            (Section::Authority, RecordType::SOA),
            ttl,
            data.get(..len).unwrap_or_default(),
        );
    }

    /// Ends the answer: an OPT record if the query had one (RFC 6891 §6.1.1), and nothing but
    /// the question with TC set where the message is longer than the asker takes.
    pub fn finish(&mut self, query: &Query, error: Option<ExtendedError<'_>>) {
        self.opt(query.edns, error);
        let limit = query.size_limit();
        if self.bytes.len() <= limit {
            return;
        }
        // RFC 2181 §9: no part of an RRset; the asker comes back over TCP.
        self.bytes.truncate(HEADER + query.name.as_wire().len() + 4);
        let flags = self.u16_at(2) | FLAG_TRUNCATED;
        self.put_u16(2, flags);
        for count in [6, 8, 10] {
            self.put_u16(count, 0);
        }
        self.opt(query.edns, None);
    }

    /// Ends an answer to what is no readable query: an OPT record if there was one.
    pub fn finish_error(&mut self, edns: Option<Edns>) {
        self.opt(edns, None);
    }

    /// Says that there is more than fits, so that the asker comes back over TCP.
    pub fn set_truncated(&mut self) {
        let flags = self.u16_at(2) | FLAG_TRUNCATED;
        self.put_u16(2, flags);
    }

    /// The response code as it stands in the header, without EDNS's upper bits.
    pub fn rcode(&self) -> Rcode {
        Rcode(self.u16_at(2) & 0x000f)
    }

    fn opt(&mut self, edns: Option<Edns>, error: Option<ExtendedError<'_>>) {
        let Some(edns) = edns else { return };
        self.bytes.push(0);
        self.u16(RecordType::OPT.0);
        self.u16(UDP_PAYLOAD);
        // The highest version that we know is 0.
        self.bytes.extend_from_slice(&[self.upper_rcode, 0]);
        self.u16(if edns.dnssec_ok { 0x8000 } else { 0 });
        let length_at = self.bytes.len();
        self.u16(0);
        if let Some(cookie) = edns.cookie {
            self.option(OPTION_COOKIE, &cookie, &[]);
        }
        if let Some(tenths) = edns.keepalive {
            self.option(OPTION_KEEPALIVE, &tenths.to_be_bytes(), &[]);
        }
        if let Some(error) = error {
            let text = cut(error.text, 200).as_bytes();
            self.option(OPTION_EDE, &error.code.to_be_bytes(), text);
        }
        if edns.is_padded {
            self.pad();
        }
        let length = self.bytes.len() - length_at - 2;
        self.put_u16(length_at, u16::try_from(length).unwrap_or(0));
        self.count(Section::Additional);
    }

    /// OPT is the last record and this its last option, so nothing follows.
    fn pad(&mut self) {
        let bare = self.bytes.len() + 4;
        let most = usize::from(u16::MAX).max(bare);
        let padding = bare.next_multiple_of(PADDED_TO).min(most) - bare;
        self.u16(OPTION_PADDING);
        self.u16(u16::try_from(padding).unwrap_or(0));
        self.bytes.resize(bare + padding, 0);
    }

    fn option(&mut self, code: u16, start: &[u8], rest: &[u8]) {
        self.u16(code);
        self.u16(u16::try_from(start.len() + rest.len()).unwrap_or(0));
        self.bytes.extend_from_slice(start);
        self.bytes.extend_from_slice(rest);
    }

    fn header(&mut self, id: u16, query_flags: u16, rcode: Rcode, questions: u16) {
        self.bytes.clear();
        self.bytes.reserve(SHORT);
        self.upper_rcode = rcode.upper_bits();
        let flags = response_flags(query_flags, rcode);
        for word in [id, flags, questions, 0, 0, 0] {
            self.u16(word);
        }
    }

    fn count(&mut self, section: Section) {
        let at = match section {
            Section::Answer => 6,
            Section::Authority => 8,
            Section::Additional => 10,
        };
        let count = self.u16_at(at) + 1;
        self.put_u16(at, count);
    }

    fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    fn u16_at(&self, at: usize) -> u16 {
        self.bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |two| u16::from_be_bytes(*two))
    }

    fn put_u16(&mut self, at: usize, value: u16) {
        if let Some(place) = self.bytes.get_mut(at..at + 2) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }
}

/// The flags of an answer: ours, and of the query's only opcode, RD and CD (RFC 1035 §4.1.1,
/// RFC 4035 §3.2.2). AA stays clear, we are no authority; AD is added where an answer was checked.
fn response_flags(query_flags: u16, rcode: Rcode) -> u16 {
    const OPCODE: u16 = 0x7800;
    let copied = query_flags & (OPCODE | FLAG_RECURSION_DESIRED | FLAG_CHECKING_DISABLED);
    FLAG_RESPONSE | FLAG_RECURSION_AVAILABLE | copied | (rcode.0 & 0x000f)
}

fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Message;

    use super::*;
    use crate::query::{Edns, Transport};

    fn query(edns: Option<Edns>) -> Query {
        let mut query = Query::internal("Tracking.Example".parse().unwrap(), RecordType::A);
        query.id = 0x1234;
        query.edns = edns;
        query
    }

    const PLAIN: Edns = Edns {
        payload: 4096,
        version: 0,
        dnssec_ok: true,
        cookie: None,
        keepalive: None,
        is_padded: false,
        relayed_mac: None,
        relayed_id: None,
    };

    #[test]
    fn an_answer_reads_back_with_the_question_as_spelled() {
        let mut out = AnswerBuf::new();
        let query = query(Some(PLAIN));
        out.begin(&query, Rcode::NOERROR);
        out.record(Section::Answer, RecordType::A, 10, &[0, 0, 0, 0]);
        out.finish(&query, Some(ExtendedError::new(15, "blocked")));
        let message = Message::from_vec(out.as_slice()).unwrap();
        assert_eq!(message.metadata.id, 0x1234);
        assert_eq!(
            message.queries.first().unwrap().name().to_string(),
            "Tracking.Example."
        );
        assert_eq!(message.answers.len(), 1);
        assert!(message.edns.is_some());
    }

    #[test]
    fn that_an_answer_was_checked_is_told_to_those_who_ask() {
        let mut message = AnswerBuf::new();
        message.begin(&query(None), Rcode::NOERROR);
        message.put_u16(2, 0x81a0);
        let mut wants_ad = query(None);
        wants_ad.flags |= FLAG_AUTHENTIC_DATA;
        for (query, is_told) in [
            (query(None), false),
            (query(Some(PLAIN)), true),
            (wants_ad, true),
        ] {
            let mut out = AnswerBuf::new();
            out.adopt(&query, message.as_slice(), Rcode::NOERROR);
            out.finish(&query, None);
            let message = Message::from_vec(out.as_slice()).unwrap();
            assert_eq!(message.metadata.authentic_data, is_told);
        }
    }

    #[test]
    fn no_opt_is_given_to_who_sent_none() {
        let mut out = AnswerBuf::new();
        let query = query(None);
        out.begin(&query, Rcode::NOERROR);
        out.finish(&query, Some(ExtendedError::new(15, "blocked")));
        assert!(Message::from_vec(out.as_slice()).unwrap().edns.is_none());
    }

    #[test]
    fn a_padded_answer_is_a_multiple_of_468_bytes_long() {
        let mut out = AnswerBuf::new();
        let padded = Edns {
            is_padded: true,
            ..PLAIN
        };
        for (addresses, length) in [(0, 468), (30, 936)] {
            let mut query = query(Some(padded));
            query.transport = Transport::Tls;
            out.begin(&query, Rcode::NOERROR);
            for _ in 0..addresses {
                out.record(Section::Answer, RecordType::A, 10, &[192, 0, 2, 1]);
            }
            out.finish(&query, Some(ExtendedError::new(15, "blocked")));
            assert_eq!(out.as_slice().len(), length);
            let message = Message::from_vec(out.as_slice()).unwrap();
            assert!(message.edns.unwrap().option(12.into()).is_some());
        }
    }

    #[test]
    fn what_is_too_long_for_udp_is_cut_to_the_question() {
        let mut out = AnswerBuf::new();
        let mut query = query(None);
        for transport in [Transport::Udp, Transport::Tcp] {
            query.transport = transport;
            out.begin(&query, Rcode::NOERROR);
            for _ in 0..100 {
                out.record(Section::Answer, RecordType::A, 10, &[192, 0, 2, 1]);
            }
            out.finish(&query, None);
            let message = Message::from_vec(out.as_slice()).unwrap();
            assert_eq!(message.metadata.truncation, transport == Transport::Udp);
            assert_eq!(
                message.answers.len(),
                if transport == Transport::Udp { 0 } else { 100 }
            );
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aä", 2), "a");
        assert_eq!(cut("abc", 9), "abc");
    }
}
