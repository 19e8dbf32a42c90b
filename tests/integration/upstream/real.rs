//! Debian's unbound as the upstream: a server that nobody here wrote, over each of its transports.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Message;
use squelch::query::RecordType;
use squelch::upstream::{Shared, Upstreams};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::interval;

use super::encrypted::{NAME, trusting, within};
use super::{LONG, addresses, config_of, query};
use crate::certificate::Made;

/// A running unbound; it ends when it is dropped.
struct Unbound {
    child: Child,
    folder: TempDir,
    plain: u16,
    tls: u16,
    https: u16,
}

impl Drop for Unbound {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Unbound {
    /// Starts one that knows `home.example` and a text that no datagram holds.
    async fn start(made: &Made) -> Self {
        // A port that was free may be taken by the time it is wanted.
        let mut log = String::new();
        for _ in 0..5 {
            let mut server = Self::launch(made);
            if server.is_up().await {
                return server;
            }
            log = fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
        }
        panic!("unbound does not start: {log}");
    }

    fn launch(made: &Made) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [plain, tls, https] = [(); 3].map(|()| free_port());
        write_pem(
            &folder.path().join("cert.pem"),
            "CERTIFICATE",
            &made.certificate,
        );
        let key = made.key.secret_der();
        write_pem(&folder.path().join("key.pem"), "PRIVATE KEY", key);
        let parts = (0..9).map(|part| format!("\"{part}{}\"", "x".repeat(240)));
        let text = parts.collect::<Vec<_>>().join(" ");
        let config = format!(
            "server:\ndirectory: \"{0}\"\nchroot: \"\"\nusername: \"\"\npidfile: \"\"\n\
             use-syslog: no\nlogfile: \"{0}/log\"\nnum-threads: 1\nport: {plain}\n\
             interface: 127.0.0.1@{plain}\ninterface: 127.0.0.1@{tls}\n\
             interface: 127.0.0.1@{https}\ntls-port: {tls}\nhttps-port: {https}\n\
             http-endpoint: \"/dns-query\"\ntls-service-pem: \"{0}/cert.pem\"\n\
             tls-service-key: \"{0}/key.pem\"\nmodule-config: \"iterator\"\n\
             local-zone: \"example.\" static\n\
             local-data: \"home.example. 300 IN A 192.0.2.1\"\n\
             local-data: 'long.example. 300 IN TXT {1}'\n\
             remote-control:\ncontrol-enable: no\n",
            folder.path().display(),
            text,
        );
        let file = folder.path().join("unbound.conf");
        fs::write(&file, config).unwrap();
        let run = |program| {
            Command::new(program)
                .args(["-d", "-p", "-c"])
                .arg(&file)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
        };
        // Debian has it where only root looks.
        let child = run("unbound").or_else(|_| run("/usr/sbin/unbound"));
        let child = child.unwrap_or_else(|error| {
            panic!("unbound cannot be run ({error}); this test asks it: apt-get install unbound")
        });
        Self {
            child,
            folder,
            plain,
            tls,
            https,
        }
    }

    /// Waits until it takes connections, or ends.
    async fn is_up(&mut self) -> bool {
        let mut looks = interval(Duration::from_millis(20));
        for port in [self.plain, self.tls, self.https] {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                if self.child.try_wait().unwrap().is_some() {
                    return false;
                }
                looks.tick().await;
            }
        }
        true
    }

    /// Its addresses, with this name in the certificate.
    fn encrypted(&self, name: &str) -> [String; 2] {
        [
            format!("tls://127.0.0.1:{}#{name}", self.tls),
            format!("https://127.0.0.1:{}/dns-query#{name}", self.https),
        ]
    }

    fn plain(&self) -> [String; 2] {
        ["udp", "tcp"].map(|scheme| format!("{scheme}://127.0.0.1:{}", self.plain))
    }
}

