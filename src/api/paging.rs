//! The parameters that choose a page, the same wherever there are pages.

use std::str::FromStr;

use super::problem::Problem;

/// Where a page begins; nothing on the first.
pub(super) fn cursor<T: FromStr>(text: Option<&str>) -> Result<Option<T>, Problem> {
    let wrong = |_| Problem::input("cursor", "it must be `next` of the page before");
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// How much is on a page at most.
pub(super) fn limit(text: Option<&str>, (usual, most): (usize, usize)) -> Result<usize, Problem> {
    let Some(text) = text else {
        return Ok(usual);
    };
    let number = text.parse().ok().filter(|limit| (1..=most).contains(limit));
    number.ok_or_else(|| Problem::input("limit", format!("a number from 1 to {most}")))
}
