//! The running server, as commands ask it: at an address of `web.listen`, past its password.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::access;
use crate::config::Config;

/// That the server does not know us.
pub(super) const LOCKED: &str = "the server asks for its password: run this as the user that it \
    runs as, or as root, so that `command.token` in `data_dir` can be read";

/// Where the running server is asked, and by what.
pub(super) struct Running {
    /// Such as `127.0.0.1:8053`.
    pub address: SocketAddr,
    /// Says who asks.
    pub client: Client,
}

impl Running {
    /// The server that this config describes, whether it is running or not.
    pub(super) fn of(config: &Config, patience: Duration) -> anyhow::Result<Self> {
        let address = address(config)?;
        let client = Client::builder()
            .timeout(patience)
            .no_proxy()
            .user_agent(concat!("squelch/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(config))
            .build()?;
        Ok(Self { address, client })
    }

    /// Whether it answers, whoever asks.
    pub(super) async fn is_there(&self) -> bool {
        let answered = self.client.get(self.url("session")).send().await;
        answered.is_ok_and(|response| response.status().is_success())
    }

    /// The address of a resource of its API.
    pub(super) fn url(&self, resource: &str) -> String {
        format!("http://{}/api/v1/{resource}", self.address)
    }
}

/// The first address that the dashboard has for itself: one that it shares is encrypted, with a
/// certificate that need not be for it.
fn address(config: &Config) -> anyhow::Result<SocketAddr> {
    let shared = config.dns.tls.as_ref().map(|tls| tls.doh.as_slice());
    let is_shared = |address: &&SocketAddr| shared.unwrap_or_default().contains(address);
    let listen = &config.web.listen;
    let found = listen.iter().find(|address| !is_shared(address));
    let address = match (found, listen.first()) {
        (Some(address), _) => address,
        (None, None) => anyhow::bail!("the dashboard is off (`web.listen` is empty)"),
        (None, Some(shared)) => anyhow::bail!(
            "the dashboard shares {shared} with DNS over HTTPS; add another address to `web.listen` \
             for commands, such as \"127.0.0.1:8053\""
        ),
    };
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, address.port()))
}

/// Without the token, such as for want of the right to read it, the server may ask for a password.
fn headers(config: &Config) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let token = access::read_command(&config.data_dir);
    let value = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
    if let Some(mut value) = value {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    headers
}

/// What the server answered, unless it refused: then why.
pub(super) async fn accepted(response: reqwest::Response) -> anyhow::Result<reqwest::Response> {
    if response.status() == reqwest::StatusCode::UNAUTHORIZED {
        anyhow::bail!(LOCKED);
    }
    if response.status().is_client_error() || response.status().is_server_error() {
        let status = response.status();
        let problem: serde_json::Value = response.json().await.unwrap_or_default();
        let detail = problem.get("detail").and_then(serde_json::Value::as_str);
        match detail {
            Some(detail) => anyhow::bail!("the server refused: {detail}"),
            None => anyhow::bail!("the server refused: HTTP status {status}"),
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let config = Config::from_text(text, Path::new("config.toml"), &[]).unwrap();
        let found = address(&config).map(|address| address.to_string());
        found.map_err(|error| error.to_string())
    }

    #[test]
    fn a_server_that_listens_everywhere_is_asked_here() {
        for (listen, expected) in [
            ("\"0.0.0.0:8053\"", "127.0.0.1:8053"),
            ("\"[::]:8053\"", "[::1]:8053"),
            ("\"192.0.2.1:80\"", "192.0.2.1:80"),
        ] {
            let found = at(&format!("[web]\nlisten = [{listen}]"));
            assert_eq!(found.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn an_address_that_is_shared_is_not_asked() {
        let tls = "[dns.tls]\ndoh = [\"127.0.0.1:8443\"]\n";
        let both = format!("{tls}[web]\nlisten = [\"127.0.0.1:8443\", \"127.0.0.1:8053\"]");
        assert_eq!(at(&both).as_deref(), Ok("127.0.0.1:8053"));
        let shared = format!("{tls}[web]\nlisten = [\"127.0.0.1:8443\"]");
        assert!(at(&shared).unwrap_err().contains("add another address"));
        assert!(at("[web]\nlisten = []").unwrap_err().contains("off"));
    }
}
