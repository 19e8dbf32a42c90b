//! An upstream of our own on loopback, over UDP and TCP on one port, that does as it is told.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{RData, Record};
use squelch::query::{RecordType, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

/// A query as the stub received it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// In lower case, without a final dot.
    pub name: String,
    pub kind: RecordType,
    pub transport: Transport,
    /// Who asked: the source of a datagram, or the far end of a connection.
    pub source: SocketAddr,
    /// Counts the queries of this stub, from 0.
    pub number: usize,
    /// Counts the TCP connections of this stub, from 0.
    pub connection: usize,
    /// The whole message.
    pub message: Message,
}

/// What the stub does with a query.
pub enum Reaction {
    /// Answers with these records.
    Records(Vec<Record>),
    /// Answers with this code and no records.
    Code(ResponseCode),
    /// Answers with this message, under the query's id.
    Message(Box<Message>),
    /// Sends these bytes, one datagram or one framed message each.
    Raw(Vec<Vec<u8>>),
    /// Says nothing.
    Silence,
    /// Closes the connection.
    Close,
    /// Does this once it is notified.
    Later(Arc<Notify>, Box<Reaction>),
    /// Does this after a while, as a server far away.
    After(Duration, Box<Reaction>),
}

type Behaviour = Arc<dyn Fn(&Asked) -> Reaction + Send + Sync>;

/// A running stub; it ends when it is dropped.
pub struct Stub {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Asked>>>,
    _tasks: JoinSet<()>,
}

impl Asked {
    /// An answer to this query, to be filled.
    pub fn reply(&self) -> Message {
        self.message.clone().into_response()
    }

    /// An address record of the name asked, spelled as asked.
    pub fn address(&self, ip: &str) -> Record {
        let data = match ip.parse().unwrap() {
            IpAddr::V4(ip) => RData::A(A(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
        };
        Record::from_rdata(self.message.queries[0].name().clone(), 300, data)
    }

    /// Answers with one address.
    pub fn with_address(&self, ip: &str) -> Reaction {
        Reaction::Records(vec![self.address(ip)])
    }
}

impl Stub {
    /// Starts a stub on a free port of 127.0.0.1.
    pub async fn start(behave: impl Fn(&Asked) -> Reaction + Send + Sync + 'static) -> Self {
        // A port that is free for UDP may be taken for TCP: take the next then.
        for _ in 0..100 {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let address = udp.local_addr().unwrap();
            if let Ok(tcp) = TcpListener::bind(address).await {
                return Self::serve(udp, Some(tcp), Arc::new(behave));
            }
        }
        panic!("no port is free for both UDP and TCP");
    }

    /// Starts a stub that does not listen on TCP.
    pub async fn without_tcp(behave: impl Fn(&Asked) -> Reaction + Send + Sync + 'static) -> Self {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        Self::serve(udp, None, Arc::new(behave))
    }

    /// Starts a stub that gives every name this address.
    pub async fn with_address(ip: &'static str) -> Self {
        Self::start(move |asked| asked.with_address(ip)).await
    }

    fn serve(udp: UdpSocket, tcp: Option<TcpListener>, behave: Behaviour) -> Self {
        let address = udp.local_addr().unwrap();
        let seen = Arc::default();
        let desk = Desk {
            seen: Arc::clone(&seen),
            behave,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, desk.clone()));
        if let Some(tcp) = tcp {
            tasks.spawn(serve_tcp(tcp, desk));
        }
        Self {
            address,
            seen,
            _tasks: tasks,
        }
    }

    /// All queries so far.
    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }

    /// As it is written in the config: `udp://127.0.0.1:5300`.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }
}

/// Takes queries, notes them, and says what to do.
#[derive(Clone)]
pub struct Desk {
    seen: Arc<Mutex<Vec<Asked>>>,
    behave: Behaviour,
}

