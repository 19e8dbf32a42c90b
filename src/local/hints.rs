//! Address hints of HTTPS and SVCB records (RFC 9460 §7.3), where devices are not told addresses
//! of a kind.

use hickory_proto::op::Message;
use hickory_proto::rr::RData;
use hickory_proto::rr::rdata::svcb::{SVCB, SvcParamKey};

use super::Filter;

/// The message without the hints that are filtered; `None` where it has none of them.
pub(super) fn without(filter: Filter, message: &[u8]) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(message).ok()?;
    let mut has_changed = false;
    for record in &mut message.answers {
        let service = match &mut record.data {
            RData::HTTPS(https) => &mut https.0,
            RData::SVCB(service) => service,
            _ => continue,
        };
        has_changed |= strip(filter, service);
    }
    // It is not as it was signed any more.
    message.metadata.authentic_data &= !has_changed;
    has_changed.then(|| message.to_vec().ok()).flatten()
}

fn strip(filter: Filter, service: &mut SVCB) -> bool {
    let before = service.svc_params.len();
    service.svc_params.retain(|(key, _)| match key {
        SvcParamKey::Ipv4Hint => !filter.a,
        SvcParamKey::Ipv6Hint => !filter.aaaa,
        _ => true,
    });
    service.svc_params.len() < before
}
