//! The query as it is sent on, and what is checked of the reply.
//!
//! Nothing of the device's message goes upstream but the question and the bits RD, CD, AD and DO:
//! the id is new, the OPT record is our own (RFC 6891 §6.1.1), and no client subnet leaves the house.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::{
    DnsRequest, DnsRequestOptions, DnsResponse, Edns, Message, MessageType, OpCode, Query as Ask,
};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, Name as HickoryName, RData, Record, RecordType as HickoryType};
use hickory_proto::serialize::binary::BinDecodable;

use crate::query::{Name, Query, Rcode, RecordType, Transport};

use super::error::Failure;
use super::parse;

const HEADER: usize = 12;
const RD: u16 = 0x0100;
const AD: u16 = 0x0020;
const CD: u16 = 0x0010;
/// DNS Flag Day 2020: fits an unfragmented datagram everywhere.
const PAYLOAD: u16 = 1232;
const EDE: u16 = 15;
const PADDING: u16 = 12;
/// RFC 8467 §4.1: queries are padded to the next multiple of this.
const PADDED_TO: usize = 128;

/// No honest chain is as long, and following one takes time.
const MAX_ALIASES: usize = 16;

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
pub(super) struct Request {
    message: Message,
    wire: Vec<u8>,
    /// Name, type and class in wire format, as sent.
    question: Vec<u8>,
    mixed_case: bool,
    id: u16,
    spelled: Name,
}

impl Request {
    /// Writes `query` for a server.
    pub fn new(query: &Query, form: Form) -> Result<Self, Failure> {
        let mut name = HickoryName::from_bytes(query.name.as_wire())
            .map_err(|why| Failure::Local(why.to_string()))?;
        if form.mixed_case {
            name.randomize_label_case();
        }
        let mut ask = Ask::query(name, query.kind.0.into());
        ask.set_query_class(DNSClass::from(query.class));
        let mut message = Message::query();
        message.metadata.recursion_desired = query.flags & RD != 0;
        message.metadata.authentic_data = query.flags & AD != 0;
        message.metadata.checking_disabled = query.flags & CD != 0;
        message.add_query(ask);
        if form.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD);
            edns.set_dnssec_ok(query.edns.is_some_and(|edns| edns.dnssec_ok));
            message.edns = Some(edns);
            if form.padded {
                pad(&mut message)?;
            }
        }
        // The type and the class follow the name.
        let end = HEADER + query.name.as_wire().len() + 4;
        let wire = to_wire(&message)?;
        let question = wire.get(HEADER..end).unwrap_or_default().to_vec();
        Ok(Self {
            message,
            wire,
            question,
            mixed_case: form.mixed_case,
            id: query.id,
            spelled: query.spelled,
        })
    }

    /// The form in which hickory takes it.
    pub fn to_hickory(&self) -> DnsRequest {
        DnsRequest::new(self.message.clone(), DnsRequestOptions::default())
    }

    /// The message in wire format.
    pub fn to_wire(&self) -> Vec<u8> {
        self.wire.clone()
    }

    /// Reads what hickory received as [`Request::read_wire`] does.
    pub fn read(&self, response: DnsResponse) -> Result<Answer, Failure> {
        self.read_wire(response.into_buffer())
    }

    /// Checks that `wire` answers this request, and gives it the device's id and spelling.
    pub fn read_wire(&self, mut wire: Vec<u8>) -> Result<Answer, Failure> {
        let response = parse::read(&wire)?;
        let is_response = response.metadata.message_type == MessageType::Response;
        if !is_response || response.metadata.op_code != OpCode::Query {
            return Err(Failure::Garbage("it is no answer to a query".into()));
        }
        if strays(&response) {
            return Err(Failure::Garbage("it has records of other names".into()));
        }
        let answer = Answer {
            rcode: Rcode(response.metadata.response_code.into()),
            is_cut: response.metadata.truncation,
            is_meant: is_meant(&response),
            wire: Vec::new(),
        };
        if wire.get(4..6) != Some([0, 1].as_slice()) {
            return Err(Failure::Garbage("it has not the one question".into()));
        }
        let end = HEADER + self.question.len();
        let question = wire.get(HEADER..end).unwrap_or_default();
        let is_same = if self.mixed_case {
            question == self.question
        } else {
            question.eq_ignore_ascii_case(&self.question)
        };
        if !is_same {
            return Err(Failure::Garbage("it answers another question".into()));
        }
        if let Some(id) = wire.first_chunk_mut() {
            *id = self.id.to_be_bytes();
        }
        // RFC 4035 §4.9.3: what an upstream says of its own checks need not be true.
        if let Some(flags) = wire.get_mut(3) {
            *flags &= !AD.to_be_bytes()[1];
        }
        let spelled = self.spelled.as_wire();
        if let Some(name) = wire.get_mut(HEADER..HEADER + spelled.len()) {
            name.copy_from_slice(spelled);
        }
        Ok(Answer { wire, ..answer })
    }
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