impl Desk {
    /// A desk without a stub, for other transports.
    pub fn new(behave: impl Fn(&Asked) -> Reaction + Send + Sync + 'static) -> Self {
        Self {
            seen: Arc::default(),
            behave: Arc::new(behave),
        }
    }

    /// All queries so far.
    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }

    /// The bytes to send back for `query`, one after the other; `None` closes.
    pub async fn answer(
        &self,
        query: &[u8],
        transport: Transport,
        source: SocketAddr,
        connection: usize,
    ) -> Option<Vec<Vec<u8>>> {
        let message = Message::from_vec(query).unwrap();
        let question = message.queries[0].clone();
        let asked = {
            let mut seen = self.seen.lock().unwrap();
            let asked = Asked {
                name: question
                    .name()
                    .to_ascii()
                    .trim_end_matches('.')
                    .to_ascii_lowercase(),
                kind: RecordType(question.query_type().into()),
                transport,
                source,
                number: seen.len(),
                connection,
                message,
            };
            seen.push(asked.clone());
            asked
        };
        let mut reaction = (self.behave)(&asked);
        loop {
            reaction = match reaction {
                Reaction::Later(when, then) => {
                    when.notified().await;
                    *then
                }
                Reaction::After(delay, then) => {
                    tokio::time::sleep(delay).await;
                    *then
                }
                other => {
                    reaction = other;
                    break;
                }
            };
        }
        let mut reply = asked.reply();
        match reaction {
            Reaction::Records(records) => {
                reply.add_answers(records);
            }
            Reaction::Code(code) => reply.metadata.response_code = code,
            Reaction::Message(message) => reply = *message,
            Reaction::Raw(messages) => return Some(messages),
            Reaction::Silence => return Some(Vec::new()),
            Reaction::Close | Reaction::Later(..) | Reaction::After(..) => return None,
        }
        reply.metadata.id = asked.message.metadata.id;
        reply.metadata.recursion_available = true;
        Some(vec![reply.to_vec().unwrap()])
    }
}

async fn serve_udp(socket: UdpSocket, desk: Desk) {
    let socket = Arc::new(socket);
    let mut tasks = JoinSet::new();
    let mut buffer = [0; 4096];
    while let Ok((len, source)) = socket.recv_from(&mut buffer).await {
        let (query, desk, socket) = (buffer[..len].to_vec(), desk.clone(), Arc::clone(&socket));
        tasks.spawn(async move {
            let replies = desk.answer(&query, Transport::Udp, source, 0).await;
            for reply in replies.unwrap_or_default() {
                socket.send_to(&reply, source).await.unwrap();
            }
        });
    }
}

async fn serve_tcp(listener: TcpListener, desk: Desk) {
    let mut tasks = JoinSet::new();
    let mut connection = 0;
    while let Ok((stream, source)) = listener.accept().await {
        tasks.spawn(serve_stream::<TcpStream>(
            stream,
            source,
            connection,
            desk.clone(),
        ));
        connection += 1;
    }
}

/// Serves one connection of framed messages; each query is answered when its answer is there.
pub async fn serve_stream<S>(stream: S, source: SocketAddr, connection: usize, desk: Desk)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (sender, mut replies) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(Some(messages)) = replies.recv().await {
            for message in messages {
                let message: Vec<u8> = message;
                let len = u16::try_from(message.len()).unwrap().to_be_bytes();
                let framed = [&len, message.as_slice()].concat();
                if writer.write_all(&framed).await.is_err() {
                    return;
                }
            }
        }
        let _ = writer.shutdown().await;
    });
    while let Ok(len) = reader.read_u16().await {
        let mut query = vec![0; len.into()];
        if reader.read_exact(&mut query).await.is_err() {
            return;
        }
        let (desk, sender) = (desk.clone(), sender.clone());
        tasks.spawn(async move {
            let answer = desk
                .answer(&query, Transport::Tcp, source, connection)
                .await;
            // Nobody is left to tell when the connection is gone.
            let _ = sender.send(answer);
        });
    }
}
