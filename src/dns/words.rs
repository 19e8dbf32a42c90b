//! Messages in words, for commands that show what was answered; and an upstream that is made up,
//! so that rules can be tried without one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SVCB, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

/// The TTL of what the made-up upstream answers, in seconds.
const TTL: u32 = 60;

/// An answer in words.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AnswerWords {
    /// The response code: `NOERROR`.
    pub rcode: String,
    /// The records of the answer section: the type, and the data as zone files write it.
    pub rrs: Vec<(String, String)>,
}

impl AnswerWords {
    /// Puts a message into words; `None` where it is none.
    pub fn of(message: &[u8]) -> Option<Self> {
        let message = Message::from_vec(message).ok()?;
        let rcode = match message.metadata.response_code {
            ResponseCode::NoError => "NOERROR".to_owned(),
            ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
            ResponseCode::ServFail => "SERVFAIL".to_owned(),
            ResponseCode::Refused => "REFUSED".to_owned(),
            other => format!("{other:?}").to_uppercase(),
        };
        let record = |record: &Record| {
            let data = match &record.data {
                RData::TXT(text) => quoted(text),
                RData::SVCB(service) => in_words(service),
                RData::HTTPS(service) => in_words(service),
                data => data.to_string(),
            };
            (record.record_type().to_string(), data)
        };
        Some(Self {
            rcode,
            rrs: message.answers.iter().map(record).collect(),
        })
    }
}

/// RFC 9460 §2.1, each value in quotes.
fn in_words(service: &SVCB) -> String {
    let mut words = format!("{} {}", service.svc_priority, service.target_name);
    for (key, value) in &service.svc_params {
        let value = value.to_string();
        let value = value.trim_end_matches(',').replace('"', "");
        words.push(' ');
        words.push_str(&key.to_string());
        if !value.is_empty() {
            words.extend(["=\"", &value, "\""]);
        }
    }
    words
}

fn quoted(text: &TXT) -> String {
    let parts = text
        .txt_data
        .iter()
        .map(|part| {
            String::from_utf8_lossy(part)
                .replace('\\', r"\\")
                .replace('"', "\\\"")
        })
        .map(|part| format!("\"{part}\""));
    parts.collect::<Vec<_>>().join(" ")
}

/// Answers as an upstream that knows every name, until the socket is gone.
///
/// `alias--x--test.example` is an alias of `x.test`, `ip-192-0-2-7.example` has that address, and
/// every other name 192.0.2.77 and `2001:db8::77`. A name without a dot does not exist.
pub async fn serve_made_up(socket: UdpSocket) {
    let mut packet = [0; 1232];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        let query = packet.get(..length).map(Message::from_vec);
        let Some(Ok(query)) = query else {
            continue;
        };
        if let Ok(answer) = made_up(query).to_vec() {
            // Whoever asks again after a loss is answered again.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

fn made_up(query: Message) -> Message {
    let mut answer = query.into_response();
    answer.metadata.recursion_available = true;
    let Some(question) = answer.queries.first() else {
        return answer;
    };
    let (name, kind) = (question.name().clone(), question.query_type());
    if name.num_labels() < 2 {
        answer.metadata.response_code = ResponseCode::NXDomain;
        return answer;
    }
    let (target, first) = (alias_of(&name), first_label(&name));
    let owner = target.clone().unwrap_or_else(|| name.clone());
    if let Some(target) = target {
        let alias = Record::from_rdata(name, TTL, RData::CNAME(CNAME(target)));
        answer.add_answer(alias);
    }
    if let Some(data) = data(kind, address_in(&first)) {
        answer.add_answer(Record::from_rdata(owner, TTL, data));
    }
    answer
}

fn data(kind: RecordType, address: Option<IpAddr>) -> Option<RData> {
    match (kind, address) {
        (RecordType::A, Some(IpAddr::V4(v4))) => Some(RData::A(A(v4))),
        (RecordType::AAAA, Some(IpAddr::V6(v6))) => Some(RData::AAAA(AAAA(v6))),
        // An address of the other family is no answer.
        (RecordType::A, None) => Some(RData::A(A(Ipv4Addr::new(192, 0, 2, 77)))),
        (RecordType::AAAA, None) => Some(RData::AAAA(AAAA(Ipv6Addr::new(
            0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x77,
        )))),
        (RecordType::TXT, _) => Some(RData::TXT(TXT::new(vec!["upstream".to_owned()]))),
        _ => None,
    }
}

fn first_label(name: &Name) -> String {
    let label = name.iter().next().unwrap_or_default();
    String::from_utf8_lossy(label).to_lowercase()
}

fn alias_of(name: &Name) -> Option<Name> {
    let label = first_label(name);
    let target = label.strip_prefix("alias--")?.replace("--", ".");
    Name::from_ascii(format!("{target}.")).ok()
}

fn address_in(label: &str) -> Option<IpAddr> {
    let digits = label.strip_prefix("ip-")?;
    digits.replace('-', ".").parse().ok()
}