/// Whether an extended error says that the error is meant: DNSSEC failed, or the upstream filters.
///
/// Asking another server would get around just that.
fn is_meant(response: &Message) -> bool {
    let options = response
        .edns
        .iter()
        .flat_map(|edns| edns.options().get_all(EDE.into()));
    options.into_iter().any(|option| match option {
        // RFC 8914 §4: 1 to 12 and 27 but for 3 and 4 (stale, forged) are DNSSEC's; 15 to 17 are
        // blocked, censored and filtered.
        EdnsOption::Unknown(EDE, data) => data
            .first_chunk()
            .is_some_and(|code| matches!(u16::from_be_bytes(*code), 1 | 2 | 5..=12 | 15..=17 | 27)),
        _ => false,
    })
}

/// Whether the answers have records of names that the question does not lead to (RFC 5452 §6).
fn strays(response: &Message) -> bool {
    let mut aliases = Vec::new();
    for record in &response.answers {
        if let RData::CNAME(target) = &record.data {
            aliases.push((&record.name, &target.0));
        }
    }
    if aliases.len() > MAX_ALIASES {
        return true;
    }
    let mut names: Vec<&HickoryName> = response.queries.iter().map(Ask::name).collect();
    // They stand in any order, so each round reaches at least one more, or there is none.
    for _ in 0..aliases.len() {
        for (owner, target) in &aliases {
            if names.contains(owner) && !names.contains(target) {
                names.push(target);
            }
        }
    }
    let leads_to = |record: &Record| {
        // A DNAME stands above the name that it moves (RFC 6672 §2.2), and so does its signature.
        let is_dname = covered_type(record) == RecordType::DNAME.0.into();
        let covers = |name: &HickoryName| is_dname && record.name.zone_of(name);
        names
            .iter()
            .any(|&name| record.name == *name || covers(name))
    };
    !response.answers.iter().all(leads_to)
}

/// The type of a record, or of what it signs.
fn covered_type(record: &Record) -> HickoryType {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => signature.input().type_covered,
        _ => record.record_type(),
    }
}

fn to_wire(message: &Message) -> Result<Vec<u8>, Failure> {
    message
        .to_vec()
        .map_err(|why| Failure::Local(why.to_string()))
}

fn pad(message: &mut Message) -> Result<(), Failure> {
    let bare = to_wire(message)?.len();
    // Four bytes are the option's own code and length.
    let padding = (bare + 4).next_multiple_of(PADDED_TO) - bare - 4;
    if let Some(edns) = &mut message.edns {
        let option = EdnsOption::Unknown(PADDING, vec![0; padding]);
        edns.options_mut().insert(option);
    }
    Ok(())
}

/// A question of our own.
pub(super) fn question(name: Name, kind: RecordType) -> Query {
    Query {
        id: 0,
        flags: RD,
        name: name.to_lowercase(),
        spelled: name,
        kind,
        class: 1,
        edns: None,
        source: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        transport: Transport::Udp,
        device: None,
        upstream_set: 0,
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::CNAME;

    use super::*;
    use crate::query::Edns as QueryEdns;

    const PLAIN: Form = Form {
        mixed_case: false,
        edns: true,
        padded: false,
    };

    fn query(text: &str) -> Query {
        let mut query = question(text.parse().unwrap(), RecordType::A);
        query.id = 77;
        query
    }

    fn sent(query: &Query, form: Form) -> Message {
        let bytes = Request::new(query, form).unwrap().message.to_vec().unwrap();
        Message::from_vec(&bytes).unwrap()
    }

    fn reply(request: &Request, change: impl FnOnce(&mut Message)) -> Result<Answer, Failure> {
        let mut message = request.message.clone().into_response();
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
            let request = Request::new(&query(name), padded).unwrap();
            assert_eq!(request.message.to_vec().unwrap().len(), 128);
        }
    }

    #[test]
    fn an_answer_gets_the_id_and_the_spelling_of_the_device() {
        let mut asked = query("home.example");
        asked.spelled = "Home.EXAMPLE".parse().unwrap();
        let form = Form {
            mixed_case: true,
            ..PLAIN
        };
        let answer = reply(&Request::new(&asked, form).unwrap(), |_| {}).unwrap();
        assert_eq!(answer.wire[..2], [0, 77]);
        assert_eq!(&answer.wire[12..26], b"\x04Home\x07EXAMPLE\x00");
        assert!(answer.is_good());
    }

    #[test]
    fn an_answer_to_another_question_is_garbage() {
        let request = Request::new(&query("home.example"), PLAIN).unwrap();
        let other = Ask::query("other.example.".parse().unwrap(), 1.into());
        assert!(reply(&request, |message| message.queries = vec![other]).is_err());
        assert!(reply(&request, |message| message.queries.clear()).is_err());
    }

    fn record(owner: &str, data: RData) -> Record {
        Record::from_rdata(owner.parse().unwrap(), 60, data)
    }

    #[test]
    fn aliases_are_followed_in_any_order_and_other_names_are_refused() {
        let request = Request::new(&query("www.home.example"), PLAIN).unwrap();
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
        let request = Request::new(&query("home.example"), PLAIN).unwrap();
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
