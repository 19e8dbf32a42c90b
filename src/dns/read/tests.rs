//! Packets as strangers send them; hickory-proto is the oracle.

use std::sync::LazyLock;

use hickory_proto::op::{Edns as ProtoEdns, Message, MessageType, OpCode, Query as Question};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name as ProtoName, RecordType as ProtoType};
use proptest::prelude::*;

use super::*;

fn source() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 4242))
}

static COOKIES: LazyLock<Cookies> = LazyLock::new(Cookies::default);

fn read_over(bytes: &[u8], transport: Transport) -> Packet {
    let origin = Origin {
        source: source(),
        transport,
        device: None,
        cookies: &COOKIES,
        keepalive: 100,
        relayed: &|_| None,
    };
    read(bytes, origin)
}

fn read_udp(bytes: &[u8]) -> Packet {
    read_over(bytes, Transport::Udp)
}

fn packet(edns: Option<ProtoEdns>) -> Vec<u8> {
    let mut message = Message::new(0x1234, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Question::query(
        ProtoName::from_ascii("Data.Vendor.example.").unwrap(),
        ProtoType::HTTPS,
    ));
    message.edns = edns;
    message.to_vec().unwrap()
}

fn rcode(bytes: &[u8]) -> Option<Rcode> {
    match read_udp(bytes) {
        Packet::Code { rcode, .. } => Some(rcode),
        _ => None,
    }
}

/// The OPT record that the answer will have.
fn edns(packet: Packet) -> Option<Edns> {
    match packet {
        Packet::Query(query) => query.edns,
        Packet::Code { query, edns, .. } => query.and_then(|query| query.edns).or(edns),
        Packet::Silence => None,
    }
}

fn with_options(options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut edns = ProtoEdns::new();
    for &(code, data) in options {
        let option = EdnsOption::Unknown(code, data.to_vec());
        edns.options_mut().insert(option);
    }
    packet(Some(edns))
}

#[test]
fn a_usual_query_is_read() {
    let Packet::Query(query) = read_udp(&packet(None)) else {
        panic!("no query")
    };
    assert_eq!(query.id, 0x1234);
    assert_eq!(query.name.to_string(), "data.vendor.example");
    assert_eq!(query.spelled().to_string(), "Data.Vendor.example");
    assert_eq!(query.kind, RecordType::HTTPS);
    assert!(query.wants_recursion());
    assert_eq!(query.edns, None);
}

#[test]
fn edns_is_read() {
    let mut edns = ProtoEdns::new();
    edns.set_max_payload(4096).set_dnssec_ok(true);
    let Packet::Query(query) = read_udp(&packet(Some(edns))) else {
        panic!("no query")
    };
    assert_eq!(
        query.edns,
        Some(Edns {
            payload: 4096,
            version: 0,
            dnssec_ok: true,
            ..Edns::default()
        })
    );
}

#[test]
fn what_is_short_or_an_answer_gets_silence() {
    let mut answer = packet(None);
    answer[2] |= 0x80;
    assert!(matches!(read_udp(&answer), Packet::Silence));
    for len in 0..12 {
        assert!(
            matches!(read_udp(&packet(None)[..len]), Packet::Silence),
            "{len}"
        );
    }
}

#[test]
fn a_question_cut_anywhere_is_a_format_error() {
    let whole = packet(Some(ProtoEdns::new()));
    for len in 12..whole.len() {
        assert_eq!(rcode(&whole[..len]), Some(Rcode::FORMERR), "{len}");
    }
}

#[test]
fn none_or_two_questions_are_a_format_error() {
    for count in [0, 2] {
        let mut bytes = packet(None);
        bytes[5] = count;
        assert_eq!(rcode(&bytes), Some(Rcode::FORMERR));
    }
}

#[test]
fn compressed_and_reserved_labels_are_a_format_error() {
    for label in [[0xc0, 0x0c], [0xc0, 0x00], [0x40, 0x01], [0x80, 0x01]] {
        let mut bytes = packet(None);
        bytes[12..14].copy_from_slice(&label);
        assert_eq!(rcode(&bytes), Some(Rcode::FORMERR));
    }
}

