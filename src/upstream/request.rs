//! The query as it is sent on, and what is checked of the reply.
//!
//! Nothing of the device's message goes upstream but the question and the bits RD, CD, AD and DO:
//! the id is new, the OPT record is our own (RFC 6891 §6.1.1), and no client subnet leaves the house.

use hickory_proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message};

use crate::query::{Query, Rcode, RecordType};

use super::error::Failure;
use super::reply;

const HEADER: usize = 12;
const RD: u16 = 0x0100;
const AD: u16 = 0x0020;
const CD: u16 = 0x0010;
/// Among the flags of an OPT record (RFC 6891 §6.1.4).
const DNSSEC_OK: u16 = 0x8000;
/// DNS Flag Day 2020: fits an unfragmented datagram everywhere.
const PAYLOAD: u16 = 1232;
const PADDING: u16 = 12;
/// RFC 8467 §4.1: queries are padded to the next multiple of this.
const PADDED_TO: usize = 128;
/// An OPT record without options.
const OPT: usize = 11;

/// How a query is written, for one transport and one server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Mix the case of the name at random: a forger has to guess it (draft-vixie-dnsext-dns0x20).
    pub mixed_case: bool,
    /// Add our OPT record.
    pub edns: bool,
    /// Hide the length of the name from those who watch an encrypted connection.
    pub padded: bool,
}

/// A query on its way to one server.
pub(super) struct Request<'a> {
    query: &'a Query,
    wire: Vec<u8>,
    /// Where name, type and class end.
    question_end: usize,
    mixed_case: bool,
}

impl<'a> Request<'a> {
    /// Writes `query` for a server.
    pub fn new(query: &'a Query, form: Form) -> Self {
        let name = query.name.as_wire();
        let question_end = HEADER + name.len() + 4;
        let mut wire = Vec::with_capacity((question_end + OPT).next_multiple_of(PADDED_TO));
        let (id, flags) = (rand::random(), query.flags & (RD | AD | CD));
        for word in [id, flags, 1, 0, 0, u16::from(form.edns)] {
            put_u16(word, &mut wire);
        }
        wire.extend_from_slice(name);
        if form.mixed_case {
            mix_case(wire.get_mut(HEADER..).unwrap_or_default());
        }
        put_u16(query.kind.0, &mut wire);
        put_u16(query.class, &mut wire);
        if form.edns {
            let dnssec_ok = query.edns.is_some_and(|edns| edns.dnssec_ok);
            write_opt(dnssec_ok, form.padded, &mut wire);
        }
        Self {
            query,
            wire,
            question_end,
            mixed_case: form.mixed_case,
        }
    }

    /// The form in which hickory takes it.
    pub fn to_hickory(&self) -> Result<DnsRequest, Failure> {
        let message = Message::from_vec(&self.wire);
        let message = message.map_err(|why| Failure::Local(why.to_string()))?;
        Ok(DnsRequest::new(message, DnsRequestOptions::default()))
    }

    /// The message in wire format.
    pub fn as_wire(&self) -> &[u8] {
        &self.wire
    }

    /// The id that it is sent with.
    pub fn sent_id(&self) -> [u8; 2] {
        self.wire.first_chunk().copied().unwrap_or_default()
    }

    /// Name, type and class, as sent.
    pub fn question(&self) -> &[u8] {
        let question = self.wire.get(HEADER..self.question_end);
        question.unwrap_or_default()
    }

    /// Reads what hickory received as [`Request::read_wire`] does.
    pub fn read(&self, response: DnsResponse) -> Result<Answer, Failure> {
        self.read_wire(response.into_buffer())
    }

    /// Checks that `wire` answers this request, and gives it the device's id and spelling.
    pub fn read_wire(&self, mut wire: Vec<u8>) -> Result<Answer, Failure> {
        let outline = reply::read(&wire)?;
        let question = wire.get(HEADER..self.question_end).unwrap_or_default();
        let is_same = if self.mixed_case {
            question == self.question()
        } else {
            question.eq_ignore_ascii_case(self.question())
        };
        if !is_same {
            return Err(Failure::Garbage("it answers another question".into()));
        }
        if let Some(id) = wire.first_chunk_mut() {
            *id = self.query.id.to_be_bytes();
        }
        // RFC 4035 §4.9.3: what an upstream says of its own checks need not be true.
        if let Some(flags) = wire.get_mut(3) {
            *flags &= !AD.to_be_bytes()[1];
        }
        let name = self.query.name.as_wire();
        if let Some(question) = wire.get_mut(HEADER..HEADER + name.len()) {
            question.copy_from_slice(name);
            self.query.spelling.apply(question);
        }
        Ok(Answer {
            wire,
            rcode: outline.rcode,
            is_cut: outline.is_cut,
            is_meant: outline.is_meant,
        })
    }
}

