//! Rows as a blob of columns: about six bytes a row.
//!
//! What follows from the rows before costs next to nothing: the same name again, the verdict and
//! the entry that the name had last, the address that the device had last.

mod decode;
mod encode;

pub(super) use decode::{Block, Seen};
pub(super) use encode::{encode, encode_rest};

const VERSION: u8 = 1;

/// The columns, in their order in the blob.
#[derive(Clone, Copy, Debug)]
enum Column {
    /// The names that occur, the most frequent first.
    NameList,
    /// Milliseconds since the row before.
    Times,
    /// 0 is the name of the row before; else its place in the list, from 1.
    Names,
    /// The device's number.
    Devices,
    /// 0 is what the name had last; else the verdict and the entry.
    Verdicts,
    /// Who made the answer, and its code.
    Answers,
    /// The type's number.
    Kinds,
    /// The upstream's number, of the rows that an upstream answered.
    Upstreams,
    /// The addresses that occur.
    AddressList,
    /// 0 is the address that the device had last; 1 is none; else its place in the list, from 2.
    Addresses,
    /// UDP or TCP.
    Transports,
    /// The steps of the durations.
    Latencies,
    /// How many rows went from before each row; only where some did.
    Gaps,
}

/// How many columns every block has.
const COLUMNS: usize = Column::Latencies as usize + 1;

#[cfg(test)]
mod tests;
