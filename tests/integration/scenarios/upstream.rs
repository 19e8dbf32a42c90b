//! An upstream that knows some records, and misbehaves as it is told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::file::Written;
use super::forge::{Doing, Plan, Sent};
use super::record::records_of;
use super::wire::{self, Message, Record, text_of};

/// A running upstream; it ends when it is dropped.
pub struct Upstream {
    pub address: SocketAddr,
    desk: Arc<Desk>,
    _tasks: JoinSet<()>,
}

/// A query as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub message: Message,
    pub is_tcp: bool,
}

/// What it knows and does.
pub struct Desk {
    pub records: Vec<Record>,
    pub replies: BTreeMap<String, Written>,
    plan: Plan,
    seen: Mutex<Vec<Seen>>,
}

impl Seen {
    pub fn name(&self) -> &[u8] {
        self.message
            .questions
            .first()
            .map_or(&[0], |question| &question.0)
    }

    pub fn kind(&self) -> u16 {
        self.message
            .questions
            .first()
            .map_or(0, |question| question.1)
    }

    /// As people read it: `home.example A`.
    pub fn text(&self) -> String {
        let name = text_of(&self.name().to_ascii_lowercase());
        format!("{name} {}", squelch::query::RecordType(self.kind()))
    }
}

impl Upstream {
    /// Starts one on a free port of 127.0.0.1, for UDP and TCP.
    pub async fn start(
        lines: &[String],
        behave: &BTreeMap<String, String>,
        replies: &BTreeMap<String, Written>,
    ) -> Self {
        let desk = Arc::new(Desk {
            records: records_of(lines),
            replies: replies.clone(),
            plan: Plan::read(behave),
            seen: Mutex::default(),
        });
        // A port that is free for UDP may be taken for TCP: take the next then.
        loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let address = udp.local_addr().unwrap();
            let Ok(tcp) = TcpListener::bind(address).await else {
                continue;
            };
            let mut tasks = JoinSet::new();
            tasks.spawn(serve_udp(udp, Arc::clone(&desk)));
            tasks.spawn(serve_tcp(tcp, Arc::clone(&desk)));
            return Self {
                address,
                desk,
                _tasks: tasks,
            };
        }
    }

    /// The queries since they were last forgotten.
    pub fn seen(&self) -> Vec<Seen> {
        self.desk.seen.lock().unwrap().clone()
    }

    /// Forgets the queries so far.
    pub fn forget(&self) {
        self.desk.seen.lock().unwrap().clear();
    }
}

impl Desk {
    /// Notes a query, and gives what is to be done.
    fn take(&self, bytes: &[u8], is_tcp: bool) -> Option<(Seen, Vec<Doing>)> {
        let message = wire::read(bytes).ok()?;
        let seen = Seen { message, is_tcp };
        self.seen.lock().unwrap().push(seen.clone());
        // A query without a question can be noted, and not answered.
        seen.message.questions.first()?;
        let doings = self.plan.next(&seen);
        Some((seen, doings))
    }
}

async fn serve_udp(socket: UdpSocket, desk: Arc<Desk>) {
    let socket = Arc::new(socket);
    let mut tasks = JoinSet::new();
    let mut buffer = [0; 4096];
    loop {
        // A query whose socket is gone shows as an error here.
        let Ok((len, source)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let Some((seen, doings)) = desk.take(&buffer[..len], false) else {
            continue;
        };
        let (desk, socket) = (Arc::clone(&desk), Arc::clone(&socket));
        tasks.spawn(async move {
            for doing in doings {
                for sent in doing.sent(&desk, &seen) {
                    send_datagram(&socket, sent, source).await;
                }
            }
        });
    }
}

async fn send_datagram(socket: &UdpSocket, sent: Sent, to: SocketAddr) {
    // Who asked may have given up.
    match sent {
        Sent::Message(bytes) => drop(socket.send_to(&bytes, to).await),
        Sent::FromElsewhere(ip, bytes) => {
            let port = socket.local_addr().unwrap().port();
            let port = if ip == Ipv4Addr::LOCALHOST { 0 } else { port };
            let other = UdpSocket::bind((ip, port)).await.unwrap();
            drop(other.send_to(&bytes, to).await);
        }
        Sent::Pause(time) => sleep(time).await,
        Sent::Bytes(_) | Sent::Drip(_) | Sent::Close => {}
    }
}

async fn serve_tcp(listener: TcpListener, desk: Arc<Desk>) {
    let mut tasks = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        tasks.spawn(serve_stream(stream, Arc::clone(&desk)));
    }
}

/// Serves one connection; each query is answered when its answer is there.
async fn serve_stream(stream: TcpStream, desk: Arc<Desk>) {
    let (mut reader, writer) = stream.into_split();
    let writer = Arc::new(tokio::sync::Mutex::new(Some(writer)));
    let mut tasks = JoinSet::new();
    while let Ok(len) = reader.read_u16().await {
        let mut query = vec![0; len.into()];
        if reader.read_exact(&mut query).await.is_err() {
            return;
        }
        let Some((seen, doings)) = desk.take(&query, true) else {
            continue;
        };
        let (desk, writer) = (Arc::clone(&desk), Arc::clone(&writer));
        tasks.spawn(async move {
            for sent in doings.iter().flat_map(|doing| doing.sent(&desk, &seen)) {
                write_or_pause(&writer, sent).await;
            }
        });
    }
}

/// Queries of one connection share its end.
async fn write_or_pause(writer: &tokio::sync::Mutex<Option<OwnedWriteHalf>>, sent: Sent) {
    if let Sent::Pause(time) = sent {
        return sleep(time).await;
    }
    let mut writer = writer.lock().await;
    if let Some(open) = writer.as_mut()
        && write_sent(open, sent).await.is_none()
    {
        *writer = None;
    }
}

/// Writes to a connection; `None` closes it.
async fn write_sent(writer: &mut OwnedWriteHalf, sent: Sent) -> Option<()> {
    match sent {
        Sent::Message(bytes) | Sent::FromElsewhere(_, bytes) => {
            let len = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            writer
                .write_all(&[&len, bytes.as_slice()].concat())
                .await
                .ok()
        }
        Sent::Bytes(bytes) => writer.write_all(&bytes).await.ok(),
        Sent::Drip(bytes) => {
            let len = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            for byte in len.into_iter().chain(bytes) {
                writer.write_all(&[byte]).await.ok()?;
                sleep(Duration::from_millis(50)).await;
            }
            Some(())
        }
        Sent::Pause(_) => Some(()),
        Sent::Close => None,
    }
}
