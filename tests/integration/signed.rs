//! Zones that are signed here: a root, `example` below it, and `test`, which is not signed.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::sig::SigInput;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, NSEC, RRSIG};
use hickory_proto::dnssec::{Algorithm, DigestType, SigningKey, TBS};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, NS, SOA};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber};

use crate::stub::{Asked, Reaction};

const TTL: u32 = 300;
const DAY: u32 = 24 * 60 * 60;

/// What is wrong with the signature of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    Expired,
    Early,
    Missing,
    OtherKey,
    Forged,
}

/// All zones.
pub struct World {
    zones: Vec<Zone>,
}

struct Zone {
    apex: Name,
    key: Option<EcdsaSigningKey>,
    records: BTreeMap<Name, Vec<Record>>,
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn address(owner: &str) -> Record {
    Record::from_rdata(name(owner), TTL, RData::A(A::new(192, 0, 2, 1)))
}

fn alias(owner: &str, to: &str) -> Record {
    Record::from_rdata(name(owner), TTL, RData::CNAME(CNAME(name(to))))
}

fn flaw(owner: &Name) -> Flaw {
    match owner.to_ascii().split('.').next().unwrap() {
        "expired" => Flaw::Expired,
        "early" => Flaw::Early,
        "unsigned" => Flaw::Missing,
        "otherkey" => Flaw::OtherKey,
        "forged" => Flaw::Forged,
        _ => Flaw::None,
    }
}

impl World {
    pub fn new() -> Self {
        let mut example = Zone::signed(
            "example.",
            [
                address("www.example."),
                address("expired.example."),
                address("early.example."),
                address("unsigned.example."),
                address("otherkey.example."),
                address("forged.example."),
                alias("alias.example.", "www.example."),
                alias("away.example.", "www.test."),
                alias("nothing.example.", "empty.example."),
                Record::from_rdata(
                    name("empty.example."),
                    TTL,
                    RData::TXT(hickory_proto::rr::rdata::TXT::new(vec!["here".into()])),
                ),
            ],
        );
        let mut test = Zone::unsigned("test.", [address("www.test.")]);
        let delegate =
            |zone: &str| Record::from_rdata(name(zone), TTL, RData::NS(NS(name("ns.example."))));
        let ds = RData::DNSSEC(DNSSECRData::DS(example.print()));
        let ds = Record::from_rdata(name("example."), TTL, ds);
        let mut root = Zone::signed(".", [delegate("example."), delegate("test."), ds]);
        for zone in [&mut example, &mut test, &mut root] {
            zone.finish();
        }
        Self {
            zones: vec![root, example, test],
        }
    }

    /// The root's key, or its fingerprint, as a line of a file.
    pub fn anchor(&self, kind: RecordType) -> String {
        let root = &self.zones[0];
        match kind {
            RecordType::DS => format!(". IN DS {}", root.print()),
            _ => format!(". IN DNSKEY {}", root.dnskey()),
        }
    }

    /// Answers as a resolver does that follows aliases and checks nothing.
    pub fn answer(&self, asked: &Asked) -> Reaction {
        let question = &asked.message.queries[0];
        let mut reply = asked.reply();
        let mut owner = question.name().to_lowercase();
        for _ in 0..8 {
            let Some(next) = self.step(&owner, question.query_type(), &mut reply) else {
                break;
            };
            owner = next;
        }
        // The owner repeats the spelling of the question, as servers do that compress.
        for record in &mut reply.answers {
            if record.name == *question.name() {
                record.name = question.name().clone();
            }
        }
        Reaction::Message(Box::new(reply))
    }

    /// Answers for one name; gives the next where it is an alias.
    fn step(&self, owner: &Name, kind: RecordType, reply: &mut Message) -> Option<Name> {
        let zone = self.zone_of(owner, kind);
        let found = zone.records.get(owner);
        let of_kind = |kind| {
            found
                .into_iter()
                .flatten()
                .any(|record| record.record_type() == kind)
        };
        if of_kind(kind) {
            reply.add_answers(zone.rrset(owner, kind));
            return None;
        }
        if of_kind(RecordType::CNAME) {
            let alias = zone.rrset(owner, RecordType::CNAME);
            let RData::CNAME(target) = alias[0].data.clone() else {
                unreachable!("the records of an alias");
            };
            reply.add_answers(alias);
            return Some(target.0);
        }
        reply.add_authorities(zone.rrset(&zone.apex, RecordType::SOA));
        if zone.key.is_some() {
            reply.add_authorities(zone.denial(owner));
        }
        if found.is_none() {
            reply.metadata.response_code = ResponseCode::NXDomain;
        }
        None
    }

