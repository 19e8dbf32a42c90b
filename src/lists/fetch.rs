//! Fetches a list over HTTP, and trusts nobody on the way: not the server's name, not where it
//! redirects to, not how much it sends, nor how slowly.
//!
//! What is fetched goes to a file, piece by piece; a list is never held in memory. Names are
//! looked up by whoever is asked for it, because the system's resolver may be ourselves.

mod body;
mod error;
mod file;
mod sink;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::header;
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::time::{Instant, timeout, timeout_at};
use url::{Host, Url};

use super::standing::Stamp;
use crate::config::Config;
pub use error::FetchError;
pub use file::{NamedBy, copy};

/// Servers may send us elsewhere so many times.
const MOST_REDIRECTS: usize = 5;

/// How a host's name becomes addresses.
pub type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<Vec<IpAddr>, String>> + Send + Sync>;

/// What a fetch may take, and where it may go.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Whether a list may come from a private address, and over plain HTTP.
    pub allow_private: bool,
    /// Which addresses are not private.
    pub is_public: fn(IpAddr) -> bool,
    /// The most bytes that a list may have, unpacked.
    pub max_size: u64,
    /// How long it may take altogether.
    pub total: Duration,
    /// How long a connection, and each part of an answer, may take.
    pub patience: Duration,
    /// So many bytes have to come in that time, unless it is the end.
    pub least: u64,
    /// Files and folders of our own, which are no lists because somebody says so in the dashboard.
    pub own_files: Vec<PathBuf>,
}

impl Terms {
    /// The usual limits; slow lines of 1 kB a second are served, too.
    pub fn new(config: &Config) -> Self {
        Self {
            allow_private: config.lists.allow_private_sources,
            is_public: crate::config::is_public,
            max_size: config.lists.max_size,
            total: Duration::from_mins(20),
            patience: Duration::from_secs(30),
            least: 30_000,
            own_files: file::own_files(config),
        }
    }
}

/// What a server said of the copy that we have, so that it need not send the same again.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Validators {
    /// `ETag`
    pub etag: Option<String>,
    /// `Last-Modified`
    pub last_modified: Option<String>,
}

/// What came of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The copy that we have is still right.
    Same,
    /// A new copy is in the file.
    New(Fresh),
}

/// A new copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Its bytes, unpacked.
    pub size: u64,
    /// A hash of its bytes.
    pub hash: u64,
    /// What the server says of it.
    pub validators: Validators,
    /// What the file that it was copied from looked like.
    pub stamp: Option<Stamp>,
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Bytes that came, as they came.
    pub bytes: u64,
    /// How many there will be, if the server says so.
    pub of: Option<u64>,
}

/// Fetches lists.
pub struct Fetcher {
    lookup: Lookup,
    tls: rustls::ClientConfig,
}

/// A server to ask, at addresses that were checked.
struct Stop {
    url: Url,
    addresses: Vec<SocketAddr>,
    /// Whether it is one of the internet's.
    is_public: bool,
}

