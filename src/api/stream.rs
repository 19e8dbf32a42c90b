//! `GET queries/stream`: queries as they are answered, as server-sent events.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{Receiver, error::RecvError, error::TryRecvError};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::Api;
use super::asked::Asked;
use super::filter::FilterParams;
use super::problem::Problem;
use super::row::Row;
use super::who::{DeviceParams, Known};
use crate::access::Pass;
use crate::journal::{self, Filter, Range};

/// At most four batches a second, and so many rows in one.
const PAUSE: Duration = Duration::from_millis(250);
const MOST_IN_BATCH: usize = 1000;

/// Proxies close what is silent for long.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Pages of 500 rows that are looked through for a listener that comes back.
const MOST_PAGES: usize = 10;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const ANY_TIME: Range = Range {
    since_ms: i64::MIN,
    until_ms: i64::MAX,
};

/// The live journal
///
/// Server-sent events: `query` has a row as its data and the row's id; `lost` says that rows were
/// left out because the listener is behind (read the journal for them). With `Last-Event-ID` it
/// goes on after that row. At most 64 listeners at a time.
#[utoipa::path(
    get, path = "/queries/stream", tag = "queries",
    params(DeviceParams, FilterParams),
    responses(
        (status = 200, body = Row, content_type = "text/event-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn stream_queries(
    State(api): State<Arc<Api>>,
    Extension(pass): Extension<Pass>,
    Asked(device): Asked<DeviceParams>,
    Asked(filter): Asked<FilterParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let filter = filter.read(&api, &device, ANY_TIME)?;
    let Ok(seat) = Arc::clone(&api.seats).try_acquire_owned() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many listeners",
            "other pages listen to the live journal already; close some of them",
        ));
    };
    let mut feed = Feed {
        rows: api.journal.subscribe(),
        ended: pass.ended,
        filter,
        last: None,
        batch: "retry: 2000\n\n".to_owned(),
        free_at: Instant::now(),
        beat_at: Instant::now() + HEARTBEAT,
        _seat: seat,
        api,
    };
    let last = headers
        .get(LAST_EVENT_ID)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(last) = last {
        feed.resume(last).await;
    }
    let body = futures_util::stream::unfold(feed, |mut feed| async move {
        let batch = feed.next().await?;
        Some((Ok::<_, Infallible>(batch), feed))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// What one listener is sent.
struct Feed {
    api: Arc<Api>,
    rows: Receiver<Arc<journal::Row>>,
    /// Fires when the listener is let in no longer.
    ended: CancellationToken,
    filter: Filter,
    /// The newest row that was looked at.
    last: Option<u64>,
    batch: String,
    /// Before this, nothing is sent.
    free_at: Instant,
    /// At this, something is sent.
    beat_at: Instant,
    _seat: OwnedSemaphorePermit,
}

impl Feed {
    /// The next events; `None` when the server stops, or the session ends.
    async fn next(&mut self) -> Option<String> {
        while self.batch.is_empty() {
            let row = tokio::select! {
                () = self.api.stop.cancelled() => return None,
                () = self.ended.cancelled() => return None,
                () = time::sleep_until(self.beat_at) => {
                    self.batch.push_str(":\n\n");
                    break;
                }
                row = self.rows.recv() => row,
            };
            let known = Known::of(&self.api.devices);
            match row {
                Ok(row) => self.take(&row, &known),
                Err(RecvError::Lagged(rows)) => self.skip(rows),
                Err(RecvError::Closed) => return None,
            }
            tokio::select! {
                () = self.api.stop.cancelled() => return None,
                () = self.ended.cancelled() => return None,
                () = time::sleep_until(self.free_at) => self.drain(&known),
            }
            self.free_at = Instant::now() + PAUSE;
        }
        self.beat_at = Instant::now() + HEARTBEAT;
        Some(std::mem::take(&mut self.batch))
    }

    /// Takes what else is there.
    fn drain(&mut self, known: &Known) {
        for _ in 0..MOST_IN_BATCH {
            match self.rows.try_recv() {
                Ok(row) => self.take(&row, known),
                Err(TryRecvError::Lagged(rows)) => self.skip(rows),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// Adds a row, if it is wanted and was not sent before.
    fn take(&mut self, row: &journal::Row, known: &Known) {
        let is_old = self.last.is_some_and(|last| row.id <= last);
        self.last = self.last.max(Some(row.id));
        if is_old || !self.filter.matches(row) {
            return;
        }
        // JSON on one line: control characters are escaped in it.
        let Ok(data) = serde_json::to_string(&Row::new(row, known)) else {
            return;
        };
        let _infallible = write!(self.batch, "event: query\nid: {}\ndata: {data}\n\n", row.id);
    }

    fn skip(&mut self, rows: u64) {
        let _infallible = write!(self.batch, "event: lost\ndata: {{\"rows\":{rows}}}\n\n");
    }

    /// Adds what came after row `last`, or says that it is too much.
    async fn resume(&mut self, last: u64) {
        let everything = Filter::all(ANY_TIME);
        let (mut missed, mut cursor) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = self.api.journal.queries(&everything, cursor, 500).await;
            let newer = page.rows.iter().take_while(|row| row.id > last).count();
            let is_all = newer < page.rows.len() || page.next.is_none();
            missed.extend(page.rows.into_iter().take(newer));
            cursor = page.next;
            if is_all {
                let known = Known::of(&self.api.devices);
                missed.iter().rev().for_each(|row| self.take(row, &known));
                return;
            }
        }
        self.skip(missed.len() as u64);
    }
}
