//! The word that somebody probably meant.

/// The word that was probably meant: at most a third of its letters differ.
pub fn nearest<'w>(given: &str, known: &[&'w str]) -> Option<&'w str> {
    let (distance, word) = known
        .iter()
        .map(|word| (edits(given, word), *word))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= word.len().max(3) / 3).then_some(word)
}

/// Letters to add, take away or change to make one word the other (Levenshtein's distance).
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(to.chars()) {
            let here = (diagonal + usize::from(a != b))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_one_that_a_slip_makes_of_it() {
        let known = ["action", "match", "regions", "retired"];
        assert_eq!(nearest("acton", &known), Some("action"));
        assert_eq!(nearest("region", &known), Some("regions"));
        assert_eq!(nearest("mathc", &known), None);
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
