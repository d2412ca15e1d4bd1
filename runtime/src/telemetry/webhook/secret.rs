//! The secret of a webhook, and its signatures, as Standard Webhooks has them: HMAC-SHA256 over
//! `id.timestamp.body`.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::model::error::Error;

const PREFIX: &str = "whsec_";

const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How many secrets may be in force at once, while they are exchanged.
const SECRETS_MAX: usize = 4;

/// A key. Never shown, not even by `{:?}`.
#[derive(Clone)]
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// Reads one secret or several, with blanks or line breaks between them. The texts are in no error.
    pub(crate) fn parse(text: &str) -> Result<Vec<Self>, Error> {
        let refuse = |problem: String| Err(Error::Settings { setting: "webhook secret", problem });
        let mut secrets = Vec::new();
        for word in text.split_whitespace() {
            let coded = word.strip_prefix(PREFIX).and_then(|coded| STANDARD.decode(coded).ok());
            match coded {
                Some(key) if BYTES.contains(&key.len()) => secrets.push(Self(key)),
                Some(key) => {
                    return refuse(format!(
                        "has {} bytes, and may have {} to {}; {MAKE}",
                        key.len(),
                        BYTES.start(),
                        BYTES.end()
                    ));
                }
                None => return refuse(format!("is not `{PREFIX}` and base64; {MAKE}")),
            }
        }
        match secrets.len() {
            0 => refuse(format!("is empty; {MAKE}")),
            1..=SECRETS_MAX => Ok(secrets),
            many => refuse(format!("there are {many}, and at most {SECRETS_MAX} may be in force")),
        }
    }

    /// `v1,…`.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        // Any length is a key for HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

const MAKE: &str = "this makes one: echo \"whsec_$(openssl rand -base64 32)\"";

/// The header `webhook-signature`: one signature for each secret.
pub(crate) fn signatures(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let all: Vec<String> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    all.join(" ")
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let secrets = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signatures(&secrets, id, 1_614_265_330, body), expected);
        let two = [secrets.clone(), secrets].concat();
        assert_eq!(signatures(&two, id, 1_614_265_330, body), format!("{expected} {expected}"));
    }

    #[test]
    fn a_wrong_secret_is_refused_and_not_quoted() {
        for wrong in ["", "hunter2hunter2hunter2hunter2", "whsec_c2hvcnQ=", "whsec_!!!hunter2"] {
            let error = Secret::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("openssl") && !error.contains("hunter2"), "{error}");
        }
        let one = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
        assert_eq!(Secret::parse(&one.repeat(4)).unwrap().len(), 4);
        assert!(Secret::parse(&one.repeat(5)).is_err());
        assert_eq!(format!("{:?}", Secret::parse(one).unwrap()), "[Secret(…)]");
    }
}
