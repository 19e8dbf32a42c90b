//! `GET queries/export`: the journal as a file, row by row, however long it is.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::Deserialize;

use super::Api;
use super::asked::Asked;
use super::filter::FilterParams;
use super::problem::Problem;
use super::range::RangeParams;
use super::row::Row;
use super::who::{DeviceParams, Known};
use crate::journal::Filter;

/// Rows that are in memory at a time.
const AT_ONCE: usize = 4096;

const HEAD: &str = "at,device,device_name,address,name,type,verdict,origin,entry,answer,source,\
    upstream,took_us,transport\r\n";

/// The parameter that chooses a format.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FormatParams {
    /// `csv` (with a line of titles), or `jsonl`: a JSON object a line, as `GET queries` has them;
    /// `csv` unless given.
    format: Option<String>,
}

#[derive(Clone, Copy)]
enum Format {
    Csv,
    Lines,
}

impl FormatParams {
    fn read(&self) -> Result<Format, Problem> {
        match self.format.as_deref() {
            None | Some("csv") => Ok(Format::Csv),
            Some("jsonl") => Ok(Format::Lines),
            Some(_) => Err(Problem::input("format", "it is `csv` or `jsonl`")),
        }
    }
}

/// Export the journal
///
/// All queries of a span of time that pass, newest first, as a file. It is sent while it is read,
/// so it may be of any length. Where the journal cannot be read to the end, it breaks off.
#[utoipa::path(
    get, path = "/queries/export", tag = "queries",
    params(FormatParams, RangeParams, DeviceParams, FilterParams),
    responses(
        (status = 200, body = String, content_type = "text/csv"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn export_queries(
    State(api): State<Arc<Api>>,
    Asked(format): Asked<FormatParams>,
    Asked(range): Asked<RangeParams>,
    Asked(device): Asked<DeviceParams>,
    Asked(filter): Asked<FilterParams>,
) -> Result<Response, Problem> {
    let format = format.read()?;
    let range = range.read(Timestamp::now())?;
    let export = Export {
        filter: filter.read(&api, &device, range.into())?,
        next: Next::First,
        format,
        api,
    };
    let body = futures_util::stream::unfold(export, |mut export| async move {
        let part = export.next().await?;
        Some((part, export))
    });
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "squelch-queries.csv"),
        Format::Lines => ("application/jsonl", "squelch-queries.jsonl"),
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A file on its way.
struct Export {
    api: Arc<Api>,
    filter: Filter,
    format: Format,
    next: Next,
}

#[derive(Clone, Copy)]
enum Next {
    First,
    From(u64),
    Broken,
    End,
}

impl Export {
    /// The next part; `None` when there is no more. It breaks off with an error, so that nobody takes
    /// a part for the whole.
    async fn next(&mut self) -> Option<io::Result<String>> {
        let mut text = String::new();
        while text.is_empty() {
            let cursor = match (self.next, self.format) {
                (Next::End, _) => return None,
                (Next::Broken, _) => {
                    self.next = Next::End;
                    return Some(Err(io::Error::other("the journal cannot be read")));
                }
                (Next::First, Format::Csv) => {
                    text.push_str(HEAD);
                    None
                }
                (Next::First, Format::Lines) => None,
                (Next::From(cursor), _) => Some(cursor),
            };
            let journal = &self.api.journal;
            let page = journal.queries(&self.filter, cursor, AT_ONCE).await;
            self.next = match page.next {
                _ if page.has_failed => Next::Broken,
                Some(cursor) => Next::From(cursor),
                None => Next::End,
            };
            let devices = Known::of(&self.api.devices);
            for row in &page.rows {
                let row = Row::new(row, &devices);
                match self.format {
                    Format::Csv => put_csv(&mut text, &row),
                    Format::Lines => put_line(&mut text, &row),
                }
            }
        }
        Some(Ok(text))
    }
}

fn put_line(text: &mut String, row: &Row) {
    if let Ok(line) = serde_json::to_string(row) {
        text.push_str(&line);
        text.push('\n');
    }
}

/// Values in the order of [`HEAD`] (RFC 4180).
fn put_csv(text: &mut String, row: &Row) {
    let took = row.took_us.to_string();
    let or_none = |word: &Option<String>| word.clone().unwrap_or_default();
    let values = [
        row.at.as_str(),
        row.device.id.as_str(),
        row.device.name.as_str(),
        row.address.as_str(),
        row.name.as_str(),
        row.kind.as_str(),
        row.verdict.as_str(),
        &or_none(&row.origin),
        &or_none(&row.entry),
        row.answer.as_str(),
        row.source,
        &or_none(&row.upstream),
        &took,
        row.transport,
    ];
    for (place, value) in values.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        put_value(text, value);
    }
    text.push_str("\r\n");
}

/// A value, in quotes where it needs them. Names come from devices: one that a spreadsheet would
/// take for a formula gets an apostrophe in front.
fn put_value(text: &mut String, value: &str) {
    let is_formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if is_formula { "'" } else { "" };
    if value.contains([',', '"', '\n', '\r']) {
        // Writing to a string does not fail.
        let _ = write!(text, "\"{guard}{}\"", value.replace('"', "\"\""));
    } else {
        text.push_str(guard);
        text.push_str(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        let mut out = String::new();
        put_value(&mut out, text);
        out
    }

    #[test]
    fn values_of_csv_are_quoted_where_needed_and_are_no_formulas() {
        assert_eq!(value("www.home.example"), "www.home.example");
        assert_eq!(
            value("Kim's \"tablet\", old"),
            "\"Kim's \"\"tablet\"\", old\""
        );
        assert_eq!(value("=1+1"), "'=1+1");
        assert_eq!(value("@a,b"), "\"'@a,b\"");
    }
}
