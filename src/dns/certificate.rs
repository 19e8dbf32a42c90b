//! The certificate that encrypted DNS is served under: people's own, or one made here.
//!
//! It is swapped whole when its files change, so that no connection is lost. Start at
//! [`Certificates::open`].

mod made;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigProblems, Stamp, Tls};

/// A new certificate is in force after this long at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("reading {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file has no certificate.
    #[error("{} has no certificate in PEM form", .0.display())]
    NoCertificate(PathBuf),
    /// A file has no key.
    #[error("{} has no private key in PEM form", .0.display())]
    NoKey(PathBuf),
    /// The two do not belong together, or are damaged.
    #[error("{} and the key {}: {source}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the code that encrypts said.
        source: rustls::Error,
    },
    /// None could be made.
    #[error("making a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// The certificate in force; what every handshake asks.
#[derive(Debug)]
pub struct Certificates {
    files: Files,
    /// For whom one is made here; `None` = people bring theirs.
    domain: Option<String>,
    current: ArcSwap<Current>,
    /// What the files were like when they were read last, once a change would show.
    seen: Mutex<Option<[Stamp; 2]>>,
    /// What was last wrong with the files, so that it is told once.
    wrong: Mutex<String>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug)]
struct Current {
    certified: Arc<CertifiedKey>,
    /// The names that it is for; `*.` at the start stands for one label.
    names: Vec<String>,
}

/// Whether the certificate and key of the config can be served.
pub fn check_certificate(tls: &Tls) -> Result<(), ConfigProblems> {
    let Some(own) = &tls.certificate else {
        return Ok(());
    };
    match Current::read(&own.certificate, &own.key) {
        Ok(_) => Ok(()),
        Err(error) => Err(ConfigProblems(vec![own.problem(&error)])),
    }
}

impl Certificates {
    /// Reads the config's certificate, or the one that was made before, or makes one.
    pub fn open(tls: &Tls, config: &Config) -> Result<Arc<Self>, CertificateError> {
        let (files, current, domain) = if let Some(own) = &tls.certificate {
            let current = Current::read(&own.certificate, &own.key)?;
            let (certificate, key) = (own.certificate.clone(), own.key.clone());
            (Files { certificate, key }, current, None)
        } else {
            let files = Files {
                certificate: config.data_dir.join("certificate.pem"),
                key: config.data_dir.join("key.pem"),
            };
            let current = match Current::read(&files.certificate, &files.key) {
                Ok(current) if !made::is_old(&files.certificate) => current,
                _ => made::make(&files, &config.local.domain)?,
            };
            (files, current, Some(config.local.domain.clone()))
        };
        Ok(Arc::new(Self {
            files,
            domain,
            current: ArcSwap::from_pointee(current),
            seen: Mutex::default(),
            wrong: Mutex::default(),
        }))
    }

