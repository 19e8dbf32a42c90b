//! Packets as strangers send them; hickory-proto is the oracle.

use hickory_proto::op::{Edns as ProtoEdns, MessageType, OpCode, Query as Question};
use hickory_proto::rr::Name as ProtoName;
use proptest::prelude::*;

use super::*;

fn source() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 4242))
}

fn read_udp(bytes: &[u8]) -> Packet {
    read(bytes, source(), Transport::Udp)
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
        Packet::Error { rcode, .. } => Some(rcode),
        _ => None,
    }
}

#[test]
fn a_usual_query_is_read() {
    let Packet::Query(query) = read_udp(&packet(None)) else {
        panic!("no query")
    };
    assert_eq!(query.id, 0x1234);
    assert_eq!(query.name.to_string(), "data.vendor.example");
    assert_eq!(query.spelled.to_string(), "Data.Vendor.example");
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
            dnssec_ok: true
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
    assert_eq!(rcode(&packet(Some(edns))), Some(Rcode::BADVERS));
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
        if let Packet::Query(query) = read_udp(&bytes) {
            let oracle = Message::from_vec(&bytes).unwrap();
            prop_assert_eq!(oracle.metadata.id, query.id);
            prop_assert_eq!(oracle.queries.len(), 1);
            let asked = &oracle.queries[0];
            prop_assert_eq!(u16::from(asked.query_type()), query.kind.0);
            let labels: Vec<&[u8]> = asked.name().iter().collect();
            prop_assert_eq!(labels, query.spelled.labels().collect::<Vec<_>>());
            prop_assert_eq!(oracle.edns.map(|edns| edns.max_payload().max(512)), query.edns.map(|edns| edns.payload.max(512)));
        }
    }

    #[test]
    fn pure_noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_udp(&bytes);
    }
}
