//! What a list breaks: names that must work, and that it blocks.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

use crate::api::{self, BrokenName};
use crate::lists::{Draft, Reading, Role};
use crate::packs::Packs;
use crate::policy::Policy;

/// The names that must work and that the list in a file blocks.
pub(in crate::cli) fn breaks(
    file: &Path,
    reading: Reading,
    packs: &Packs,
) -> io::Result<Vec<BrokenName>> {
    if reading.role != Role::Block {
        return Ok(Vec::new());
    }
    let draft = Draft::read(BufReader::new(File::open(file)?), reading, 0)?;
    Ok(api::broken(packs, &Policy::new(Arc::clone(&draft.alone))))
}
