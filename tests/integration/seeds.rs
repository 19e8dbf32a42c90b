//! What the fuzz targets begin with, and what they found, holds what they check.

use std::fs;
use std::path::{Path, PathBuf};

use squelch::lists::{Format, Reading, Role};

use invariants::{hold_for_a_compiled_file, hold_for_a_list, reads_in_time};

#[path = "../../fuzz/src/lib.rs"]
mod invariants;

fn seeds(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let files = fs::read_dir(folder.join(target)).unwrap();
    let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "{target} has no seeds");
    files
}

#[test]
fn lists_of_each_dialect_hold_what_fuzzing_checks() {
    for format in Format::ALL {
        for seed in seeds(format.word()) {
            hold_for_a_list(&fs::read(seed).unwrap(), Some(format));
        }
    }
}

#[test]
fn lists_hold_it_whatever_they_are_taken_for() {
    for target in Format::ALL.map(Format::word).into_iter().chain(["auto"]) {
        for seed in seeds(target) {
            let bytes = fs::read(seed).unwrap();
            for format in Format::ALL.map(Some).into_iter().chain([None]) {
                hold_for_a_list(&bytes, format);
            }
        }
    }
}

#[test]
fn no_line_takes_long_however_often_it_stands_there() {
    for format in Format::ALL {
        let reading = Reading {
            format: Some(format),
            role: Role::Block,
        };
        for seed in seeds(format.word()) {
            let bytes = fs::read(seed).unwrap();
            let large = bytes.repeat((16 << 10) / bytes.len().max(1));
            reads_in_time(&large, reading);
        }
    }
}

#[test]
fn damaged_files_of_compiled_rules_are_never_read_wrong() {
    for seed in seeds("compiled") {
        hold_for_a_compiled_file(&fs::read(seed).unwrap());
    }
}
