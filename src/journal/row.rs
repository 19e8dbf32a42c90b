//! One row of the journal, in words.

use std::net::IpAddr;

use crate::query::{DeviceId, EntryLabel, Rcode, RecordType, Source, Transport, VerdictWord};

/// What stands for a name that privacy left out of the record.
pub const UNNAMED: &str = "…";

/// One query as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number: newer rows have higher ones.
    pub id: u64,
    /// When it was answered, in milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Who asked; 0 where privacy leaves it out.
    pub device: DeviceId,
    /// The address that asked, unless privacy leaves it out.
    pub address: Option<IpAddr>,
    /// The name asked, or [`UNNAMED`].
    pub name: String,
    /// The type asked.
    pub kind: RecordType,
    /// What was decided.
    pub verdict: VerdictWord,
    /// The entry that decided.
    pub entry: Option<EntryLabel>,
    /// The answer's code.
    pub rcode: Rcode,
    /// Who made the answer.
    pub source: SourceWord,
    /// The upstream that answered.
    pub upstream: Option<String>,
    /// How the question came.
    pub transport: Transport,
    /// How long the answer took, in microseconds, within 5 %.
    pub took_us: u32,
}

impl Row {
    /// Whether no usable answer was had: see [`Counts`](super::Counts::failed).
    pub fn is_failed(&self) -> bool {
        is_failed(self.source, self.rcode)
    }
}

/// Who made an answer, without the upstream's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceWord {
    /// A block: the configured answer.
    Policy,
    /// Our own names.
    Local,
    /// An upstream answer that was still good.
    Cache,
    /// An upstream, just then.
    Upstream,
    /// Nobody.
    Failure,
}

impl SourceWord {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Local => "local",
            Self::Cache => "cache",
            Self::Upstream => "upstream",
            Self::Failure => "failure",
        }
    }
}

impl From<Source> for SourceWord {
    fn from(source: Source) -> Self {
        match source {
            Source::Policy => Self::Policy,
            Source::Local => Self::Local,
            Source::Cache => Self::Cache,
            Source::Upstream(_) => Self::Upstream,
            Source::Failure => Self::Failure,
        }
    }
}

/// Whether the asker got no usable answer: nobody answered, or an answer that is neither "here it
/// is" nor "there is none". What we block is meant so, whatever its code.
pub(super) fn is_failed(source: SourceWord, rcode: Rcode) -> bool {
    match source {
        SourceWord::Failure => true,
        SourceWord::Policy => false,
        _ => !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN),
    }
}