/// Spells letters at random. The lengths of labels are no letters.
fn mix_case(name: &mut [u8]) {
    const CASE: u8 = 0x20;
    // As many as a name has bytes, at most.
    let coins: [u64; 4] = rand::random();
    for (bytes, mut coins) in name.chunks_mut(64).zip(coins) {
        for byte in bytes {
            if byte.is_ascii_alphabetic() && coins & 1 != 0 {
                *byte ^= CASE;
            }
            coins >>= 1;
        }
    }
}

fn put_u16(word: u16, wire: &mut Vec<u8>) {
    wire.extend_from_slice(&word.to_be_bytes());
}

/// Adds an OPT record of our own.
fn write_opt(dnssec_ok: bool, is_padded: bool, wire: &mut Vec<u8>) {
    let flags = if dnssec_ok { DNSSEC_OK } else { 0 };
    wire.push(0);
    for word in [RecordType::OPT.0, PAYLOAD, 0, flags] {
        put_u16(word, wire);
    }
    if !is_padded {
        return put_u16(0, wire);
    }
    // The length of the options, and the padding's own code and length.
    let bare = wire.len() + 2 + 4;
    let padding = bare.next_multiple_of(PADDED_TO) - bare;
    for word in [4 + padding, usize::from(PADDING), padding] {
        // Less than two times PADDED_TO.
        put_u16(u16::try_from(word).unwrap_or(0), wire);
    }
    wire.resize(bare + padding, 0);
}

/// A reply that answers the question that was asked, perhaps with an error.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The message, with the id and the spelling of the query.
    pub wire: Vec<u8>,
    /// Its code, with the bits that EDNS adds.
    pub rcode: Rcode,
    /// Whether it was cut off to fit (TC).
    pub is_cut: bool,
    /// Whether it is an error that another server should not be asked about.
    is_meant: bool,
}

