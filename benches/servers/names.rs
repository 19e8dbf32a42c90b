//! What is blocked and what is asked: made up, the same in each run.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::dice::Dice;

/// Blocked names.
pub const BLOCKED: usize = 1_000_000;
/// Different queries of a kind.
const QUERIES: usize = 100_000;
/// Names that everybody asks for.
const POPULAR: usize = 2_000;
/// One name in so many of a real mix is blocked.
const BLOCKED_ONE_IN: usize = 5;

const A: u16 = 1;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;

/// A query in wire format; its first two bytes are for the id.
pub type Wire = Vec<u8>;

/// The list, and what is asked.
pub struct Material {
    /// The blocked names, one a line.
    pub list: PathBuf,
    /// Queries for blocked names, uniform.
    pub blocked: Vec<Wire>,
    /// Queries for few names that the upstream knows.
    pub held: Vec<Wire>,
    /// What a home asks: some names often, most seldom, some blocked.
    pub mix: Vec<Wire>,
    /// A listed name, for the moment when the list is in force.
    pub listed: String,
}

impl Material {
    /// Makes it, the list in this folder.
    pub fn make(folder: &Path) -> Self {
        let mut dice = Dice(1);
        let mut known = HashSet::with_capacity(BLOCKED);
        let mut blocked = Vec::with_capacity(BLOCKED);
        while blocked.len() < BLOCKED {
            let name = dice.name();
            if known.insert(name.clone()) {
                blocked.push(name);
            }
        }
        let list = folder.join("list.txt");
        let mut file = BufWriter::new(File::create(&list).unwrap());
        for name in &blocked {
            writeln!(file, "{name}").unwrap();
        }
        file.flush().unwrap();
        let free = |number: usize| format!("www{number}.site{}.example", number % 7000);
        let of_list = |dice: &mut Dice| blocked[dice.below(BLOCKED)].clone();
        Self {
            list,
            blocked: (0..QUERIES).map(|_| wire(&of_list(&mut dice), A)).collect(),
            held: (0..POPULAR).map(|number| wire(&free(number), A)).collect(),
            mix: (0..QUERIES)
                .map(|_| {
                    let kind = [A, A, A, A, A, A, AAAA, AAAA, AAAA, HTTPS][dice.below(10)];
                    let name = if dice.below(BLOCKED_ONE_IN) == 0 {
                        of_list(&mut dice)
                    } else {
                        free(often_small(&mut dice, QUERIES))
                    };
                    wire(&name, kind)
                })
                .collect(),
            listed: blocked[0].clone(),
        }
    }

    /// Queries for names that nobody has asked for, different at each call.
    pub fn unknown(round: u64) -> Vec<Wire> {
        let mut dice = Dice(round.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let name = |_| format!("n{:x}.fresh{round}.example", dice.roll());
        (0..8 * QUERIES)
            .map(name)
            .map(|name| wire(&name, A))
            .collect()
    }
}

/// A query with RD and EDNS.
pub fn wire(name: &str, kind: u16) -> Wire {
    let mut query = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend_from_slice(label.as_bytes());
    }
    query.push(0);
    query.extend_from_slice(&kind.to_be_bytes());
    query.extend_from_slice(&[0, 1]);
    // OPT, 1232 bytes (RFC 6891 §6.1.2).
    query.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    query
}

/// A number below the limit, of which small ones come often: their logarithms are uniform.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the power is between 1 and the limit"
)]
fn often_small(dice: &mut Dice, limit: usize) -> usize {
    let share = (dice.roll() >> 11) as f64 / (1_u64 << 53) as f64;
    (limit as f64).powf(share) as usize % limit
}
