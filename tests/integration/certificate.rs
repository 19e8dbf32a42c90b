//! Certificates of made-up upstreams.

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::encrypted::NAME;

/// A certificate for [`NAME`], which nobody but itself vouches for.
pub struct Made {
    pub certificate: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
}

impl Made {
    /// One that is good now.
    pub fn good() -> Self {
        Self::with(|_| {})
    }

    /// One that was good until 2020.
    pub fn expired() -> Self {
        Self::with(|params| params.not_after = date_time_ymd(2020, 1, 1))
    }

    fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().der().clone(),
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        }
    }
}
