//! Which queries a request wants.

use serde::Deserialize;

use super::Api;
use super::entries;
use super::problem::Problem;
use super::who::DeviceParams;
use crate::journal::{Filter, NameFilter, Outcome, Range};
use crate::query::VerdictWord;

/// The parameters that choose queries; what is not given lets all pass.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FilterParams {
    /// A part of the name; `=x` for x alone; `.x` for x and all below it.
    name: Option<String>,
    /// `allow`, `watch`, `block`, or `failed` (no usable answer, whatever the verdict); several
    /// with commas, or the parameter repeated: a query passes when one fits.
    verdict: Option<String>,
    /// A pack's id: the queries that its entries decided.
    vendor: Option<String>,
    /// A subscribed list's name: the queries that its entries decided.
    list: Option<String>,
    /// The record type: `A`, `HTTPS`, `TYPE65`.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
}

impl FilterParams {
    /// The filter meant.
    pub(super) fn read(
        self,
        api: &Api,
        device: &DeviceParams,
        range: Range,
    ) -> Result<Filter, Problem> {
        let device = device.read(api)?;
        let kind = self.kind.as_deref().map(|text| {
            text.parse()
                .map_err(|error| Problem::input("type", format!("{error}")))
        });
        Ok(Filter {
            range,
            devices: device.map(|device| vec![device.id]),
            name: self.name.as_deref().map(name).transpose()?,
            outcomes: self
                .verdict
                .as_deref()
                .map_or_else(|| Ok(Vec::new()), outcomes)?,
            origin: origin(self.vendor, self.list)?,
            kind: kind.transpose()?,
        })
    }
}

fn name(text: &str) -> Result<NameFilter, Problem> {
    let is_empty = text.trim().trim_start_matches(['=', '.']).is_empty();
    if is_empty {
        return Err(Problem::input(
            "name",
            "a part of a name is wanted, or `=` or `.` and a name",
        ));
    }
    Ok(NameFilter::parse(text))
}

fn outcomes(text: &str) -> Result<Vec<Outcome>, Problem> {
    let outcome = |word: &str| match word.trim() {
        "allow" => Ok(Outcome::Verdict(VerdictWord::Allow)),
        "watch" => Ok(Outcome::Verdict(VerdictWord::Watch)),
        "block" => Ok(Outcome::Verdict(VerdictWord::Block)),
        "failed" => Ok(Outcome::Failed),
        other => Err(Problem::input(
            "verdict",
            format!("`{other}` is none of allow, watch, block, failed"),
        )),
    };
    text.split(',').map(outcome).collect()
}

fn origin(vendor: Option<String>, list: Option<String>) -> Result<Option<String>, Problem> {
    match (vendor, list) {
        (Some(_), Some(_)) => Err(Problem::input(
            "list",
            "one entry decides on a query: ask for a vendor or for a list, not for both",
        )),
        (Some(vendor), None) => Ok(Some(entries::origin(&vendor))),
        (None, Some(list)) => Ok(Some(format!("list:{list}"))),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_as_a_list() {
        assert_eq!(
            outcomes("block, failed").unwrap(),
            [Outcome::Verdict(VerdictWord::Block), Outcome::Failed]
        );
        for wrong in ["", "blocked", "allow,"] {
            assert_eq!(outcomes(wrong).unwrap_err().errors[0].pointer, "verdict");
        }
    }

    #[test]
    fn a_name_without_a_letter_is_refused() {
        for wrong in ["", "=", ".", " "] {
            assert_eq!(name(wrong).unwrap_err().errors[0].pointer, "name");
        }
        assert_eq!(
            name(".home.example").unwrap(),
            NameFilter::Subtree("home.example".to_owned())
        );
    }
}
