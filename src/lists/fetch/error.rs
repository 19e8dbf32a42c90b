//! Why a list could not be fetched, in words for people.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::StatusCode;
use url::Url;

/// Why a list could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Its server has no address.
    #[error("looking up `{host}`: {why}")]
    Lookup {
        /// The server's name.
        host: String,
        /// What was said.
        why: String,
    },
    /// Its server is in a private network.
    #[error(
        "`{host}` is at the private address {address}, which is accepted only with \
         allow_private_sources = true in [lists]"
    )]
    Private {
        /// The server's name.
        host: String,
        /// Its address.
        address: IpAddr,
    },
    /// It comes over plain HTTP.
    #[error(
        "`{0}` is plain HTTP, which is accepted only with allow_private_sources = true in [lists]"
    )]
    Plain(Url),
    /// Neither http nor https.
    #[error("`{0}` is not an https address")]
    Scheme(Url),
    /// A server of the internet redirects to a private network.
    #[error(
        "the server redirects to `{to}` at the private address {address}, which is never followed"
    )]
    PrivateRedirect {
        /// Where it leads.
        to: Url,
        /// The address of that.
        address: IpAddr,
    },
    /// A server redirects to plain HTTP.
    #[error("the server redirects to `{0}`, which is not https, and is not followed")]
    PlainRedirect(Url),
    /// A redirect without a place.
    #[error("the server redirects, but not to an address")]
    Nowhere,
    /// A loop, most likely.
    #[error("the server redirects more than {0} times")]
    TooManyRedirects(usize),
    /// The server cannot be reached, or its answer is no HTTP.
    #[error("asking `{url}`: {}", root(source))]
    Request {
        /// What was asked for.
        url: Url,
        /// What happened.
        source: reqwest::Error,
    },
    /// The server does not answer.
    #[error("the server did not answer within {}", in_words(*.0))]
    Silent(Duration),
    /// The server has no list to give.
    #[error("the server answers {0}")]
    Status(StatusCode),
    /// The server drips.
    #[error("the server is too slow: it sent {bytes} bytes in {}", in_words(*time))]
    TooSlow {
        /// So many bytes came.
        bytes: u64,
        /// In this time.
        time: Duration,
    },
    /// It takes too long.
    #[error("it was not complete after {}", in_words(*.0))]
    TooLong(Duration),
    /// The connection broke.
    #[error("the connection broke before the list was complete: {}", root(.0))]
    CutOff(reqwest::Error),
    /// There is too much of it.
    #[error("it is larger than {}, the limit (max_size in [lists])", megabytes(*.0))]
    TooLarge(u64),
    /// It is packed in a way that was not asked for.
    #[error("the server packs it with `{0}`, which was not asked for")]
    Packing(String),
    /// What is packed cannot be unpacked.
    #[error("the packed data is damaged or cut off: {0}")]
    Damaged(io::Error),
    /// A list that is a file.
    #[error("reading `{}`: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// A list that is a pipe, a device or a socket.
    #[error("`{}` is no file that can be copied", .0.display())]
    NoFile(PathBuf),
    /// A list that is a file whose disk, or server, does not answer.
    #[error("opening `{}` took longer than {}", .0.display(), in_words(*.1))]
    Stuck(PathBuf, Duration),
    /// A file that the dashboard may not name.
    #[error(
        "`{}` may not be read by everybody on this machine (chmod o+r), so that only the config can \
         make it a list",
        .0.display()
    )]
    Guarded(PathBuf),
    /// Another.
    #[error("`{}` is one of Squelch's own files, which only the config can make a list", .0.display())]
    Own(PathBuf),
    /// The disk.
    #[error("writing `{}`: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What happened.
        source: io::Error,
    },
}

/// The innermost cause; the others only repeat that something failed.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds if seconds >= 120 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
