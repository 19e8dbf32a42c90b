//! What every answer of the web server carries, and which requests it takes.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::config::{Config, host_name};

const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The names by which the dashboard is opened.
pub(super) struct Names {
    /// The config in force, whose names count too: a proxy in front of us may have them.
    config: Box<dyn Fn() -> Arc<Config> + Send + Sync>,
    /// Those of this machine.
    own: HashSet<String>,
}

impl Names {
    /// Those of this machine, and of the config in force, which may change.
    pub(super) fn of(config: impl Fn() -> Arc<Config> + Send + Sync + 'static) -> Self {
        Self::with(&host_name(), config)
    }

    fn with(host: &str, config: impl Fn() -> Arc<Config> + Send + Sync + 'static) -> Self {
        let domain = config().local.domain.clone();
        let label = host.split('.').next().unwrap_or_default();
        let own = match label {
            "" => Vec::new(),
            label => vec![
                host.to_owned(),
                label.to_owned(),
                format!("{label}.local"),
                format!("{label}.{domain}"),
            ],
        };
        Self {
            config: Box::new(config),
            own: own.into_iter().chain(["localhost".to_owned()]).collect(),
        }
    }

    /// A page of another site may point its own name at us (DNS rebinding): then `Host` is that name.
    /// Nobody's page has a name without a dot, one of `.local` or one that is an address.
    fn have(&self, authority: &str) -> bool {
        let name = host_of(authority).to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        name.parse::<IpAddr>().is_ok() || self.own.contains(name) || self.is_declared(name)
    }

    fn is_declared(&self, name: &str) -> bool {
        (self.config)().web.names.iter().any(|known| known == name)
    }
}

/// Refuses requests that a foreign page sent, and adds the headers that keep pages apart.
pub(super) async fn guard(
    State(names): State<Arc<Names>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match check(&names, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn check(names: &Names, request: &Request) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::new(StatusCode::FORBIDDEN, "not from here", detail));
    let headers = request.headers();
    let in_head = texts(headers, header::HOST);
    let in_line = request.uri().authority().map(Authority::as_str);
    let mut hosts = in_head.iter().copied().chain(in_line);
    if !hosts.all(|host| names.have(host)) {
        return refuse(
            "open the dashboard by its address, as localhost, or by a name that `names` of [web] in \
             the config has",
        );
    }
    let host = in_head.first().copied().or(in_line);
    for origin in texts(headers, header::ORIGIN) {
        let is_ours = match origin.split_once("://") {
            Some((_, authority)) if request.method().is_safe() => names.have(authority),
            Some((scheme, authority)) => {
                // Another service of the home has an address, too.
                let is_same = host.is_some_and(|host| is_same(scheme, authority, host));
                is_same || names.is_declared(&host_of(authority).to_ascii_lowercase())
            }
            None => false,
        };
        if !is_ours {
            return refuse("the request comes from another site's page");
        }
    }
    // Browsers tell it by themselves, too (Fetch Metadata). A link that leads to us is no harm.
    let site = texts(headers, HeaderName::from_static("sec-fetch-site"));
    let is_foreign = site
        .iter()
        .any(|site| matches!(*site, "cross-site" | "same-site"));
    if is_foreign && !request.method().is_safe() {
        return refuse("the request comes from another site's page");
    }
    Ok(())
}

/// All values of a header; what is no text is a name that nobody has.
fn texts(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
    let values = headers.get_all(name).into_iter();
    values.map(|value| value.to_str().unwrap_or("?")).collect()
}

/// The name or the address, without brackets and port.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(ip, _)| ip),
        None => authority
            .rsplit_once(':')
            .map_or(authority, |(name, _)| name),
    }
}

/// Whether a page's origin is where the request went; a port that goes without saying is not said.
fn is_same(scheme: &str, authority: &str, host: &str) -> bool {
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |text: &str| text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase();
    bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut config = Config::default();
        config.web.names = vec!["dns.home.example".to_owned()];
        let config = Arc::new(config);
        Names::with("pi.lan", move || Arc::clone(&config))
    }

    #[test]
    fn addresses_and_our_names_are_ours_and_other_names_are_not() {
        let names = names();
        for host in [
            "127.0.0.1:8053",
            "[::1]:8053",
            "[2001:db8::1]",
            "192.0.2.1",
            "localhost",
            "LOCALHOST:8053",
            "pi:8053",
            "pi.lan",
            "Pi.local.",
            "pi.home.arpa:8053",
            "dns.home.example",
        ] {
            assert!(names.have(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:8053",
            "127.0.0.1.evil.example",
            "pi.evil.example",
            "home.example",
            "?",
            "",
        ] {
            assert!(!names.have(host), "{host}");
        }
        assert!(!Names::with("", Arc::default).have(""));
    }

    #[test]
    fn an_origin_is_ours_only_where_the_request_went() {
        for (scheme, authority, host, expected) in [
            ("http", "192.0.2.1:8053", "192.0.2.1:8053", true),
            ("http", "192.0.2.1", "192.0.2.1:80", true),
            ("https", "Pi.local", "pi.local:443", true),
            ("http", "192.0.2.1:8080", "192.0.2.1:8053", false),
            ("http", "192.0.2.9:8053", "192.0.2.1:8053", false),
            ("file", "", "", false),
        ] {
            assert_eq!(is_same(scheme, authority, host), expected, "{authority}");
        }
    }
}
