//! Keeps passwords out of everything that is printed.
//!
//! Two nets, as each has holes: a known secret is replaced wherever it occurs, and so is the
//! password of everything that looks like an address with a user in it.

#[cfg(feature = "cli")]
mod broken;
mod known;
mod mask;
mod options;
mod percent;

use std::borrow::Cow;

#[cfg(feature = "cli")]
pub(crate) use broken::clean_broken;

use known::Known;
use mask::MASK;
use percent::{decode, encode};

/// The length of the shortest secret that is masked everywhere. Shorter secrets are only masked
/// inside addresses: elsewhere that would tear holes into innocent words.
const SECRET_BYTES_MIN: usize = 4;

/// The same for words that are secret by where they stand: `hooks` or `Bearer` are innocent.
#[cfg(feature = "webhook")]
const SECRET_WORD_BYTES_MIN: usize = 12;

/// The ends of the options of a connection string whose values are secret, in lower case. E.g.
/// `tlsCertificateKeyFilePassword=`, `proxyPassword=`.
const SECRET_OPTIONS: [&str; 2] = ["password=", "aws_session_token:"];

/// Every secret that this process was given.
static KNOWN: Redactor = Redactor::new();

/// Learns the secrets in `uri`: from now on they are masked in everything that is printed.
pub(crate) fn learn(uri: &str) {
    KNOWN.learn(uri);
}

/// Learns a secret that is no connection string.
#[cfg(feature = "webhook")]
pub(crate) fn learn_secret(secret: &str) {
    KNOWN.add(secret);
}

/// `text` with every known secret masked.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    KNOWN.clean(text)
}

/// Masks secrets in every string of a JSON document. The shape of the document does not change.
pub(crate) fn clean_json(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            if let Cow::Owned(cleaned) = clean(text) {
                *text = cleaned;
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(clean_json),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(clean_json),
        _ => {}
    }
}

struct Redactor {
    secrets: Known,
}

impl Redactor {
    const fn new() -> Self {
        Self { secrets: Known::new() }
    }

    fn learn(&self, uri: &str) {
        self.secrets.add(secrets_of(uri));
    }

    #[cfg(feature = "webhook")]
    fn add(&self, secret: &str) {
        if secret.len() >= SECRET_WORD_BYTES_MIN {
            self.secrets.add([secret.to_owned()]);
        }
    }

    fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut cleaned = self.secrets.mask(text);
        if let Cow::Owned(masked) = mask_addresses(&cleaned) {
            cleaned = Cow::Owned(masked);
        }
        cleaned
    }
}

/// The secrets in a connection string, as given, decoded and encoded.
fn secrets_of(uri: &str) -> Vec<String> {
    let (_, rest) = after_scheme(uri);
    let mut found = Vec::new();
    let mut public = Vec::new();

    // As the driver reads it: the last `@` before the first `?`. And as the user may have meant it
    // without encoding a `?` or an `@`: the last `@` of all.
    let before_options = rest.split_once('?').map_or(rest, |(before, _)| before);
    for part in [before_options, rest] {
        let Some((user_info, tail)) = part.rsplit_once('@') else { continue };
        if let Some((user, password)) = user_info.split_once(':') {
            found.push(password.to_owned());
            public.push(decode(user));
        }
        if let Some((_, database)) = tail.split_once('/') {
            let database = database.split_once('?').map_or(database, |(name, _)| name);
            public.push(decode(database));
        }
    }
    let lower = rest.to_ascii_lowercase();
    for option in SECRET_OPTIONS {
        for (at, _) in lower.match_indices(option) {
            let value = rest.get(at + option.len()..).unwrap_or("");
            found.push(value.split(['&', ',']).next().unwrap_or("").to_owned());
        }
    }

    let mut secrets = Vec::new();
    for secret in found {
        let decoded = decode(&secret);
        let encoded = encode(&decoded);
        for form in [secret, decoded, encoded] {
            // A password that equals the user's or the database's name is not kept secret: masking
            // it would hide what the output is about.
            if form.len() >= SECRET_BYTES_MIN && !public.contains(&form) && !secrets.contains(&form)
            {
                secrets.push(form);
            }
        }
    }
    secrets
}

fn after_scheme(uri: &str) -> (&str, &str) {
    uri.split_once("://").unwrap_or(("", uri))
}

/// Masks `PASSWORD` in every `scheme://user:PASSWORD@host`.
fn mask_addresses(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        out += before;
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>'))
            .unwrap_or(after.len());
        let (address, tail) = after.split_at(end);
        match address.rsplit_once('@').and_then(|(info, host)| Some((info.split_once(':')?, host)))
        {
            Some(((user, _), host)) => {
                out += user;
                out += ":";
                out += MASK;
                out += "@";
                out += host;
            }
            None => out += address,
        }
        rest = tail;
    }
    out += rest;
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(uri: &str, text: &str) -> String {
        let redactor = Redactor::new();
        redactor.learn(uri);
        redactor.clean(text).into_owned()
    }

    #[test]
    fn a_password_goes_raw_decoded_and_encoded() {
        let uri = "mongodb://anna:p%40ss%2Fword@localhost:27017/shop";
        for text in ["p%40ss%2Fword", "p@ss/word"] {
            assert_eq!(cleaned(uri, &format!("said {text} here")), "said *** here");
        }
        let lower = "mongodb://anna:p%40ss%2fword@localhost";
        for text in ["p%40ss%2fword", "p%40ss%2Fword", "p@ss/word"] {
            assert_eq!(cleaned(lower, text), "***");
        }
        assert_eq!(cleaned(uri, "anna uses shop"), "anna uses shop");
    }

    #[test]
    fn a_password_that_should_have_been_encoded_goes_too() {
        for uri in [
            "mongodb://anna:ca@na?ry@localhost/shop",
            "mongodb://anna:ca?na@ry@localhost",
            "anna:ca@na?ry@localhost",
        ] {
            let password = uri.split_once("anna:").unwrap().1.split_once("@localhost").unwrap().0;
            let out = cleaned(uri, &format!("bad: {password}!"));
            assert_eq!(out, "bad: ***!", "{uri}");
        }
    }

    #[test]
    fn any_address_loses_its_password() {
        let redactor = Redactor::new();
        let out = redactor.clean("unexpected argument 'mongodb://anna:pw@h/db' found");
        assert_eq!(out, "unexpected argument 'mongodb://anna:***@h/db' found");
        assert_eq!(redactor.clean("see https://example.org/a:b"), "see https://example.org/a:b");
        assert_eq!(redactor.clean("mongodb://h:27017/db"), "mongodb://h:27017/db");
    }

    #[test]
    fn secret_options_go() {
        let uri = "mongodb://h/?tls=true&tlsCertificateKeyFilePassword=canary1\
                   &authMechanismProperties=AWS_SESSION_TOKEN:canary2,X:1";
        assert_eq!(cleaned(uri, "canary1 canary2 true"), "*** *** true");
    }

    #[test]
    fn a_password_that_is_public_does_not_hide_the_output() {
        let uri = "mongodb://clinic:clinic@localhost/clinic";
        assert_eq!(cleaned(uri, "database clinic"), "database clinic");
        assert_eq!(cleaned(uri, uri), "mongodb://clinic:***@localhost/clinic");
    }

    #[test]
    fn json_keeps_its_shape() {
        KNOWN.learn("mongodb://u:canary-of-json@h");
        let mut value = serde_json::json!({ "a": ["x canary-of-json", 1], "b": { "c": null } });
        clean_json(&mut value);
        assert_eq!(value, serde_json::json!({ "a": ["x ***", 1], "b": { "c": null } }));
    }
}
