//! Certificates of made-up servers.

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate for a name, which nobody but itself vouches for.
pub struct Made {
    pub certificate: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
}

impl Made {
    /// One that is good now.
    pub fn good(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    /// One that was good until 2020.
    pub fn expired(name: &str) -> Self {
        Self::with(name, |params| params.not_after = date_time_ymd(2020, 1, 1))
    }

    fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().der().clone(),
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        }
    }
}
