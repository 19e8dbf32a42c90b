//! A certificate of our own making, kept in the data folder, for homes that bring none.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::ifaddrs::getifaddrs;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType,
};
use rustls::pki_types::PrivateKeyDer;

use super::{CertificateError, Current, Files};
use crate::config::host_name;

const DAY: Duration = Duration::from_hours(24);
/// Apple's devices take no certificate that lasts longer than 825 days, whoever vouches for it.
const LASTS: Duration = Duration::from_hours(24 * 820);
/// One that is older is made again.
const OLD: Duration = Duration::from_hours(24 * 730);
/// Addresses in a certificate; a router may have many.
const ADDRESSES: usize = 32;

/// Whether a certificate will soon have lasted too long, or was made before the clock was set.
pub(super) fn is_old(certificate: &Path) -> bool {
    let written = fs::metadata(certificate).and_then(|data| data.modified());
    let age = |at: SystemTime| at.elapsed().unwrap_or_default();
    written.is_ok_and(|at| age(at) > OLD)
}

/// Makes a certificate for this machine. Where it cannot be kept it is served all the same.
pub(super) fn make(files: &Files, domain: &str) -> Result<Current, CertificateError> {
    let key = KeyPair::generate()?;
    let certificate = params(domain).self_signed(&key)?;
    let kept = keep(&files.key, &key.serialize_pem())
        .and_then(|()| keep(&files.certificate, &certificate.pem()));
    let file = files.certificate.display();
    match kept {
        Ok(()) => tracing::info!(%file, "made a certificate of our own for encrypted DNS"),
        Err(error) => {
            tracing::warn!(%file, %error, "our own certificate is not kept; the next start makes another");
        }
    }
    let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let current = Current::new(vec![certificate.der().clone()], der);
    current.map_err(|source| CertificateError::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    })
}

fn params(domain: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + LASTS).into();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Squelch");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let names = names(&host_name(), domain).into_iter();
    let names = names.filter_map(|name| name.try_into().ok().map(SanType::DnsName));
    let addresses = addresses().into_iter().map(SanType::IpAddress);
    params.subject_alt_names = names.chain(addresses).collect();
    params
}

fn names(host: &str, domain: &str) -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let label = host.split('.').next().unwrap_or_default();
    if !label.is_empty() && label != "localhost" && label.bytes().all(is_plain) {
        names.extend([
            label.to_owned(),
            format!("{label}.{domain}"),
            format!("*.{label}.{domain}"),
            format!("{label}.local"),
        ]);
    }
    names
}

/// Those that stay: link-local ones say nothing to other machines.
fn addresses() -> Vec<IpAddr> {
    let mut addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for interface in getifaddrs().into_iter().flatten() {
        let Some(address) = interface.address else {
            continue;
        };
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        let v6 = address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()));
        let found = v4.or(v6).filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_link_local(),
            IpAddr::V6(ip) => !ip.is_unicast_link_local(),
        });
        addresses.extend(found.filter(|ip| !addresses.contains(ip)));
    }
    addresses.truncate(ADDRESSES);
    addresses
}

/// Writes a file that only we may read, whole or not at all.
fn keep(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = file.with_added_extension("part");
    // One that a broken start left may be readable to others.
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::rename(&part, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_has_the_names_of_the_host() {
        assert_eq!(
            names("attic.lan", "home.arpa"),
            [
                "localhost",
                "attic",
                "attic.home.arpa",
                "*.attic.home.arpa",
                "attic.local"
            ]
        );
        assert_eq!(names("no_name", "home.arpa"), ["localhost"]);
    }

    #[test]
    fn a_certificate_has_the_addresses_of_the_host() {
        let addresses = addresses();
        assert!(addresses.contains(&Ipv4Addr::LOCALHOST.into()));
        assert!(addresses.len() <= ADDRESSES);
    }
}
