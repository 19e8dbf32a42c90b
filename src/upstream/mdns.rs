//! The name by which a device calls itself on the home's network (multicast DNS, RFC 6762), for
//! naming devices.
//!
//! We ask once, from a port of our own (RFC 6762 §5.1): whoever has the address answers us alone.
//! Anybody on the network may send us anything meanwhile; only what comes from the address that was
//! asked for, and fits, is a name.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::RData;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::reverse::reverse_name;
use crate::query::{Name, RecordType};

const PORT: u16 = 5353;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// A device that is awake answers in a fraction of this.
const PATIENCE: Duration = Duration::from_secs(1);

/// So many datagrams are looked at: more means that somebody floods us.
const MOST_DATAGRAMS: usize = 32;

/// RFC 6762 §17: more than a frame is seldom sent, and nothing longer for one name.
const LONGEST: usize = 1500;

/// The name below `local` that the device of this address has, if it answers.
pub async fn local_name(ip: IpAddr) -> Option<String> {
    let ip = ip.to_canonical();
    let group: IpAddr = match ip {
        IpAddr::V4(_) => GROUP_V4.into(),
        IpAddr::V6(_) => GROUP_V6.into(),
    };
    match socket_towards(ip) {
        Ok(socket) => ask(&socket, ip, (group, PORT).into()).await,
        Err(error) => {
            tracing::debug!(%error, "a device cannot be asked for its name");
            None
        }
    }
}

/// A socket that sends to the network in which `ip` is.
fn socket_towards(ip: IpAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Nothing is sent by this: the system says from which address it would.
    let probe = StdSocket::bind((any, 0))?;
    probe.connect((ip, PORT))?;
    let from = probe.local_addr()?.ip();
    let domain = Domain::for_address((from, 0).into());
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    match from {
        IpAddr::V4(from) => socket.set_multicast_if_v4(&from)?,
        IpAddr::V6(from) => socket.set_multicast_if_v6(interface_of(from))?,
    }
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

/// The number of the interface that has one of our addresses; 0 = the system chooses.
fn interface_of(ours: Ipv6Addr) -> u32 {
    let table = fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap_or_default();
    interface_in(&table, ours).unwrap_or(0)
}

/// A line is the address, and the number of the interface, in hexadecimal; then more.
fn interface_in(table: &str, ours: Ipv6Addr) -> Option<u32> {
    let ours = format!("{:032x}", u128::from(ours));
    table.lines().find_map(|line| {
        let (address, rest) = line.split_once(' ')?;
        let number = rest.split(' ').next().filter(|_| address == ours)?;
        u32::from_str_radix(number, 16).ok()
    })
}

/// Asks at `to` for the name of `ip`, which has to answer itself, from the same port.
async fn ask(socket: &UdpSocket, ip: IpAddr, to: SocketAddr) -> Option<String> {
    let name = reverse_name(ip)?;
    let id = rand::random();
    socket.send_to(&question(id, &name), to).await.ok()?;
    let heard = hear(socket, SocketAddr::new(ip, to.port()), (id, &name));
    timeout(PATIENCE, heard).await.ok()?
}

async fn hear(socket: &UdpSocket, device: SocketAddr, (id, name): (u16, &Name)) -> Option<String> {
    let mut buffer = vec![0; LONGEST];
    for _ in 0..MOST_DATAGRAMS {
        let (length, sender) = socket.recv_from(&mut buffer).await.ok()?;
        if sender != device {
            continue;
        }
        let told = buffer.get(..length).and_then(|bytes| read(bytes, id, name));
        if told.is_some() {
            return told;
        }
    }
    None
}

/// A query with one question (RFC 1035 §4.1.1); the class without its highest bit asks for nothing
/// special (RFC 6762 §5.4).
fn question(id: u16, name: &Name) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend(name.as_wire());
    bytes.extend(RecordType::PTR.0.to_be_bytes());
    bytes.extend(1u16.to_be_bytes());
    bytes
}

