//! `squelch healthy`: does the running server answer?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::{ConfigArgs, say, say_problems};

/// A query for localhost, which is answered without asking anybody: id 1, RD, type A, class IN.
const QUESTION: &[u8] =
    b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09localhost\x00\x00\x01\x00\x01";
const PATIENCE: Duration = Duration::from_secs(2);

/// The arguments of `squelch healthy`.
#[derive(Debug, Args)]
pub struct HealthyArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

impl HealthyArgs {
    /// Asks the server at its first address of `dns.listen`.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = match self.config.load() {
            Ok(config) => config,
            Err(problems) => return Ok(say_problems(&problems)),
        };
        let address = config.dns.listen.first().context("`dns.listen` is empty")?;
        let address = reachable(*address);
        ask(address).with_context(|| format!("asking {address}"))?;
        say(&format!("{address} answers"));
        Ok(ExitCode::SUCCESS)
    }
}

fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn ask(address: SocketAddr) -> anyhow::Result<()> {
    let any: IpAddr = if address.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(address)?;
    socket.send(QUESTION)?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).context("no answer")?;
    // Our id, and the bit that says "answer".
    anyhow::ensure!(
        length > 12
            && answer.starts_with(&[0, 1])
            && answer.get(2).is_some_and(|flags| flags & 0x80 != 0),
        "a wrong answer"
    );
    Ok(())
}
