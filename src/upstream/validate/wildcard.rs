//! Answers that a zone made of a wildcard, and its proof by NSEC that nothing stands closer
//! (RFC 4035 §5.3.4).
//!
//! hickory refuses most of these proofs, so that such an answer is taken apart once more: into the
//! records of the wildcard itself, and the NSEC record that denies the name asked.

use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC, RRSIG};
use hickory_proto::op::{Message, Query as Ask};
use hickory_proto::rr::{Name, RData, Record, RecordType as Kind};

use super::links::{signature, signature_of};

/// The parts of a link whose answer was made of a wildcard; `None` for any other, and where no NSEC
/// record proves it.
pub(super) fn parts(link: &Message) -> Option<[Message; 2]> {
    let asked = link.queries.first()?;
    let rrsig = signature_of(link, asked.name(), asked.query_type())?;
    let labels = rrsig.input().num_labels;
    if labels >= asked.name().num_labels() {
        return None;
    }
    let zone = &rrsig.input().signer_name;
    let wildcard = asked
        .name()
        .trim_to(usize::from(labels))
        .prepend_label("*")
        .ok()?;
    let denies = |record: &&Record| {
        let nsec = nsec(record).filter(|_| zone.zone_of(&record.name));
        nsec.is_some_and(|nsec| {
            covers(&record.name, nsec, asked.name())
                && closest(&record.name, nsec, asked.name()) <= usize::from(labels)
        })
    };
    let proof = link.authorities.iter().find(denies)?.name.clone();
    let mut source = link.clone();
    source.queries = vec![Ask::query(wildcard.clone(), asked.query_type())];
    source.authorities.clear();
    for record in &mut source.answers {
        record.name = wildcard.clone();
    }
    let is_by_zone = |rrsig: &RRSIG| rrsig.input().signer_name == *zone;
    let mut denial = link.clone();
    denial.queries = vec![Ask::query(proof.clone(), Kind::NSEC)];
    denial.answers = std::mem::take(&mut denial.authorities);
    denial.answers.retain(|record| {
        let is_signature = signature(record).is_some_and(|(_, rrsig)| {
            is_by_zone(rrsig) && rrsig.input().type_covered == Kind::NSEC
        });
        record.name == proof && (nsec(record).is_some() || is_signature)
    });
    Some([source, denial])
}

fn nsec(record: &Record) -> Option<&NSEC> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) => Some(nsec),
        _ => None,
    }
}

/// Whether `name` is not there, because it stands between the record's owner and the next.
fn covers(owner: &Name, nsec: &NSEC, name: &Name) -> bool {
    // RFC 6840 §4.1: of what is below a delegation the zone above proves nothing.
    if nsec.is_ancestor_delegation() && owner.zone_of(name) {
        return false;
    }
    let next = nsec.next_domain_name();
    let is_last = next <= owner;
    owner < name && (name < next || is_last && next.zone_of(name))
}

/// How many labels of `name` are those of a name that is there.
fn closest(owner: &Name, nsec: &NSEC, name: &Name) -> usize {
    let shared = |other: &Name| {
        let labels = name.iter().rev().zip(other.iter().rev());
        labels
            .take_while(|(label, other)| label.eq_ignore_ascii_case(other))
            .count()
    };
    shared(owner).max(shared(nsec.next_domain_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn denies(owner: &str, next: &str, kinds: &[Kind], asked: &str) -> Option<usize> {
        let nsec = NSEC::new(name(next), kinds.iter().copied());
        let (owner, asked) = (name(owner), name(asked));
        covers(&owner, &nsec, &asked).then(|| closest(&owner, &nsec, &asked))
    }

    #[test]
    fn a_record_denies_what_stands_between_its_names() {
        let denies = |asked| denies("b.example.", "d.example.", &[Kind::A], asked);
        assert_eq!(denies("c.example."), Some(1));
        assert_eq!(denies("x.c.example."), Some(1));
        assert_eq!(
            denies("x.b.example."),
            Some(2),
            "below a name that is there"
        );
        for there in ["a.example.", "b.example.", "d.example.", "c.test."] {
            assert_eq!(denies(there), None, "{there}");
        }
    }

    #[test]
    fn the_last_record_of_a_zone_denies_what_is_behind_it_in_the_zone() {
        let denies = |asked| denies("x.example.", "example.", &[Kind::A], asked);
        assert_eq!(denies("y.example."), Some(1));
        assert_eq!(denies("y.test."), None);
    }

    #[test]
    fn a_delegation_denies_nothing_below_it() {
        let denies = |asked| denies("b.example.", "d.example.", &[Kind::NS], asked);
        assert_eq!(denies("x.b.example."), None);
        assert_eq!(denies("c.example."), Some(1));
    }
}
