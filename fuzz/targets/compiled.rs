//! A file of compiled rules: made up, or damaged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use squelch_fuzz::hold_for_a_compiled_file;

fuzz_target!(|bytes: &[u8]| hold_for_a_compiled_file(bytes));