impl Fetcher {
    /// A fetcher that trusts the usual roots.
    pub fn new(lookup: Lookup) -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Self::with_roots(lookup, roots)
    }

    /// A fetcher that trusts these roots.
    pub fn with_roots(lookup: Lookup, roots: rustls::RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the protocol versions that rustls has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { lookup, tls }
    }

    /// Fetches a list into a file, which is there only when the list is.
    pub async fn fetch(
        &self,
        url: &Url,
        known: &Validators,
        terms: &Terms,
        (file, tell): (&Path, &(dyn Fn(Transfer) + Sync)),
    ) -> Result<Fetched, FetchError> {
        let deadline = Instant::now() + terms.total;
        let answered = timeout_at(deadline, self.follow(url, known, terms)).await;
        let response = answered.unwrap_or(Err(FetchError::TooLong(terms.total)))?;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Fetched::Same),
            StatusCode::OK => {}
            other => return Err(FetchError::Status(other)),
        }
        let received = body::receive(response, (terms, deadline), file, tell).await;
        if received.is_err() {
            // What is half there is of no use; and it may not be there at all.
            let _ = std::fs::remove_file(file);
        }
        received.map(Fetched::New)
    }

    /// Asks, and follows redirects as far as they may be followed.
    async fn follow(
        &self,
        url: &Url,
        known: &Validators,
        terms: &Terms,
    ) -> Result<Response, FetchError> {
        let mut stop = self.first(url, terms).await?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.ask(&stop, known, terms.patience).await?;
            let Some(target) = target(&stop.url, &response)? else {
                return Ok(response);
            };
            stop = self.next(&stop, target, terms).await?;
        }
        Err(FetchError::TooManyRedirects(MOST_REDIRECTS))
    }

    async fn first(&self, url: &Url, terms: &Terms) -> Result<Stop, FetchError> {
        let mut stop = self.look_up(url.clone(), terms).await?;
        if terms.allow_private {
            return Ok(stop);
        }
        if url.scheme() != "https" {
            return Err(FetchError::Plain(url.clone()));
        }
        let private = keep_public(&mut stop, terms);
        match private {
            Some(address) if stop.addresses.is_empty() => Err(FetchError::Private {
                host: url.host_str().unwrap_or_default().to_owned(),
                address,
            }),
            _ => Ok(stop),
        }
    }

    /// The next stop. One of the internet's never leads to a private one, whatever the config says.
    async fn next(&self, from: &Stop, target: Url, terms: &Terms) -> Result<Stop, FetchError> {
        let is_worse = from.url.scheme() == "https" && target.scheme() != "https";
        if is_worse || (target.scheme() != "https" && !terms.allow_private) {
            return Err(FetchError::PlainRedirect(target));
        }
        let mut stop = self.look_up(target, terms).await?;
        if !from.is_public {
            return Ok(stop);
        }
        match keep_public(&mut stop, terms) {
            Some(address) if stop.addresses.is_empty() => Err(FetchError::PrivateRedirect {
                to: stop.url,
                address,
            }),
            _ => Ok(stop),
        }
    }

    async fn look_up(&self, url: Url, terms: &Terms) -> Result<Stop, FetchError> {
        if !["http", "https"].contains(&url.scheme()) {
            return Err(FetchError::Scheme(url));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        let addresses = match url.host() {
            Some(Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
            Some(Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
            Some(Host::Domain(name)) => self.addresses(name, terms.patience).await?,
            None => Vec::new(),
        };
        if addresses.is_empty() {
            let host = url.host_str().unwrap_or_default().to_owned();
            return Err(FetchError::Lookup {
                host,
                why: "it has no address".to_owned(),
            });
        }
        let is_public = addresses.iter().any(|&ip| (terms.is_public)(ip));
        let addresses = addresses.into_iter();
        Ok(Stop {
            url,
            addresses: addresses.map(|ip| SocketAddr::new(ip, port)).collect(),
            is_public,
        })
    }

    async fn addresses(&self, name: &str, patience: Duration) -> Result<Vec<IpAddr>, FetchError> {
        let found = timeout(patience, (self.lookup)(name.to_owned())).await;
        let found = found.unwrap_or_else(|_| Err("no answer".to_owned()));
        found.map_err(|why| FetchError::Lookup {
            host: name.to_owned(),
            why,
        })
    }

    /// Asks one server. The connection goes to the addresses that were checked, and nowhere else.
    async fn ask(
        &self,
        stop: &Stop,
        known: &Validators,
        patience: Duration,
    ) -> Result<Response, FetchError> {
        let unasked = |source| FetchError::Request {
            url: stop.url.clone(),
            source,
        };
        let mut client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .user_agent(concat!("squelch/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(patience)
            .no_proxy();
        if let Some(Host::Domain(name)) = stop.url.host() {
            client = client.resolve_to_addrs(name, &stop.addresses);
        }
        let request = client.build().map_err(unasked)?.get(stop.url.clone());
        let mut request = request.header(header::ACCEPT_ENCODING, "gzip");
        if let Some(etag) = &known.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(time) = &known.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, time);
        }
        match timeout(patience, request.send()).await {
            Ok(response) => response.map_err(unasked),
            Err(_) => Err(FetchError::Silent(patience)),
        }
    }
}

/// Leaves the addresses of the internet; gives one of the others.
fn keep_public(stop: &mut Stop, terms: &Terms) -> Option<IpAddr> {
    let is_private = |address: &SocketAddr| !(terms.is_public)(address.ip());
    let private = stop.addresses.iter().copied().find(is_private);
    stop.addresses.retain(|address| !is_private(address));
    private.map(|address| address.ip())
}

/// Where a redirect leads; nothing where the answer is none.
fn target(url: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    if !is_redirect {
        return Ok(None);
    }
    let location = body::text(response, &header::LOCATION);
    let target = location.and_then(|location| url.join(&location).ok());
    target.map(Some).ok_or(FetchError::Nowhere)
}