    /// Reads the files again. Says whether there is another certificate; what cannot be served is
    /// told, and the one before stays in force.
    pub fn reload(&self) -> bool {
        let read = Current::read(&self.files.certificate, &self.files.key);
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(new) => {
                wrong.clear();
                let has_changed = new.certified.cert != self.current.load().certified.cert;
                if has_changed {
                    self.current.store(Arc::new(new));
                    tracing::info!("a new certificate is in force");
                }
                has_changed
            }
            Err(error) => {
                let text = error.to_string();
                if *wrong != text {
                    tracing::warn!(error = text, "the certificate of before stays in force");
                    *wrong = text;
                }
                false
            }
        }
    }

    /// Renews a certificate of our own in time, and reads files that have changed.
    fn look(&self) {
        if let Some(domain) = &self.domain
            && made::is_old(&self.files.certificate)
        {
            match made::make(&self.files, domain) {
                Ok(made) => self.current.store(Arc::new(made)),
                Err(error) => tracing::warn!(%error, "our own certificate is an old one"),
            }
            return;
        }
        let now = SystemTime::now();
        let files = [&self.files.certificate, &self.files.key];
        let stamps = files.map(|file| Stamp::of(file).ok());
        let stamps = match stamps {
            [Some(certificate), Some(key)] => Some([certificate, key]),
            _ => None,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if stamps.is_some() && *seen == stamps {
            return;
        }
        *seen = stamps.filter(|stamps| stamps.iter().all(|stamp| stamp.is_settled(now)));
        drop(seen);
        self.reload();
    }

    /// Watches the files until told to stop.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let certificates = Arc::clone(&self);
            let look = tokio::task::spawn_blocking(move || certificates.look());
            if look.await.is_err() {
                tracing::error!("the certificate's files could not be looked at");
            }
        }
    }

    /// The name that a device gives itself by the name that it asks the server for, in lower case:
    /// the first label, where the rest is a name of the certificate, or is below its star.
    pub(super) fn device_in(&self, server_name: &str) -> Option<String> {
        let server_name = server_name.to_ascii_lowercase();
        let (label, rest) = server_name.split_once('.')?;
        let current = self.current.load();
        let has = |name: &str| current.names.iter().any(|own| own == name);
        let is_below = || {
            let mut names = current.names.iter();
            has(rest) || names.any(|own| own.strip_prefix("*.") == Some(rest))
        };
        (!has(&server_name) && is_below()).then(|| label.to_owned())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load().certified))
    }
}