    fn zone_of(&self, owner: &Name, kind: RecordType) -> &Zone {
        let zones = self.zones.iter().filter(|zone| {
            // A DS record stands above the zone that it is of.
            zone.apex.zone_of(owner)
                && !(kind == RecordType::DS && zone.apex == *owner && !owner.is_root())
        });
        zones.max_by_key(|zone| zone.apex.num_labels()).unwrap()
    }
}

impl Zone {
    fn unsigned(apex: &str, records: impl IntoIterator<Item = Record>) -> Self {
        let mut zone = Self {
            apex: name(apex),
            key: None,
            records: BTreeMap::new(),
        };
        let soa = SOA::new(
            name("ns.example."),
            name("nobody.example."),
            1,
            2,
            3,
            4,
            TTL,
        );
        zone.add(Record::from_rdata(name(apex), TTL, RData::SOA(soa)));
        zone.add(Record::from_rdata(
            name(apex),
            TTL,
            RData::NS(NS(name("ns.example."))),
        ));
        records.into_iter().for_each(|record| zone.add(record));
        zone
    }

    fn signed(apex: &str, records: impl IntoIterator<Item = Record>) -> Self {
        let mut zone = Self::unsigned(apex, records);
        let algorithm = Algorithm::ECDSAP256SHA256;
        let key = EcdsaSigningKey::generate_pkcs8(algorithm).unwrap();
        zone.key = Some(EcdsaSigningKey::from_pkcs8(&key, algorithm).unwrap());
        let key = RData::DNSSEC(DNSSECRData::DNSKEY(zone.dnskey()));
        zone.add(Record::from_rdata(zone.apex.clone(), TTL, key));
        zone
    }

    fn add(&mut self, record: Record) {
        self.records
            .entry(record.name.clone())
            .or_default()
            .push(record);
    }

    fn dnskey(&self) -> DNSKEY {
        let public = self.key.as_ref().unwrap().to_public_key().unwrap();
        DNSKEY::new(true, true, false, public)
    }

    fn print(&self) -> DS {
        let key = self.dnskey();
        let digest = key.to_digest(&self.apex, DigestType::SHA256).unwrap();
        DS::new(
            key.calculate_key_tag().unwrap(),
            Algorithm::ECDSAP256SHA256,
            DigestType::SHA256,
            digest.as_ref().to_vec(),
        )
    }

    /// Links the names of the zone, so that it can be proved what is not there.
    fn finish(&mut self) {
        if self.key.is_none() {
            return;
        }
        let names: Vec<Name> = self.records.keys().cloned().collect();
        for (at, owner) in names.iter().enumerate() {
            let next = names.get(at + 1).unwrap_or(&names[0]).clone();
            let kinds = self.records[owner].iter().map(Record::record_type);
            let nsec = NSEC::new_cover_self(next, kinds.collect::<Vec<_>>());
            let data = RData::DNSSEC(DNSSECRData::NSEC(nsec));
            self.add(Record::from_rdata(owner.clone(), TTL, data));
        }
    }

    /// The records of a name and their signature.
    fn rrset(&self, owner: &Name, kind: RecordType) -> Vec<Record> {
        let of_owner = self.records.get(owner).into_iter().flatten();
        let mut records: Vec<Record> = of_owner
            .filter(|record| record.record_type() == kind)
            .cloned()
            .collect();
        let is_delegation = kind == RecordType::NS && *owner != self.apex;
        if self.key.is_none() || is_delegation || flaw(owner) == Flaw::Missing {
            return records;
        }
        let signature = self.sign(owner, kind, &records);
        if flaw(owner) == Flaw::Forged {
            records[0].data = RData::A(A::new(203, 0, 113, 66));
        }
        records.push(signature);
        records
    }

    fn sign(&self, owner: &Name, kind: RecordType, records: &[Record]) -> Record {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = u32::try_from(since.as_secs()).unwrap();
        let (from, until) = match flaw(owner) {
            Flaw::Expired => (now - 9 * DAY, now - DAY),
            Flaw::Early => (now + DAY, now + 9 * DAY),
            _ => (now - DAY, now + DAY),
        };
        let mut input = SigInput {
            type_covered: kind,
            algorithm: Algorithm::ECDSAP256SHA256,
            num_labels: owner.num_labels(),
            original_ttl: TTL,
            sig_expiration: SerialNumber::new(until),
            sig_inception: SerialNumber::new(from),
            key_tag: self.dnskey().calculate_key_tag().unwrap(),
            signer_name: self.apex.clone(),
        };
        if flaw(owner) == Flaw::OtherKey {
            input.key_tag ^= 1;
        }
        let signed = TBS::from_input(owner, DNSClass::IN, &input, records.iter()).unwrap();
        let signature = self.key.as_ref().unwrap().sign(&signed).unwrap();
        let data = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature)));
        Record::from_rdata(owner.clone(), TTL, data)
    }

    /// The proof that a name is not there, nor a wildcard for it; or that it has not the type.
    fn denial(&self, owner: &Name) -> Vec<Record> {
        let wildcard = self.apex.prepend_label("*").unwrap();
        let mut proofs: Vec<&Name> = Vec::new();
        for denied in [owner, &wildcard] {
            let before = self.records.range(..=denied.clone()).next_back();
            let proof = before.map_or(&self.apex, |(name, _)| name);
            if !proofs.contains(&proof) && !self.records.contains_key(owner) || proofs.is_empty() {
                proofs.push(proof);
            }
        }
        let rrset = |name: &&Name| self.rrset(name, RecordType::NSEC);
        proofs.iter().flat_map(rrset).collect()
    }
}
