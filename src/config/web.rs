//! `[web]`: where the dashboard is served.

use std::net::{Ipv4Addr, SocketAddr};

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
