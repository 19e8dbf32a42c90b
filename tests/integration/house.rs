//! A whole server on loopback, over an upstream that does as it is told, and a device that asks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RecordType};
use reqwest::Method;
use serde_json::Value;
use squelch::app::{self, App};
use squelch::config::Config;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::stub::Stub;

/// A running server and its surroundings.
pub struct House {
    pub app: App,
    pub stub: Stub,
    /// The second upstream, where there is one.
    _other: Option<Stub>,
    /// What the config says of upstreams.
    upstream: String,
    pub config: Config,
    folder: TempDir,
}

impl House {
    /// A server with two blocking packs over a stub that gives every name one address.
    pub async fn start() -> Self {
        Self::with(Stub::with_address("192.0.2.99").await, "").await
    }

    /// A server over this stub; `config` follows the sections that every test needs.
    pub async fn with(stub: Stub, config: &str) -> Self {
        let upstream = format!("servers = [\"{}\"]", stub.url("udp"));
        Self::over((stub, None), upstream, config).await
    }

    /// A server over this stub, with these bootstrap servers.
    pub async fn with_bootstrap(stub: Stub, bootstrap: &str) -> Self {
        let url = stub.url("udp");
        let upstream = format!("servers = [\"{url}\"]\nbootstrap = {bootstrap}");
        Self::over((stub, None), upstream, "").await
    }

    /// A server over two stubs, which gives up after half a second.
    pub async fn with_two(stubs: [Stub; 2], config: &str) -> Self {
        let urls = stubs.each_ref().map(|stub| stub.url("udp"));
        let [stub, other] = stubs;
        let upstream = format!("servers = {urls:?}\ntimeout = \"500ms\"");
        Self::over((stub, Some(other)), upstream, config).await
    }

    async fn over((stub, other): (Stub, Option<Stub>), upstream: String, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (app, config) = start(&upstream, folder.path(), config).await;
        Self {
            app,
            stub,
            _other: other,
            upstream,
            config,
            folder,
        }
    }

    /// Stops the server, and starts it again on the same data.
    pub async fn restart(self, config: &str) -> Self {
        self.app.stop().await;
        let (app, config) = start(&self.upstream, self.folder.path(), config).await;
        Self {
            app,
            config,
            ..self
        }
    }

    /// Stops the server, does this, and starts the server again on the same data.
    pub async fn stopped(self, change: impl FnOnce()) -> Self {
        self.app.stop().await;
        change();
        let (app, config) = start(&self.upstream, self.folder.path(), "").await;
        Self {
            app,
            config,
            ..self
        }
    }

    /// Where the server keeps its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn dns(&self) -> SocketAddr {
        self.app.dns()[0]
    }

    /// Asks over UDP from 127.0.0.1, with EDNS.
    pub async fn ask(&self, name: &str, kind: RecordType) -> Message {
        self.send(&question(name, kind)).await
    }

    /// Sends a message over UDP from 127.0.0.1 and gives the answer.
    pub async fn send(&self, message: &Message) -> Message {
        let bytes = self
            .send_bytes(Ipv4Addr::LOCALHOST.into(), &message.to_vec().unwrap())
            .await;
        Message::from_vec(&bytes).unwrap()
    }

    /// Sends bytes over UDP from this address and gives what comes back.
    pub async fn send_bytes(&self, from: IpAddr, bytes: &[u8]) -> Vec<u8> {
        let socket = UdpSocket::bind((from, 0)).await.unwrap();
        socket.connect(self.dns()).await.unwrap();
        socket.send(bytes).await.unwrap();
        let mut answer = vec![0; 65_535];
        let length = socket.recv(&mut answer).await.unwrap();
        answer.truncate(length);
        answer
    }

    /// Sends a request to the API; gives the status, and the body where there is one.
    pub async fn api(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("http://{}/api/v1/{path}", self.app.web()[0]);
        let request = reqwest::Client::new().request(method, url).json(&body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// A connection over TCP.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.dns()).await.unwrap()
    }
}

async fn start(upstream: &str, folder: &Path, config: &str) -> (App, Config) {
    let text = format!(
        "data_dir = \"{}\"\n\
         [upstream]\n{upstream}\n\
         [packs]\nxiaomi = \"block\"\noneplus = \"block\"\n{config}\n",
        folder.display(),
    );
    let mut variables = vec![("SQUELCH_WEB__LISTEN".to_owned(), "127.0.0.1:0".to_owned())];
    if !config.contains("[dns]\nlisten") {
        variables.push(("SQUELCH_DNS__LISTEN".to_owned(), "127.0.0.1:0".to_owned()));
    }
    let config = Config::from_text(&text, &folder.join("config.toml"), &variables).unwrap();
    let parts = app::prepare(config.clone()).unwrap();
    (app::start(parts).await.unwrap(), config)
}

/// A query with RD and EDNS.
pub fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::new(0x5153, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message.edns = Some(Edns::new());
    message
}

/// Writes a framed message.
pub async fn write_frame(stream: &mut (impl AsyncWrite + Unpin), message: &[u8]) {
    let mut framed = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    framed.extend_from_slice(message);
    stream.write_all(&framed).await.unwrap();
}

/// Reads a framed message.
pub async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> Message {
    let length = stream.read_u16().await.unwrap();
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await.unwrap();
    Message::from_vec(&bytes).unwrap()
}

/// The code and text of the answer's extended error.
pub fn extended_error(message: &Message) -> Option<(u16, String)> {
    let options = message.edns.as_ref()?.options();
    match options.get(EdnsCode::Unknown(15))? {
        EdnsOption::Unknown(_, bytes) => {
            let (code, text) = bytes.split_first_chunk()?;
            Some((
                u16::from_be_bytes(*code),
                String::from_utf8(text.to_vec()).unwrap(),
            ))
        }
        _ => None,
    }
}

/// The answer's code and its records' data as text.
pub fn told(message: &Message) -> (ResponseCode, Vec<String>) {
    let data = message
        .answers
        .iter()
        .map(|record| record.data.to_string())
        .collect();
    (message.metadata.response_code, data)
}
