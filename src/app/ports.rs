//! Opens the dashboard's addresses.

use std::io;
use std::net::{SocketAddr, TcpListener};

use anyhow::Context as _;

/// Opens every address; what is taken is named with the key to change.
pub(super) fn bind(listen: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    listen.iter().map(|&address| open(address)).collect()
}

fn open(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address);
    let listener = match listener {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let holder = crate::dns::holder_of_tcp(address.port());
            anyhow::bail!(
                "TCP port {} of {} is taken by {holder}; stop that, or choose another port in `web.listen`",
                address.port(),
                address.ip(),
            );
        }
        other => {
            other.with_context(|| format!("opening {address} for the dashboard (`web.listen`)"))?
        }
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}