#[test]
fn other_opcodes_classes_and_types_are_not_taken_on() {
    let mut bytes = packet(None);
    for (opcode, expected) in [
        (1, Rcode::NOTIMP),
        (2, Rcode::NOTIMP),
        (4, Rcode::REFUSED),
        (5, Rcode::REFUSED),
        (15, Rcode::NOTIMP),
    ] {
        bytes[2] = opcode << 3;
        assert_eq!(rcode(&bytes), Some(expected), "opcode {opcode}");
    }
    bytes[2] = 1;
    let end = bytes.len();
    bytes[end - 1] = 3;
    assert_eq!(rcode(&bytes), Some(Rcode::REFUSED), "class CH");
    bytes[end - 1] = 1;
    for (kind, expected) in [
        (252_u16, Rcode::REFUSED),
        (0, Rcode::NOTIMP),
        (250, Rcode::NOTIMP),
    ] {
        bytes[end - 4..end - 2].copy_from_slice(&kind.to_be_bytes());
        assert_eq!(rcode(&bytes), Some(expected), "type {kind}");
    }
}

#[test]
fn an_edns_version_of_the_future_is_told_so() {
    let mut edns = ProtoEdns::new();
    edns.set_version(1);
    let of_next = packet(Some(edns));
    assert_eq!(rcode(&of_next), Some(Rcode::BADVERS));
    // Its options need not look like ours: here one runs past its end, and a cookie is too short.
    for options in [[0, 10, 0, 9, 0, 0], [0, 10, 0, 2, 1, 2]] {
        let mut other = of_next.clone();
        let end = other.len();
        other[end - 1] = 6;
        other.extend_from_slice(&options);
        assert_eq!(rcode(&other), Some(Rcode::BADVERS), "{options:?}");
        other[2] = 5 << 3;
        assert_eq!(rcode(&other), Some(Rcode::REFUSED), "an update");
    }
}

#[test]
fn two_opts_and_options_past_their_end_are_a_format_error() {
    let mut two = packet(Some(ProtoEdns::new()));
    two.extend_from_slice(&[0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0]);
    two[11] = 2;
    assert_eq!(rcode(&two), Some(Rcode::FORMERR));
    let mut long = packet(Some(ProtoEdns::new()));
    let end = long.len();
    long[end - 1] = 5;
    long.extend_from_slice(&[0, 10, 0, 9, 0]);
    assert_eq!(rcode(&long), Some(Rcode::FORMERR));
}

#[test]
fn an_error_has_an_opt_record_where_the_query_had_one() {
    let with = packet(Some(ProtoEdns::new()));
    let without = packet(None);
    let changes: [fn(&mut Vec<u8>); 6] = [
        |bytes| bytes[2] = 15 << 3,
        |bytes| bytes[5] = 0,
        |bytes| bytes[5] = 2,
        |bytes| bytes[36] = 3,
        |bytes| bytes[34] = 252,
        |bytes| bytes[7] = 1,
    ];
    // Zero and two questions leave the rest where nobody can find it.
    for (at, change) in changes.iter().enumerate() {
        let (mut with, mut without) = (with.clone(), without.clone());
        change(&mut with);
        change(&mut without);
        assert!(rcode(&with).is_some() && rcode(&without).is_some(), "{at}");
        let is_lost = at == 1 || at == 2;
        assert_eq!(edns(read_udp(&with)).is_some(), !is_lost, "{at}");
        assert_eq!(edns(read_udp(&without)), None, "{at}");
    }
}

#[test]
fn two_questions_are_an_error_with_an_opt_record() {
    let mut bytes = packet(Some(ProtoEdns::new()));
    bytes[5] = 2;
    let question = bytes[12..37].to_vec();
    bytes.splice(37..37, question);
    assert_eq!(rcode(&bytes), Some(Rcode::FORMERR));
    assert!(edns(read_udp(&bytes)).is_some());
}

