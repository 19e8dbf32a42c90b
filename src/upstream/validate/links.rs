//! An answer taken apart: each alias by itself, and what the last of them leads to.
//!
//! Aliases lead from zone to zone, and each zone proves its own part only.

use hickory_proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_proto::op::{Message, Query as Ask, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType as Kind};
use hickory_proto::serialize::binary::BinDecodable;

use super::wildcard;

/// No honest chain is as long.
const MOST: usize = 16;

/// The parts, as answers of their own; `None` where an alias is not what its DNAME makes of it.
pub(super) fn of(message: &Message) -> Option<Vec<Message>> {
    let asked = message.queries.first()?;
    let mut owner = asked.name().clone();
    let mut links = Vec::new();
    while let Some(alias) = alias_of(message, &owner, asked.query_type()) {
        if links.len() >= MOST {
            return None;
        }
        let signature = signature_of(message, &owner, Kind::CNAME);
        match dname_above(message, &owner).filter(|_| signature.is_none()) {
            // RFC 6672 §5.3.1: the alias is not signed, the DNAME that it is made of is.
            Some((above, to)) => {
                if moved(&owner, above, &to)? != *alias {
                    return None;
                }
                links.push(part(message, above, Kind::DNAME, None));
            }
            None => links.push(part(message, &owner, Kind::CNAME, signature)),
        }
        owner = alias.clone();
    }
    links.push(last(message, owner, asked.query_type())?);
    let split = |link: Message| match wildcard::parts(&link) {
        Some(parts) => parts.to_vec(),
        None => vec![link],
    };
    Some(links.into_iter().flat_map(split).collect())
}

/// What stands at the end of the aliases; `None` where it contradicts itself.
fn last(message: &Message, owner: Name, kind: Kind) -> Option<Message> {
    let mut here = message.answers.iter();
    if here.any(|record| record.name == owner && record.record_type() == kind) {
        let signature = signature_of(message, &owner, kind);
        let is_there = message.metadata.response_code == ResponseCode::NoError;
        return is_there.then(|| part(message, &owner, kind, signature));
    }
    let mut last = message.clone();
    last.answers.retain(|record| record.name == owner);
    last.queries = vec![Ask::query(owner, kind)];
    last.additionals.clear();
    Some(last)
}

/// Where `owner` leads to, unless the alias itself is what was asked for.
fn alias_of<'a>(message: &'a Message, owner: &Name, asked: Kind) -> Option<&'a Name> {
    if [Kind::CNAME, Kind::ANY].contains(&asked) {
        return None;
    }
    let mut at_owner = message
        .answers
        .iter()
        .filter(|record| record.name == *owner);
    at_owner.find_map(|record| match &record.data {
        RData::CNAME(alias) => Some(&alias.0),
        _ => None,
    })
}

fn dname_above<'a>(message: &'a Message, owner: &Name) -> Option<(&'a Name, Name)> {
    message
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::Unknown { code, rdata } if *code == Kind::DNAME => {
                let is_above = record.name.zone_of(owner) && record.name != *owner;
                let to = Name::from_bytes(&rdata.anything).ok();
                to.filter(|_| is_above).map(|to| (&record.name, to))
            }
            _ => None,
        })
}

/// `name` with its end `above` exchanged for `to`.
fn moved(name: &Name, above: &Name, to: &Name) -> Option<Name> {
    let kept = usize::from(name.num_labels().checked_sub(above.num_labels())?);
    let labels = name.iter().take(kept).chain(to.iter());
    Name::from_labels(labels).ok()
}

/// The records of `kind` at `owner` as an answer of their own. Where they were made of a wildcard,
/// the zone's proofs that nothing stands closer belong to it.
fn part(message: &Message, owner: &Name, kind: Kind, signature: Option<&RRSIG>) -> Message {
    let mut part = message.clone();
    part.queries = vec![Ask::query(owner.clone(), kind)];
    part.metadata.response_code = ResponseCode::NoError;
    part.answers.retain(|record| record.name == *owner);
    let wildcard = signature.filter(|rrsig| rrsig.input().num_labels < owner.num_labels());
    let zone = wildcard.map(|rrsig| rrsig.input().signer_name.clone());
    part.authorities.retain(|record| {
        let is_proof = [Kind::NSEC, Kind::NSEC3, Kind::RRSIG].contains(&record.record_type());
        is_proof && zone.as_ref().is_some_and(|zone| zone.zone_of(&record.name))
    });
    part.additionals.clear();
    part
}

/// The signature of a set among the answers.
pub(super) fn signature_of<'a>(
    message: &'a Message,
    owner: &Name,
    kind: Kind,
) -> Option<&'a RRSIG> {
    let signatures = message.answers.iter().filter_map(signature);
    let mut of_owner = signatures
        .filter(|(name, signature)| *name == owner && signature.input().type_covered == kind);
    of_owner.next().map(|(_, signature)| signature)
}

/// A signature, and whose it is.
pub(super) fn signature(record: &Record) -> Option<(&Name, &RRSIG)> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some((&record.name, signature)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::{A, CNAME, NULL};

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn alias(owner: &str, to: &str) -> Record {
        Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(to))))
    }

    fn links(answers: Vec<Record>) -> Option<Vec<(String, String, usize)>> {
        let mut message = Message::query();
        message.add_query(Ask::query(name("www.example."), Kind::A));
        message.add_answers(answers);
        let told = |link: Message| {
            let asked = link.queries.first().cloned().unwrap();
            let owner = asked.name().to_ascii();
            (owner, asked.query_type().to_string(), link.answers.len())
        };
        of(&message).map(|links| links.into_iter().map(told).collect())
    }

    fn link(owner: &str, kind: &str, answers: usize) -> (String, String, usize) {
        (owner.to_owned(), kind.to_owned(), answers)
    }

    #[test]
    fn each_alias_is_a_part_of_its_own() {
        let address = RData::A(A::new(192, 0, 2, 1));
        let answers = vec![
            alias("www.example.", "host.example."),
            alias("host.example.", "far.test."),
            Record::from_rdata(name("far.test."), 60, address),
        ];
        let expected = vec![
            link("www.example.", "CNAME", 1),
            link("host.example.", "CNAME", 1),
            link("far.test.", "A", 1),
        ];
        assert_eq!(links(answers), Some(expected));
        assert_eq!(links(Vec::new()), Some(vec![link("www.example.", "A", 0)]));
    }

    #[test]
    fn an_alias_made_of_a_dname_has_to_be_what_it_makes() {
        let rdata = NULL::with(b"\x04test\x00".to_vec());
        let code = Kind::DNAME;
        let dname = Record::from_rdata(name("example."), 60, RData::Unknown { code, rdata });
        let right = vec![dname.clone(), alias("www.example.", "www.test.")];
        let expected = vec![link("example.", "DNAME", 1), link("www.test.", "A", 0)];
        assert_eq!(links(right), Some(expected));
        assert_eq!(
            links(vec![dname, alias("www.example.", "bank.test.")]),
            None
        );
    }

    #[test]
    fn a_circle_of_aliases_ends() {
        assert_eq!(links(vec![alias("www.example.", "www.example.")]), None);
    }
}
