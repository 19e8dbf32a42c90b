//! The data of records, from the text of zone files to the wire.

use hickory_proto::rr::{RData, RecordType as Kind};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use crate::query::RecordType;

/// The data of a record of this type in wire format, without compression; `None` where the text
/// is none.
pub fn record_data(kind: RecordType, text: &str) -> Option<Vec<u8>> {
    let data = RData::try_from_str(Kind::from(kind.0), text).ok()?;
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_data() {
        for (kind, text, bytes) in [
            (
                RecordType::MX,
                "10 mail.example",
                &b"\x00\x0a\x04mail\x07example\x00"[..],
            ),
            (RecordType::TXT, "hello_world", b"\x0bhello_world"),
            (
                RecordType::TXT,
                "\"two words\" more",
                b"\x09two words\x04more",
            ),
            (RecordType::PTR, "nas.example", b"\x03nas\x07example\x00"),
            (
                RecordType::HTTPS,
                "32 host.example alpn=h3",
                b"\x00\x20\x04host\x07example\x00\x00\x01\x00\x03\x02h3",
            ),
        ] {
            assert_eq!(
                record_data(kind, text).as_deref(),
                Some(bytes),
                "{kind} {text}"
            );
        }
        assert_eq!(record_data(RecordType::MX, "mail.example"), None);
    }
}