#[test]
fn an_opt_record_of_a_name_or_in_another_section_is_a_format_error() {
    let mut named = packet(None);
    named[11] = 1;
    named.extend_from_slice(&[1, b'a', 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    let mut early = packet(None);
    early[7] = 1;
    early.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    for bytes in [named, early] {
        assert_eq!(rcode(&bytes), Some(Rcode::FORMERR));
        assert!(edns(read_udp(&bytes)).is_some());
    }
}

#[test]
fn other_records_of_a_query_are_passed_over() {
    let mut bytes = packet(None);
    bytes[7] = 1;
    bytes[11] = 2;
    bytes.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
    bytes.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    // A signature under a key that nobody knows (RFC 8945), with junk in it.
    bytes.extend_from_slice(&[1, b'k', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
    assert!(matches!(read_udp(&bytes), Packet::Query(_)));
    assert_eq!(edns(read_udp(&bytes)).unwrap().payload, 1232);
}

#[test]
fn counts_that_promise_more_are_a_format_error() {
    for at in [7, 9, 11] {
        let mut bytes = packet(None);
        bytes[at] = 1;
        assert_eq!(rcode(&bytes), Some(Rcode::FORMERR), "{at}");
    }
}

#[test]
fn a_cookie_goes_back_with_ours_and_a_broken_one_is_a_format_error() {
    let answered = |data: &[u8]| {
        let edns = edns(read_udp(&with_options(&[(10, data)])));
        edns.and_then(|edns| edns.cookie)
    };
    let fresh = answered(b"8 bytes.").unwrap();
    assert_eq!(&fresh[..8], b"8 bytes.");
    assert!(answered(&fresh).is_some());
    for length in [0, 7, 9, 15, 41] {
        let bytes = with_options(&[(10, &[7; 41][..length])]);
        assert_eq!(rcode(&bytes), Some(Rcode::FORMERR), "{length}");
        assert!(edns(read_udp(&bytes)).is_some(), "{length}");
    }
    assert_eq!(
        edns(read_udp(&packet(Some(ProtoEdns::new()))))
            .unwrap()
            .cookie,
        None
    );
}

#[test]
fn no_question_with_a_cookie_asks_for_a_cookie() {
    let mut bytes = with_options(&[(10, b"8 bytes.")]);
    bytes[5] = 0;
    bytes.drain(12..37);
    assert_eq!(rcode(&bytes), Some(Rcode::NOERROR));
    assert!(edns(read_udp(&bytes)).unwrap().cookie.is_some());
}

#[test]
fn the_idle_time_is_told_over_tcp_only() {
    let bytes = with_options(&[(11, &[])]);
    let told = |transport| edns(read_over(&bytes, transport)).unwrap().keepalive;
    assert_eq!(told(Transport::Tcp), Some(100));
    assert_eq!(told(Transport::Udp), None);
}

#[test]
fn an_idle_time_is_seen_wherever_it_stands() {
    assert!(has_keepalive(&with_options(&[(11, b"")])));
    assert!(has_keepalive(&with_options(&[
        (12, b"\0\0\0"),
        (11, b"\0\x64")
    ])));
    assert!(!has_keepalive(&with_options(&[(12, b"\0\x0b\0\0")])));
    assert!(!has_keepalive(&packet(None)));
    let whole = with_options(&[(11, b"")]);
    for len in 0..whole.len() {
        assert!(!has_keepalive(&whole[..len]), "{len}");
    }
}

#[test]
fn any_number_of_options_is_passed_over() {
    let mut bytes = packet(Some(ProtoEdns::new()));
    let end = bytes.len();
    let options = [0xff, 0xf0, 0, 0].repeat(15_000);
    bytes[end - 2..].copy_from_slice(&u16::try_from(options.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(&options);
    assert!(matches!(read_udp(&bytes), Packet::Query(_)));
}

proptest! {
    #[test]
    fn noise_never_panics_and_what_is_read_is_what_the_oracle_reads(
        start in prop_oneof![Just(packet(None)), Just(packet(Some(ProtoEdns::new())))],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = start;
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let Packet::Query(query) = read_udp(&bytes) else {
            return Ok(());
        };
        // Of records that we pass over, the oracle reads the data too, and may stop at it.
        let passed_over = bytes[6..10] != [0; 4] || bytes[10..12] > [0, 1][..];
        let oracle = match Message::from_vec(&bytes) {
            Err(_) if passed_over || query.edns.is_none() && bytes[11] == 1 => return Ok(()),
            oracle => oracle.unwrap(),
        };
        prop_assert_eq!(oracle.metadata.id, query.id);
        prop_assert_eq!(oracle.queries.len(), 1);
        let asked = &oracle.queries[0];
        prop_assert_eq!(u16::from(asked.query_type()), query.kind.0);
        let labels: Vec<&[u8]> = asked.name().iter().collect();
        let spelled = query.spelled();
        prop_assert_eq!(labels, spelled.labels().collect::<Vec<_>>());
        prop_assert_eq!(oracle.edns.map(|edns| edns.max_payload().max(512)), query.edns.map(|edns| edns.payload.max(512)));
    }

    #[test]
    fn pure_noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_udp(&bytes);
        read_over(&bytes, Transport::Tcp);
    }
}
