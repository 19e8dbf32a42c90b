//! `GET queries`: the journal, newest first, page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::asked::Asked;
use super::filter::FilterParams;
use super::paging;
use super::problem::Problem;
use super::range::{self, RangeParams};
use super::row::Row;
use super::who::{DeviceParams, Known};

/// So many are on a page unless told otherwise, and at most.
const LIMITS: (usize, usize) = (100, 500);

/// The parameters that choose a page.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many queries at most, 1 to 500; 100 unless given.
    limit: Option<String>,
}

/// Some queries, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page {
    /// The queries that passed.
    pub items: Vec<Row>,
    /// The `cursor` of the page that follows; absent at the end of the range. A page may have few
    /// queries or none and still be followed: a search goes on for hundredths of a second at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Back to this time the range was searched.
    pub reached: String,
    /// Whether the range was searched to its end, and all of it could be read.
    pub complete: bool,
}

/// The journal
///
/// Queries as they were answered, newest first. Pages neither repeat nor leave out a query while
/// new ones come.
#[utoipa::path(
    get, path = "/queries", tag = "queries",
    params(RangeParams, DeviceParams, FilterParams, PageParams),
    responses(
        (status = 200, body = Page),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn queries(
    State(api): State<Arc<Api>>,
    Asked(range): Asked<RangeParams>,
    Asked(device): Asked<DeviceParams>,
    Asked(filter): Asked<FilterParams>,
    Asked(page): Asked<PageParams>,
) -> Result<Json<Page>, Problem> {
    let range = range.read(Timestamp::now())?;
    let filter = filter.read(&api, &device, range.into())?;
    let cursor = paging::cursor(page.cursor.as_deref())?;
    let limit = paging::limit(page.limit.as_deref(), LIMITS)?;
    let page = api.journal.queries(&filter, cursor, limit).await;
    let devices = Known::of(&api.devices);
    Ok(Json(Page {
        items: page
            .rows
            .iter()
            .map(|row| Row::new(row, &devices))
            .collect(),
        complete: page.complete && page.next.is_none(),
        next: page.next.map(|next| next.to_string()),
        reached: range::text(page.reached_ms),
    }))
}