impl Answer {
    /// Whether it tells what exists and what does not, or is an error on purpose.
    pub fn is_good(&self) -> bool {
        // YXDOMAIN is what a DNAME gives that makes too long a name (RFC 6672 §2.2).
        const YXDOMAIN: Rcode = Rcode(6);
        self.is_meant || [Rcode::NOERROR, Rcode::NXDOMAIN, YXDOMAIN].contains(&self.rcode)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_proto::op::Query as Ask;
    use hickory_proto::rr::rdata::CNAME;
    use hickory_proto::rr::rdata::opt::EdnsOption;
    use hickory_proto::rr::{RData, Record};

    use super::*;
    use crate::query::{Edns as QueryEdns, Spelling};

    const EDE: u16 = 15;
    const PLAIN: Form = Form {
        mixed_case: false,
        edns: true,
        padded: false,
    };

    fn query(text: &str) -> Query {
        let mut query = Query::internal(text.parse().unwrap(), RecordType::A);
        query.id = 77;
        query
    }

    fn sent(query: &Query, form: Form) -> Message {
        Message::from_vec(Request::new(query, form).as_wire()).unwrap()
    }

    fn reply(request: &Request, change: impl FnOnce(&mut Message)) -> Result<Answer, Failure> {
        let mut message = Message::from_vec(request.as_wire())
            .unwrap()
            .into_response();
        change(&mut message);
        request.read(DnsResponse::from_buffer(message.to_vec().unwrap()).unwrap())
    }

    #[test]
    fn only_the_question_and_four_bits_go_upstream() {
        let mut asked = query("home.example");
        asked.flags = !CD;
        asked.edns = Some(QueryEdns {
            payload: 4096,
            version: 0,
            dnssec_ok: true,
            ..QueryEdns::default()
        });
        let message = sent(&asked, PLAIN);
        let edns = message.edns.unwrap();
        assert!(message.metadata.recursion_desired && message.metadata.authentic_data);
        assert!(!message.metadata.checking_disabled && !message.metadata.truncation);
        assert_eq!(edns.max_payload(), 1232);
        assert!(edns.flags().dnssec_ok && edns.options().as_ref().is_empty());
        assert!(!sent(&query("home.example"), PLAIN).metadata.authentic_data);
    }

    #[test]
    fn ids_and_spelling_differ_from_query_to_query() {
        let form = Form {
            mixed_case: true,
            ..PLAIN
        };
        let asked = query("a-name-with-many-letters.home.example");
        let messages: Vec<_> = (0..8).map(|_| sent(&asked, form)).collect();
        let ids: std::collections::HashSet<_> = messages.iter().map(|m| m.metadata.id).collect();
        let names: std::collections::HashSet<_> = messages
            .iter()
            .map(|m| m.queries[0].name().to_string())
            .collect();
        assert!(ids.len() > 1 && names.len() > 1, "{ids:?} {names:?}");
    }

    #[test]
    fn a_padded_query_hides_its_length() {
        let padded = Form {
            padded: true,
            ..PLAIN
        };
        for name in ["a.example", "a-much-longer-name-than-that.home.example"] {
            let asked = query(name);
            let request = Request::new(&asked, padded);
            assert_eq!(request.as_wire().len(), 128);
            assert!(Message::from_vec(request.as_wire()).is_ok());
        }
    }

    #[test]
    fn an_answer_gets_the_id_and_the_spelling_of_the_device() {
        let mut asked = query("home.example");
        asked.spelling = Spelling::of(b"\x04Home\x07EXAMPLE\x00");
        let form = Form {
            mixed_case: true,
            ..PLAIN
        };
        let answer = reply(&Request::new(&asked, form), |_| {}).unwrap();
        assert_eq!(answer.wire[..2], [0, 77]);
        assert_eq!(&answer.wire[12..26], b"\x04Home\x07EXAMPLE\x00");
        assert!(answer.is_good());
    }

    #[test]
    fn an_answer_to_another_question_is_garbage() {
        let asked = query("home.example");
        let request = Request::new(&asked, PLAIN);
        let other = Ask::query("other.example.".parse().unwrap(), 1.into());
        assert!(reply(&request, |message| message.queries = vec![other]).is_err());
        assert!(reply(&request, |message| message.queries.clear()).is_err());
    }

    fn record(owner: &str, data: RData) -> Record {
        Record::from_rdata(owner.parse().unwrap(), 60, data)
    }

    #[test]
    fn aliases_are_followed_in_any_order_and_other_names_are_refused() {
        let asked = query("www.home.example");
        let request = Request::new(&asked, PLAIN);
        let alias = |target: &str| RData::CNAME(CNAME(target.parse().unwrap()));
        let address = || RData::A(Ipv4Addr::new(192, 0, 2, 1).into());
        let chain = [
            record("host.example.", address()),
            record("Middle.example.", alias("host.example.")),
            record("www.home.example.", alias("middle.example.")),
        ];
        let is_read = |records: &[Record]| {
            let records = records.to_vec();
            reply(&request, |message| message.answers = records).is_ok()
        };
        assert!(is_read(&chain));
        assert!(
            !is_read(&chain[..2]),
            "the chain does not begin at the question"
        );
        assert!(!is_read(&[
            chain[2].clone(),
            record("bank.example.", address())
        ]));
    }

    #[test]
    fn an_error_is_good_only_when_it_is_meant() {
        let asked = query("home.example");
        let request = Request::new(&asked, PLAIN);
        let servfail = |code: Option<u8>| {
            let answer = reply(&request, |message| {
                message.metadata.response_code = 2.into();
                if let (Some(code), Some(edns)) = (code, &mut message.edns) {
                    edns.options_mut()
                        .insert(EdnsOption::Unknown(EDE, vec![0, code]));
                }
            });
            answer.unwrap().is_good()
        };
        assert!(!servfail(None));
        assert!(!servfail(Some(22)), "no reachable authority");
        assert!(servfail(Some(6)), "DNSSEC bogus");
        assert!(servfail(Some(17)), "filtered");
    }
}
