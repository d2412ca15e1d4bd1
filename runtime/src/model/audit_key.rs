//! The keys that sign entries of the audit log, and that verify them: Ed25519.

#[cfg(feature = "audit-signature")]
pub use self::ed25519::{AuditKey, AuditPublicKey};
#[cfg(not(feature = "audit-signature"))]
pub(crate) use self::none::{AuditKey, AuditPublicKey};

#[cfg(feature = "audit-signature")]
mod ed25519 {
    use std::{fmt, sync::Arc};

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use mongrate_seal::hex;
    use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
    use sha2::{Digest as _, Sha256};

    use crate::model::invalid_setting::InvalidSetting;

    /// What comes before the 32 bytes of a key in a `PUBLIC KEY` block (RFC 8410).
    const PUBLIC: [u8; 12] =
        [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

    /// *Feature `audit-signature`.* A private key, which signs the entries of the audit log
    /// ([`Migrator::sign_audit`](crate::Migrator::sign_audit)). `{:?}` shows only the key's id.
    #[derive(Clone)]
    pub struct AuditKey(Arc<Signer>);

    struct Signer {
        pair: Ed25519KeyPair,
        id: String,
    }

    /// *Feature `audit-signature`.* A public key, which verifies the signatures of the audit log
    /// ([`VerifyAudit::public_key`](crate::VerifyAudit::public_key)).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AuditPublicKey {
        key: Vec<u8>,
        id: String,
    }

    impl AuditKey {
        /// Reads the `PRIVATE KEY` block that `openssl genpkey -algorithm ed25519` writes.
        ///
        /// # Errors
        ///
        /// [`InvalidSetting`] if the text has no such block, or the key is not an Ed25519 key. The error
        /// shows nothing of the text.
        pub fn from_pem(pem: &str) -> Result<Self, InvalidSetting> {
            let wrong = || InvalidSetting {
                setting: "audit key",
                problem: "is not an Ed25519 private key in PEM: make one with `openssl genpkey \
                          -algorithm ed25519 -out audit.pem`"
                    .to_owned(),
            };
            let der = block(pem, "PRIVATE KEY").ok_or_else(wrong)?;
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| wrong())?;
            let id = id(pair.public_key().as_ref());
            Ok(Self(Arc::new(Signer { pair, id })))
        }

        /// The key's id: the first 16 hexadecimal digits of the SHA-256 of its public half.
        pub fn id(&self) -> &str {
            &self.0.id
        }

        pub(crate) fn sign(&self, message: &[u8]) -> String {
            hex(self.0.pair.sign(message).as_ref())
        }
    }

    impl fmt::Debug for AuditKey {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "AuditKey({})", self.0.id)
        }
    }

    impl AuditPublicKey {
        /// Reads the `PUBLIC KEY` block that `openssl pkey -in audit.pem -pubout` writes.
        ///
        /// # Errors
        ///
        /// [`InvalidSetting`] if the text has no such block, or the key is not an Ed25519 key.
        pub fn from_pem(pem: &str) -> Result<Self, InvalidSetting> {
            let wrong = || InvalidSetting {
                setting: "public key",
                problem:
                    "is not an Ed25519 public key in PEM: `openssl pkey -in audit.pem -pubout` \
                          writes it"
                        .to_owned(),
            };
            let der = block(pem, "PUBLIC KEY").ok_or_else(wrong)?;
            let key = der.strip_prefix(&PUBLIC).filter(|key| key.len() == 32).ok_or_else(wrong)?;
            Ok(Self { key: key.to_vec(), id: id(key) })
        }

        /// The key's id, which signed entries name.
        pub fn id(&self) -> &str {
            &self.id
        }

        pub(crate) fn verifies(&self, message: &[u8], signature: &str) -> bool {
            let Some(signature) = bytes(signature) else { return false };
            UnparsedPublicKey::new(&ED25519, &self.key).verify(message, &signature).is_ok()
        }
    }

    /// The bytes of a PEM block with this label.
    fn block(pem: &str, label: &str) -> Option<Vec<u8>> {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let body: String = body.split_whitespace().collect();
        STANDARD.decode(body).ok()
    }

    fn id(public: &[u8]) -> String {
        hex(&Sha256::digest(public)).chars().take(16).collect()
    }

    fn bytes(hex: &str) -> Option<Vec<u8>> {
        if !hex.len().is_multiple_of(2) || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let pairs = (0..hex.len()).step_by(2);
        pairs.map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// The first key of RFC 8032, as PEM.
        const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
            MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
            -----END PRIVATE KEY-----\n";
        const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
            MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
            -----END PUBLIC KEY-----\n";

        #[test]
        fn the_vector_of_rfc_8032() {
            let (key, public) =
                (AuditKey::from_pem(PRIVATE).unwrap(), AuditPublicKey::from_pem(PUBLIC).unwrap());
            let signature = key.sign(b"");
            assert!(
                signature.starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065")
            );
            assert!(public.verifies(b"", &signature));
            assert!(!public.verifies(b"x", &signature));
            assert_eq!(key.id(), public.id());
            assert_eq!(format!("{key:?}"), format!("AuditKey({})", public.id()));
        }

        #[test]
        fn what_is_no_key_is_refused_without_showing_it() {
            let long = PRIVATE.replace("MC4C", "secret");
            for text in ["", "secret", &long, PUBLIC] {
                let error = AuditKey::from_pem(text).unwrap_err().to_string();
                assert!(!error.contains("secret"), "{error}");
                assert!(AuditPublicKey::from_pem(&text.replace("MCow", "")).is_err());
            }
            let public = AuditPublicKey::from_pem(PUBLIC).unwrap();
            for signature in ["", "0", "zz", "éé", &"0".repeat(128)] {
                assert!(!public.verifies(b"", signature));
            }
        }
    }
}

/// Without the feature, there is no key.
#[cfg(not(feature = "audit-signature"))]
mod none {
    #[derive(Clone, Debug)]
    pub(crate) enum AuditKey {}

    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum AuditPublicKey {}

    impl AuditKey {
        pub(crate) fn id(&self) -> &str {
            match *self {}
        }

        pub(crate) fn sign(&self, _: &[u8]) -> String {
            match *self {}
        }
    }

    impl AuditPublicKey {
        pub(crate) fn id(&self) -> &str {
            match *self {}
        }

        pub(crate) fn verifies(&self, _: &[u8], _: &str) -> bool {
            match *self {}
        }
    }
}
