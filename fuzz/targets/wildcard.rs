//! The reader of `wildcard`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use squelch::lists::Format;
use squelch_fuzz::hold_for_a_list;

fuzz_target!(|bytes: &[u8]| hold_for_a_list(bytes, Some(Format::Wildcard)));
