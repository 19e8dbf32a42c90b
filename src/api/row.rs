//! One query of the journal, as JSON.

use serde::Serialize;
use utoipa::ToSchema;

use super::entries;
use super::range;
use super::who::{DeviceRef, Known};
use crate::journal;
use crate::query::VerdictWord;

/// One query as it was answered; later changes of config or packs do not change it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Row {
    /// Newer rows have higher numbers; else without a meaning.
    pub id: String,
    /// When it was answered.
    pub at: String,
    /// Who asked.
    pub device: DeviceRef,
    /// The address that asked; empty where privacy leaves it out.
    pub address: String,
    /// The name asked, in lower case; `…` where privacy leaves it out. Bytes that are no plain
    /// text are written as `\ddd`.
    pub name: String,
    /// The type asked.
    #[serde(rename = "type")]
    pub kind: String,
    /// What was decided.
    pub verdict: VerdictWord,
    /// Where the entry that decided stands: `pack:xiaomi`, `list:ads`, `rule`, `schedule`; or
    /// `rebinding`, where none did: the name led to an address at home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The pack of the entry that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// The entry that decided: a name with all below it, or `=` and the name alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The answer's code: `NOERROR`, `NXDOMAIN`, …
    pub answer: String,
    /// Who made the answer: `policy` (a block), `local`, `cache`, `upstream`, or `failure` (nobody).
    pub source: &'static str,
    /// The upstream that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// How long the answer took, in microseconds, within 5 %.
    pub took_us: u32,
    /// How the question came: `udp` or `tcp`.
    pub transport: &'static str,
}

impl Row {
    /// A row of the journal, with its device's name of today.
    pub(super) fn new(row: &journal::Row, devices: &Known) -> Self {
        let label = row.entry.as_ref();
        Self {
            id: row.id.to_string(),
            at: range::text(row.at_ms),
            device: devices.refer(row.device),
            address: row
                .address
                .map_or_else(String::new, |address| address.to_string()),
            name: row.name.clone(),
            kind: row.kind.to_string(),
            verdict: row.verdict,
            origin: label.map(|label| label.origin.clone()),
            pack: label
                .and_then(|label| entries::pack_id(&label.origin))
                .map(str::to_owned),
            entry: label.map(|label| label.entry.clone()),
            answer: row.rcode.to_string(),
            source: row.source.as_str(),
            upstream: row.upstream.clone(),
            took_us: row.took_us,
            transport: row.transport.as_str(),
        }
    }
}
