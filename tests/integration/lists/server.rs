//! A web server that does as it is told, also what no server should do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use url::Url;

/// What is done when a path is asked for.
#[derive(Clone)]
pub enum Reply {
    /// These bytes, head and all; then the connection is closed.
    Bytes(Vec<u8>),
    /// The list, unless the request says that it has this version of it.
    Tagged(&'static str, &'static str),
    /// Nothing, for ever.
    Silence,
    /// The head, then so many bytes, then nothing for ever.
    Stall(Vec<u8>),
    /// The head, then this piece again and again, until nobody takes it.
    Endless(Vec<u8>, Vec<u8>),
}

pub struct Server {
    address: SocketAddr,
    replies: Arc<Mutex<HashMap<String, Reply>>>,
    requests: Arc<Mutex<Vec<String>>>,
    _accepting: AbortOnDropHandle<()>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let replies: Arc<Mutex<HashMap<String, Reply>>> = Arc::default();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let tasks = TaskTracker::new();
        let (known, seen) = (Arc::clone(&replies), Arc::clone(&requests));
        let connections = tasks.clone();
        let accepting = tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&known), Arc::clone(&seen)));
            }
        });
        Self {
            address,
            replies,
            requests,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }

    pub fn url(&self, host: &str, path: &str) -> Url {
        let port = self.address.port();
        format!("http://{host}:{port}{path}").parse().unwrap()
    }

    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// What a path is answered from now on.
    pub fn reply(&self, path: &str, reply: Reply) {
        self.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    pub fn serve(&self, path: &str, body: impl AsRef<[u8]>) {
        self.reply(path, Reply::Bytes(answer("200 OK", "", body.as_ref())));
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A whole answer; `headers` are lines with their ends.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

async fn serve(
    mut stream: TcpStream,
    replies: Arc<Mutex<HashMap<String, Reply>>>,
    requests: Arc<Mutex<Vec<String>>>,
) {
    let Some(head) = read_head(&mut stream).await else {
        return;
    };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    requests.lock().unwrap().push(head.clone());
    let reply = replies.lock().unwrap().get(&path).cloned();
    // Those who ask may go at any time.
    let _ = match reply {
        None => {
            stream
                .write_all(&answer("404 Not Found", "", b"gone"))
                .await
        }
        Some(Reply::Bytes(bytes)) => stream.write_all(&bytes).await,
        Some(Reply::Tagged(tag, body)) => {
            let has_it = head
                .to_lowercase()
                .contains(&format!("if-none-match: {tag}"));
            let etag = format!("ETag: {tag}\r\n");
            let bytes = if has_it {
                answer("304 Not Modified", &etag, b"")
            } else {
                answer("200 OK", &etag, body.as_bytes())
            };
            stream.write_all(&bytes).await
        }
        Some(Reply::Silence) => wait_for_the_end(&mut stream).await,
        Some(Reply::Stall(bytes)) => {
            let _ = stream.write_all(&bytes).await;
            wait_for_the_end(&mut stream).await
        }
        Some(Reply::Endless(head, piece)) => {
            let mut written = stream.write_all(&head).await;
            while written.is_ok() {
                written = stream.write_all(&piece).await;
            }
            written
        }
    };
    let _ = stream.shutdown().await;
}

async fn wait_for_the_end(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = [0; 64];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}