/// The name that an answer gives, without `local`.
fn read(bytes: &[u8], id: u16, name: &Name) -> Option<String> {
    let message = Message::from_vec(bytes).ok()?;
    // RFC 6762 §6.7: the answer to a one-shot query has its id.
    let is_ours =
        message.metadata.id == id && message.metadata.message_type == MessageType::Response;
    let asked = name.to_string();
    let mut answers = message.answers.iter().filter(|_| is_ours);
    answers.find_map(|record| {
        let owner = record.name.to_ascii();
        let is_of_address = owner.trim_end_matches('.').eq_ignore_ascii_case(&asked);
        let RData::PTR(target) = &record.data else {
            return None;
        };
        let target = target.to_ascii();
        let (host, domain) = target.trim_end_matches('.').split_once('.')?;
        let is_local = domain.eq_ignore_ascii_case("local");
        (is_of_address && is_local).then(|| host.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::OpCode;
    use hickory_proto::rr::rdata::PTR;
    use hickory_proto::rr::{self, Record};
    use tokio::time::Instant;

    use super::*;

    const OURS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const REVERSE: &str = "1.0.0.127.in-addr.arpa.";

    fn answer(id: u16, owner: &str, target: &str) -> Vec<u8> {
        let mut message = Message::new(id, MessageType::Response, OpCode::Query);
        let name = |text| rr::Name::from_ascii(text).unwrap();
        let data = RData::PTR(PTR(name(target)));
        message.add_answer(Record::from_rdata(name(owner), 10, data));
        message.to_vec().unwrap()
    }

    async fn socket(address: &str) -> UdpSocket {
        UdpSocket::bind((address, 0)).await.unwrap()
    }

    /// Asks for the name of 127.0.0.1, which is answered by what these make of the query's id.
    async fn told(by_device: impl Fn(u16) -> Vec<Vec<u8>>) -> Option<String> {
        let (socket_of_ours, device) = (socket("127.0.0.1").await, socket("127.0.0.1").await);
        let to = device.local_addr().unwrap();
        let answering = async {
            let mut buffer = [0; LONGEST];
            let (length, from) = device.recv_from(&mut buffer).await.unwrap();
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            assert_eq!(asked.queries[0].to_string(), format!("{REVERSE} IN PTR"));
            for bytes in by_device(asked.metadata.id) {
                device.send_to(&bytes, from).await.unwrap();
            }
        };
        tokio::join!(ask(&socket_of_ours, OURS, to), answering).0
    }

    #[tokio::test]
    async fn a_device_tells_its_own_name() {
        let name = told(|id| vec![answer(id, REVERSE, "Annas-Tablet.local.")]).await;
        assert_eq!(name.as_deref(), Some("Annas-Tablet"));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_passed_over() {
        let name = told(|id| {
            let mut query = answer(id, REVERSE, "no-answer.local.");
            query[2] &= 0x7f;
            let mut cut = answer(id, REVERSE, "cut-off.local.");
            cut.truncate(40);
            vec![
                Vec::new(),
                vec![0xff; LONGEST],
                query,
                cut,
                answer(id ^ 1, REVERSE, "other-id.local."),
                answer(id, "2.0.0.127.in-addr.arpa.", "neighbour.local."),
                answer(id, REVERSE, "world.example."),
                answer(id, REVERSE, "sub.domain.local."),
                answer(id, REVERSE, "local."),
                answer(id, "1.0.0.127.IN-ADDR.arpa.", "tv.LOCAL."),
            ]
        })
        .await;
        assert_eq!(name.as_deref(), Some("tv"));
    }

    #[tokio::test]
    async fn a_stranger_cannot_name_a_device() {
        let (asker, device) = (socket("127.0.0.1").await, socket("127.0.0.1").await);
        let stranger = socket("127.0.0.2").await;
        let to = device.local_addr().unwrap();
        let answering = async {
            let mut buffer = [0; LONGEST];
            let (_, from) = device.recv_from(&mut buffer).await.unwrap();
            let id = u16::from_be_bytes([buffer[0], buffer[1]]);
            // Another address, and another port of the same one.
            for other in [&stranger, &socket("127.0.0.1").await] {
                let forged = answer(id, REVERSE, "forged.local.");
                other.send_to(&forged, from).await.unwrap();
            }
            let real = answer(id, REVERSE, "real.local.");
            device.send_to(&real, from).await.unwrap();
        };
        let (name, ()) = tokio::join!(ask(&asker, OURS, to), answering);
        assert_eq!(name.as_deref(), Some("real"));
    }

    #[tokio::test]
    async fn a_flood_ends_the_wait() {
        let name = told(|id| {
            let mut flood = vec![vec![0; 12]; MOST_DATAGRAMS];
            flood.push(answer(id, REVERSE, "late.local."));
            flood
        })
        .await;
        assert_eq!(name, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_is_waited_for_a_second() {
        let (asker, silent) = (socket("127.0.0.1").await, socket("127.0.0.1").await);
        let started = Instant::now();
        let name = ask(&asker, OURS, silent.local_addr().unwrap()).await;
        assert_eq!((name, started.elapsed()), (None, PATIENCE));
    }

    #[tokio::test]
    async fn a_socket_is_of_the_network_of_the_device() {
        let socket = socket_towards(OURS).unwrap();
        assert_eq!(socket.local_addr().unwrap().ip(), OURS);
    }

    #[test]
    fn the_interface_of_an_address_stands_in_the_systems_table() {
        let table = "fe800000000000000000000000000001 02 40 20 80     eth0\n\
                     20010db8000000000000000000000007 1f 40 00 80    wlan0\n";
        let number = |ours: &str| interface_in(table, ours.parse().unwrap());
        assert_eq!(number("2001:db8::7"), Some(31));
        assert_eq!(number("fe80::1"), Some(2));
        assert_eq!(number("2001:db8::8"), None);
    }
}
