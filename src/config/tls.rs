//! `[dns.tls]`: where encrypted DNS is served, and under which certificate.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::problem::{Place, Problem};
use super::section::Section;
use super::value;

/// Where encrypted DNS is served, and under which certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// What people brought; without it a certificate is made in `data_dir`.
    pub certificate: Option<CertificateFiles>,
    /// Addresses for DNS over TLS.
    pub dot: Vec<SocketAddr>,
    /// Addresses for DNS over HTTPS.
    pub doh: Vec<SocketAddr>,
    /// Addresses for the same over HTTP/3.
    pub doh3: Vec<SocketAddr>,
    /// Addresses for DNS over QUIC.
    pub doq: Vec<SocketAddr>,
}

/// A certificate and its key, in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, then those that vouch for it.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Where the certificate stands in the config.
    pub place: Place,
}

impl Default for Tls {
    fn default() -> Self {
        let all = |port| vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))];
        Self {
            certificate: None,
            dot: all(853),
            doh: all(443),
            doh3: all(443),
            doq: all(853),
        }
    }
}

impl Tls {
    /// Reads the section, which has to stand there to count.
    pub(super) fn read(dns: &mut Section<'_>, base: &Path) -> Option<Self> {
        let item = dns.take("tls")?;
        let tls = dns.inner("tls", "tls", item, |section| {
            let default = Self::default();
            Self {
                certificate: CertificateFiles::read(section, base),
                dot: section.values("dot", default.dot, value::socket),
                doh: section.values("doh", default.doh, value::socket),
                doh3: section.values("doh3", default.doh3, value::socket),
                doq: section.values("doq", default.doq, value::socket),
            }
        });
        Some(tls)
    }
}

impl CertificateFiles {
    fn read(section: &mut Section<'_>, base: &Path) -> Option<Self> {
        let item = section.take("certificate");
        let place = item.as_ref().map_or(section.place(), |item| &item.place);
        let place = place.clone();
        let path = |item: &_| value::path(item, base);
        let is_given = item.is_some();
        let certificate = item.and_then(|item| section.check("certificate", &item, path));
        let key = section.take("key");
        match (is_given, &key) {
            (true, None) => section.wrong("key", "is missing: write the file of the key"),
            (false, Some(_)) => {
                let message = "is missing: write the file of the certificate for this key";
                section.wrong("certificate", message);
            }
            _ => {}
        }
        let key = key.and_then(|item| section.check("key", &item, path));
        Some(Self {
            certificate: certificate?,
            key: key?,
            place,
        })
    }

    /// What is wrong with the two files, told at their place in the config.
    pub fn problem(&self, what: &dyn std::fmt::Display) -> Problem {
        Problem {
            place: self.place.clone(),
            key: "dns.tls.certificate".to_owned(),
            message: format!("with dns.tls.key: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn read(text: &str) -> Result<Option<Tls>, String> {
        let config = Config::from_text(text, Path::new("/etc/squelch/config.toml"), &[]);
        config
            .map(|config| config.dns.tls)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn encrypted_dns_is_served_where_its_section_stands() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("[dns.tls]"), Ok(Some(Tls::default())));
        let tls = read("[dns.tls]\ndoh = []\ndot = \"[::1]:853\"").unwrap();
        let tls = tls.unwrap();
        assert_eq!(tls.doh, []);
        assert_eq!(tls.dot, ["[::1]:853".parse().unwrap()]);
    }

    #[test]
    fn a_certificate_has_a_key() {
        let both = "[dns.tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\"";
        let files = read(both).unwrap().unwrap().certificate.unwrap();
        assert_eq!(files.certificate, Path::new("/etc/squelch/a.pem"));
        assert_eq!(files.key, Path::new("/etc/squelch/b.pem"));
        assert_eq!(files.place.line, Some(2));
        let problem = read("[dns.tls]\ncertificate = \"a.pem\"").unwrap_err();
        assert!(problem.contains("dns.tls.key is missing"), "{problem}");
        let problem = read("[dns.tls]\nkey = \"b.pem\"").unwrap_err();
        assert!(
            problem.contains("dns.tls.certificate is missing"),
            "{problem}"
        );
    }
}
