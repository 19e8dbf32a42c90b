//! `[web]`: where the dashboard is served.

use std::net::{Ipv4Addr, SocketAddr};

use super::section::{Read, Section};
use super::tree::Item;
use super::value;

/// Where the dashboard is served.
#[derive(Clone, Debug, PartialEq)]
pub struct Web {
    /// Loopback addresses only, because there is no login yet; empty = no dashboard.
    pub listen: Vec<SocketAddr>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8053))],
        }
    }
}

impl Web {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            listen: section.values("listen", Self::default().listen, loopback),
        }
    }
}

fn loopback(item: &Item) -> Read<SocketAddr> {
    let address = value::socket(item)
        .map_err(|_| "write an address with a port, such as \"127.0.0.1:8053\"".to_owned())?;
    if address.ip().to_canonical().is_loopback() {
        return Ok(address);
    }
    let port = address.port();
    Err(format!(
        "the dashboard has no login yet, so it is served on this machine only: write \
         \"127.0.0.1:{port}\"; from elsewhere reach it through a tunnel (ssh -L \
         {port}:127.0.0.1:{port} THIS-MACHINE), or through a reverse proxy on this machine \
         that asks for a password"
    ))
}
