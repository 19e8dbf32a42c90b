//! The body of an answer: taken piece by piece, within all limits.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{self, HeaderName};
use tokio::time::{Instant, timeout_at};

use super::sink::{Packing, Sink};
use super::{FetchError, Fresh, Terms, Transfer, Validators};

/// Takes the body, unpacks it, and puts it into the file.
pub(super) async fn receive(
    mut response: Response,
    (terms, deadline): (&Terms, Instant),
    file: &Path,
    tell: &(dyn Fn(Transfer) + Sync),
) -> Result<Fresh, FetchError> {
    let of = response.content_length();
    if of.is_some_and(|of| of > terms.max_size) {
        return Err(FetchError::TooLarge(terms.max_size));
    }
    let packing = match text(&response, &header::CONTENT_ENCODING).as_deref() {
        None | Some("identity" | "") => Packing::Plain,
        Some("gzip" | "x-gzip") => Packing::Gzip,
        Some(other) => return Err(FetchError::Packing(other.to_owned())),
    };
    let validators = Validators {
        etag: text(&response, &header::ETAG),
        last_modified: text(&response, &header::LAST_MODIFIED),
    };
    let mut sink = Sink::open(file, packing, terms.max_size);
    let taking = take(&mut response, &mut sink, terms, tell);
    let taken = timeout_at(deadline, taking).await;
    // Also where nothing more comes: whoever writes has to be done with the file.
    let finished = sink.finish().await;
    taken.unwrap_or(Err(FetchError::TooLong(terms.total)))?;
    let (size, hash) = finished?;
    Ok(Fresh {
        size,
        hash,
        validators,
        stamp: None,
    })
}

/// Takes piece by piece, until there is no more, or no more is wanted.
async fn take(
    response: &mut Response,
    sink: &mut Sink,
    terms: &Terms,
    tell: &(dyn Fn(Transfer) + Sync),
) -> Result<(), FetchError> {
    let of = response.content_length();
    let mut transfer = Transfer { bytes: 0, of };
    let mut window = Window::new(terms);
    while let Some(piece) = window.next(response).await? {
        transfer.bytes += u64::try_from(piece.len()).unwrap_or(0);
        tell(transfer);
        if !sink.put(piece).await {
            break;
        }
    }
    Ok(())
}

/// Sees to it that something comes: a server that drips would hold us up for hours.
struct Window {
    patience: Duration,
    least: u64,
    ends: Instant,
    bytes: u64,
}

impl Window {
    fn new(terms: &Terms) -> Self {
        Self {
            patience: terms.patience,
            least: terms.least,
            ends: Instant::now() + terms.patience,
            bytes: 0,
        }
    }

    async fn next(&mut self, response: &mut Response) -> Result<Option<Bytes>, FetchError> {
        let too_slow = FetchError::TooSlow {
            bytes: self.bytes,
            time: self.patience,
        };
        let piece = timeout_at(self.ends, response.chunk()).await;
        let piece = piece.map_err(|_| too_slow)?.map_err(FetchError::CutOff)?;
        self.bytes += piece
            .as_ref()
            .map_or(0, |piece| u64::try_from(piece.len()).unwrap_or(0));
        if self.bytes >= self.least {
            (self.bytes, self.ends) = (0, Instant::now() + self.patience);
        }
        Ok(piece)
    }
}

/// A header's value, if it is a text.
pub(super) fn text(response: &Response, name: &HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.to_owned())
}
