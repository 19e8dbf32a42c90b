//! Answers to a name that is another name.

use hickory_proto::op::{Message, Query as Question};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{DNSClass, Name as ProtoName, RData, Record, RecordType as Kind};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable};

use crate::query::{Name, Query};

/// The answer to `query` when its name is an alias of another: a CNAME record, and the answer of
/// that name, which is `message`. `None` where it cannot be read.
pub fn alias(query: &Query, target: &Name, message: &[u8], ttl: u32) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(message).ok()?;
    let (owner, target) = (proto(&query.name)?, proto(target)?);
    let mut question = Question::query(owner.clone(), Kind::from(query.kind.0));
    question.set_query_class(DNSClass::from(query.class));
    message.queries = vec![question];
    let cname = Record::from_rdata(owner, ttl, RData::CNAME(CNAME(target)));
    message.answers.insert(0, cname);
    // The alias is signed by nobody (RFC 4035 §3.2.3).
    message.metadata.authentic_data = false;
    // The end is ours: the query decides on EDNS.
    message.edns = None;
    message.to_bytes().ok()
}

fn proto(name: &Name) -> Option<ProtoName> {
    ProtoName::read(&mut BinDecoder::new(name.as_wire())).ok()
}