fn free_port() -> u16 {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = udp.local_addr().unwrap();
        if TcpListener::bind(address).is_ok() {
            return address.port();
        }
    }
}

fn write_pem(file: &Path, kind: &str, der: &[u8]) {
    let body = base64(der);
    let text = format!("-----BEGIN {kind}-----\n{body}-----END {kind}-----\n");
    fs::write(file, text).unwrap();
}

/// RFC 4648 §4, in lines of 64.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (number, three) in bytes.chunks(3).enumerate() {
        let mut word = [0; 4];
        word[1..=three.len()].copy_from_slice(three);
        let word = u32::from_be_bytes(word);
        for digit in 0..4 {
            let sextet = (word >> (18 - 6 * digit)) & 63;
            let is_filler = digit > three.len();
            text.push(if is_filler {
                '='
            } else {
                DIGITS[sextet as usize].into()
            });
        }
        if number % 16 == 15 {
            text.push('\n');
        }
    }
    text.trim_end().to_owned() + "\n"
}

#[tokio::test]
async fn unbound_answers_over_udp_tcp_tls_and_https() {
    let made = Made::good(NAME);
    let server = Unbound::start(&made).await;
    for url in server.plain().into_iter().chain(server.encrypted(NAME)) {
        let config = config_of(std::slice::from_ref(&url), LONG);
        let upstreams = within(&trusting(&made.certificate), &config);
        for _ in 0..3 {
            let reply = upstreams.ask(&query("home.example")).await.unwrap();
            assert_eq!(addresses(&reply), ["192.0.2.1"], "{url}");
        }
        let mut long = query("long.example");
        long.kind = RecordType::TXT;
        let reply = upstreams.ask(&long).await.unwrap();
        let message = Message::from_vec(&reply.message).unwrap();
        assert_eq!(message.answers.len(), 1, "{url}");
        assert!(reply.message.len() > 2000, "{url}");
        let nothing = upstreams.ask(&query("none.example")).await.unwrap();
        let message = Message::from_vec(&nothing.message).unwrap();
        assert_eq!(
            message.metadata.response_code.to_string(),
            "Non-Existent Domain"
        );
    }
}

/// What is told when unbound has this certificate, and is asked as `name`.
async fn refusals(made: &Made, trusted: &Made, name: &str) -> Vec<String> {
    let server = Unbound::start(made).await;
    let mut told = Vec::new();
    for url in server.encrypted(name) {
        let config = config_of(&[url], LONG);
        let shared = Arc::new(Shared::new(&config));
        let surroundings = trusting(&trusted.certificate);
        let upstreams = Upstreams::within(&surroundings, &config, Arc::clone(&shared));
        let error = upstreams.ask(&query("home.example")).await.unwrap_err();
        assert_eq!(error.ede(), 23);
        let text = error.to_string();
        assert!(text.contains("its certificate is refused: "), "{text}");
        let figures = &shared.figures()[0];
        let kept = figures.last_error.clone().unwrap();
        assert!(text.ends_with(&kept) && !figures.is_usable, "{kept}");
        told.push(kept);
    }
    told
}

#[tokio::test]
async fn a_certificate_of_unbound_for_another_name_is_refused_and_named() {
    let made = Made::good(NAME);
    for text in refusals(&made, &made, "other.example").await {
        assert!(text.contains("other.example"), "{text}");
        assert!(text.contains(NAME), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_of_unbound_that_has_expired_is_refused_and_named() {
    let made = Made::expired(NAME);
    for text in refusals(&made, &made, NAME).await {
        assert!(text.contains("expired"), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_of_unbound_that_nobody_known_vouches_for_is_refused_and_named() {
    for text in refusals(&Made::good(NAME), &Made::good(NAME), NAME).await {
        // Both authorities have the same name: it is the key that is not known.
        let is_named = ["UnknownIssuer", "BadSignature"].map(|word| text.contains(word));
        assert!(is_named.contains(&true), "{text}");
    }
}