impl Current {
    fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| CertificateError::NoCertificate(certificate.to_owned()))?;
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate(certificate.to_owned()));
        }
        let private = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|_| CertificateError::NoKey(key.to_owned()))?;
        Self::new(chain, private).map_err(|source| CertificateError::Unusable {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        })
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = rustls::crypto::ring::default_provider();
        let certified = CertifiedKey::from_der(chain, key, &provider)?;
        let own = webpki::EndEntityCert::try_from(certified.end_entity_cert()?);
        let names = own.map_or_else(
            |_| Vec::new(),
            |own| own.valid_dns_names().map(str::to_ascii_lowercase).collect(),
        );
        Ok(Self {
            certified: Arc::new(certified),
            names,
        })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(file).map_err(|source| CertificateError::Read {
        file: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::CertificateFiles;
    use crate::config::Place;

    fn write(folder: &Path, names: &[&str]) -> Tls {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let place = Place {
            origin: "config.toml".into(),
            line: Some(7),
        };
        Tls {
            certificate: Some(CertificateFiles {
                certificate,
                key,
                place,
            }),
            ..Tls::default()
        }
    }

    fn chain(certificates: &Certificates) -> Vec<CertificateDer<'static>> {
        certificates.current.load().certified.cert.clone()
    }

    fn in_folder(folder: &Path) -> Config {
        Config {
            data_dir: folder.join("data"),
            ..Config::default()
        }
    }

    #[test]
    fn a_certificate_with_the_key_of_another_is_refused_with_both_files_named() {
        let folder = tempfile::tempdir().unwrap();
        let tls = write(folder.path(), &["dns.example"]);
        assert_eq!(check_certificate(&tls), Ok(()));
        let other = rcgen::KeyPair::generate().unwrap();
        fs::write(folder.path().join("key.pem"), other.serialize_pem()).unwrap();
        let problem = check_certificate(&tls).unwrap_err().to_string();
        for part in ["config.toml:7: dns.tls.certificate", "cert.pem", "key.pem"] {
            assert!(problem.contains(part), "{problem}");
        }
    }

    #[test]
    fn files_without_certificate_or_key_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let tls = write(folder.path(), &["dns.example"]);
        fs::write(folder.path().join("key.pem"), "no key").unwrap();
        let problem = check_certificate(&tls).unwrap_err().to_string();
        assert!(problem.contains("key.pem has no private key"), "{problem}");
        fs::write(folder.path().join("cert.pem"), "none").unwrap();
        let problem = check_certificate(&tls).unwrap_err().to_string();
        assert!(problem.contains("cert.pem has no certificate"), "{problem}");
        fs::remove_file(folder.path().join("cert.pem")).unwrap();
        let problem = check_certificate(&tls).unwrap_err().to_string();
        assert!(problem.contains("reading"), "{problem}");
    }

    #[test]
    fn a_new_certificate_comes_in_force_and_a_broken_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let tls = write(folder.path(), &["dns.example"]);
        let certificates = Certificates::open(&tls, &in_folder(folder.path())).unwrap();
        let first = chain(&certificates);
        assert!(!certificates.reload());
        fs::write(folder.path().join("key.pem"), "half written").unwrap();
        assert!(!certificates.reload());
        assert_eq!(chain(&certificates), first);
        write(folder.path(), &["dns.example"]);
        assert!(certificates.reload());
        assert_ne!(chain(&certificates), first);
    }

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let config = in_folder(folder.path());
        let first = Certificates::open(&Tls::default(), &config).unwrap();
        let key = config.data_dir.join("key.pem");
        let mode = fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Certificates::open(&Tls::default(), &config).unwrap();
        assert_eq!(chain(&first), chain(&second));
        let names = &first.current.load().names;
        assert!(names.contains(&"localhost".to_owned()), "{names:?}");
        // A damaged one is made again.
        fs::write(&key, "").unwrap();
        let third = Certificates::open(&Tls::default(), &config).unwrap();
        assert_ne!(chain(&first), chain(&third));
    }

    /// Has a file say that it was written so long ago.
    fn age(file: &Path, age: Duration) {
        let file = fs::File::options().append(true).open(file).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn a_made_certificate_is_made_again_after_two_years_at_a_start_or_while_it_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let config = in_folder(folder.path());
        let made = config.data_dir.join("certificate.pem");
        let two_years = Duration::from_hours(24 * 731);
        let first = Certificates::open(&Tls::default(), &config).unwrap();
        age(&made, two_years);
        let second = Certificates::open(&Tls::default(), &config).unwrap();
        assert_ne!(chain(&first), chain(&second));
        let before = chain(&second);
        second.look();
        assert_eq!(chain(&second), before);
        age(&made, two_years);
        second.look();
        assert_ne!(chain(&second), before);
        let third = Certificates::open(&Tls::default(), &config).unwrap();
        assert_eq!(chain(&second), chain(&third));
    }

    #[test]
    fn files_are_read_again_only_when_they_changed() {
        let folder = tempfile::tempdir().unwrap();
        let tls = write(folder.path(), &["dns.example"]);
        let certificates = Certificates::open(&tls, &in_folder(folder.path())).unwrap();
        let first = chain(&certificates);
        let key = folder.path().join("key.pem");
        let hour = Duration::from_hours(1);
        for file in [folder.path().join("cert.pem"), key.clone()] {
            age(&file, hour);
        }
        certificates.look();
        assert!(certificates.seen.lock().unwrap().is_some());
        write(folder.path(), &["dns.example"]);
        certificates.look();
        assert_ne!(chain(&certificates), first);
        // It was written just now, and may change again in the same tick.
        assert!(certificates.seen.lock().unwrap().is_none());
    }

    #[test]
    fn a_device_is_named_by_the_label_below_the_names_of_the_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let tls = write(folder.path(), &["dns.example", "*.home.example"]);
        let certificates = Certificates::open(&tls, &in_folder(folder.path())).unwrap();
        let cases = [
            ("dns.example", None),
            ("Kids-Tablet.dns.example", Some("kids-tablet")),
            ("tv.home.example", Some("tv")),
            ("a.tv.home.example", None),
            ("tv.other.example", None),
            ("localhost", None),
        ];
        for (name, device) in cases {
            assert_eq!(certificates.device_in(name).as_deref(), device, "{name}");
        }
    }
}
