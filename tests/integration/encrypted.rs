//! Encrypted DNS for devices, end to end.

mod doh;
mod dot;
mod quic;

use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Message;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::house::House;
use crate::stub::{Reaction, Stub};

/// What the certificate of these tests is for, with all names one label below.
const NAME: &str = "dns.example";
/// How long the stub takes for names that begin with `slow`.
const SLOW: Duration = Duration::from_millis(500);

/// A server, and the folder of its certificate.
struct Home {
    house: House,
    _folder: TempDir,
}

impl Deref for Home {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

/// A server with everything encrypted, and a certificate that people brought.
async fn house(config: &str) -> Home {
    let folder = tempfile::tempdir().unwrap();
    Home {
        house: house_in(folder.path(), config).await,
        _folder: folder,
    }
}

/// The same with its certificate in this folder.
async fn house_in(folder: &Path, config: &str) -> House {
    write_certificate(folder);
    let stub = Stub::start(|asked| {
        let reaction = asked.with_address("192.0.2.99");
        if asked.name.starts_with("slow") {
            Reaction::After(SLOW, Box::new(reaction))
        } else {
            reaction
        }
    })
    .await;
    let config = format!(
        "[dns.tls]\ncertificate = \"{0}/cert.pem\"\nkey = \"{0}/key.pem\"\n\
         dot = \"127.0.0.1:0\"\ndoh = \"127.0.0.2:0\"\ndoh3 = \"127.0.0.1:0\"\ndoq = \"127.0.0.1:0\"\n{config}",
        folder.display(),
    );
    House::with(stub, &config).await
}

fn write_certificate(folder: &Path) {
    let names = vec![NAME.to_owned(), format!("*.{NAME}")];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

/// A device that trusts the certificate of the server as it is now.
fn trusting(house: &House, protocol: &[u8]) -> Arc<rustls::ClientConfig> {
    let tls = house.config.dns.tls.as_ref().unwrap();
    let file = &tls.certificate.as_ref().unwrap().certificate;
    trusting_file(file, protocol)
}

fn trusting_file(file: &Path, protocol: &[u8]) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(file).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(tls)
}

async fn connect(
    address: SocketAddr,
    name: &str,
    tls: &Arc<rustls::ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::clone(tls))
        .connect(name, stream)
        .await
}

/// What a program says, for as long as which the server goes on.
async fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output
        .await
        .unwrap()
        .unwrap_or_else(|error| panic!("{program}: {error}; `make test` installs what tests need"));
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// The padding of an answer, in bytes.
fn padding(message: &Message) -> Option<usize> {
    let edns = message.edns.as_ref()?;
    match edns.option(12.into())? {
        hickory_proto::rr::rdata::opt::EdnsOption::Unknown(_, bytes) => Some(bytes.len()),
        _ => None,
    }
}
