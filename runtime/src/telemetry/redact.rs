//! Keeps passwords out of everything that is printed.
//!
//! Two nets, as each has holes: a known secret is replaced wherever it occurs, and so is the
//! password of everything that looks like an address with a user in it.

use std::{
    borrow::Cow,
    fmt::Write as _,
    sync::{PoisonError, RwLock},
};

/// The text that replaces a secret.
const MASK: &str = "***";

/// The length of the shortest secret that is masked everywhere. Shorter secrets are only masked
/// inside addresses: elsewhere that would tear holes into innocent words.
const SECRET_BYTES_MIN: usize = 4;

/// The same for words that are secret by where they stand: `hooks` or `Bearer` are innocent.
#[cfg(feature = "webhook")]
const SECRET_WORD_BYTES_MIN: usize = 12;

/// The ends of the options of a connection string whose values are secret, in lower case. E.g.
/// `tlsCertificateKeyFilePassword=`, `proxyPassword=`.
const SECRET_OPTIONS: [&str; 2] = ["password=", "aws_session_token:"];

/// The options in the specifications of MongoDB's drivers. Their names are not secret.
const OPTIONS: [&str; 55] = [
    "appName",
    "authMechanism",
    "authMechanismProperties",
    "authSource",
    "compressors",
    "connectTimeoutMS",
    "directConnection",
    "fsync",
    "gssapiServiceName",
    "heartbeatFrequencyMS",
    "j",
    "journal",
    "loadBalanced",
    "localThresholdMS",
    "maxAdaptiveRetries",
    "adaptiveRetries",
    "maxConnecting",
    "maxIdleTimeMS",
    "maxPoolSize",
    "maxStalenessSeconds",
    "minPoolSize",
    "proxyHost",
    "proxyPassword",
    "proxyPort",
    "proxyUsername",
    "readConcernLevel",
    "readPreference",
    "readPreferenceTags",
    "replicaSet",
    "retryReads",
    "retryWrites",
    "safe",
    "serverMonitoringMode",
    "serverSelectionTimeoutMS",
    "serverSelectionTryOnce",
    "socketTimeoutMS",
    "srvMaxHosts",
    "srvServiceName",
    "ssl",
    "timeoutMS",
    "tls",
    "tlsAllowInvalidCertificates",
    "tlsAllowInvalidHostnames",
    "tlsCAFile",
    "tlsCertificateKeyFile",
    "tlsCertificateKeyFilePassword",
    "tlsDisableCertificateRevocationCheck",
    "tlsDisableOCSPEndpointCheck",
    "tlsInsecure",
    "uuidRepresentation",
    "w",
    "waitQueueTimeoutMS",
    "wtimeout",
    "wtimeoutMS",
    "zlibCompressionLevel",
];

/// Every secret that this process was given. It only grows.
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

/// Masks a message about a connection string that could not be parsed. Where the password ends
/// cannot be known, so every piece that may belong to it is masked, however short; and so are the
/// values of options. Names of options stay: the message is about them.
pub(crate) fn clean_broken(uri: &str, message: &str) -> String {
    let (_, rest) = after_scheme(uri);
    let (before, options) = split_options(rest);
    // What a terminal would obey is no part of the address that was meant.
    let message = message.replace(char::is_control, "?");
    let mut text = mask_addresses(&message).into_owned();
    let info = before.rsplit_once('@').map_or(before, |(info, _)| info);
    let guess = info.split_once(':').map_or("", |(_, rest)| rest);
    let separators = [':', '/', '?', '@', '&', ',', '=', '#', '[', ']'];
    for piece in pieces(guess, &separators) {
        text = without(&text, &piece);
    }
    let names: Vec<&str> = options
        .split('&')
        .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
        .collect();
    // An `@` among the options, or before the `://`: somebody's address stands where none belongs.
    let scheme = uri.split_once("://").map_or("", |(scheme, _)| scheme);
    if options.contains('@') || scheme.contains('@') {
        let all = uri.rsplit_once('@').map_or("", |(info, _)| info);
        let is_word = |piece: &String| is_option(piece) || piece.starts_with("mongodb");
        for piece in pieces(all, &separators).into_iter().filter(|piece| !is_word(piece)) {
            text = without(&text, &piece);
        }
    }
    // No option has such a name, so it may be a part of a password.
    let is_strange = |name: &&&str| !name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    for name in names.iter().filter(is_strange) {
        for piece in pieces(name, &separators) {
            text = without(&text, &piece);
        }
    }
    let is_name =
        |text: &str| is_option(text) || names.iter().any(|name| name.eq_ignore_ascii_case(text));
    for (name, value) in options.split('&').filter_map(|pair| pair.split_once('=')) {
        let is_secret = SECRET_OPTIONS.iter().any(|end| {
            format!("{name}=").to_ascii_lowercase().ends_with(end) || value.contains(end)
        });
        for piece in pieces(value, &[',', ':']) {
            // `tls=tls` is a mistake, but no secret.
            if is_secret || !is_name(&piece) {
                text = replace_words(&text, &piece, !is_secret);
            }
        }
    }
    text
}

/// Masks a piece of what may be a password, also in small letters: so the driver writes what it takes for the
/// name of an option.
fn without(text: &str, piece: &str) -> String {
    // Whole words only, if it is short, or a password of one letter would eat the message.
    let is_short = piece.len() < SECRET_BYTES_MIN;
    let text = replace_words(text, piece, is_short);
    replace_words(&text, &piece.to_ascii_lowercase(), is_short)
}

/// A text and its parts, each as it is and percent-decoded; the longest first.
fn pieces(text: &str, separators: &[char]) -> Vec<String> {
    let mut pieces: Vec<String> = std::iter::once(text)
        .chain(text.split(separators))
        .flat_map(|piece| [piece.to_owned(), decode(piece)])
        .filter(|piece| !piece.is_empty())
        .collect();
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    pieces.dedup();
    pieces
}

/// Splits a connection string without its scheme at the `?` before its options: the first `?` after
/// the password, which may hold a `?` itself if it is not encoded.
fn split_options(rest: &str) -> (&str, &str) {
    let password_end = rest.rfind('@').unwrap_or(0);
    for (at, _) in rest.match_indices('?') {
        let (before, after) = (rest.get(..at).unwrap_or(""), rest.get(at + 1..).unwrap_or(""));
        let is_known = after.split_once('=').is_some_and(|(name, _)| is_option(name));
        if is_known || at > password_end {
            return (before, after);
        }
    }
    (rest, "")
}

fn is_option(name: &str) -> bool {
    OPTIONS.iter().any(|option| option.eq_ignore_ascii_case(name))
}

struct Redactor {
    secrets: RwLock<Vec<String>>,
}

impl Redactor {
    const fn new() -> Self {
        Self { secrets: RwLock::new(Vec::new()) }
    }

    fn learn(&self, uri: &str) {
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets_of(uri) {
            if !secrets.contains(&secret) {
                secrets.push(secret);
            }
        }
        // A secret that contains another secret is replaced first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    #[cfg(feature = "webhook")]
    fn add(&self, secret: &str) {
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        if secret.len() >= SECRET_WORD_BYTES_MIN && !secrets.iter().any(|known| known == secret) {
            secrets.push(secret.to_owned());
            secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut cleaned = Cow::Borrowed(text);
        for secret in self.secrets.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if cleaned.contains(secret.as_str()) {
                cleaned = Cow::Owned(cleaned.replace(secret.as_str(), MASK));
            }
        }
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

/// Masks `word`; with `whole`, only where it is not part of a longer word.
fn replace_words(text: &str, word: &str, whole: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let after = found.get(word.len()..).unwrap_or("");
        let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let inside = whole && (joined(before.chars().next_back()) || joined(after.chars().next()));
        out += before;
        out += if inside { word } else { MASK };
        rest = after;
    }
    out + rest
}

/// Undoes percent-encoding, as far as it is valid.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let decoded = (byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(decoded) = decoded {
            out.push(decoded);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes everything but letters and digits, as the driver does.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
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
    fn a_message_about_a_broken_uri_holds_no_piece_of_the_password() {
        for (uri, message) in [
            // The driver quotes what it takes for a port: a part of the password.
            ("mongodb://anna:pa?ss@h", "the port must be an integer, got pa"),
            ("mongodb://anna:pa?ss@h", "no value for option key: ss@h"),
            ("mongodb://anna:x@h", "x is wrong"),
            ("mongo://anna:canary@h", "bad mongo://anna:canary@h"),
        ] {
            let out = clean_broken(uri, message);
            for piece in ["got pa", "ss@", "x is", "canary"] {
                assert!(!out.contains(piece), "{uri}: {out}");
            }
            assert!(out.contains(MASK), "{uri}: {out}");
        }
        // Letters inside other words stay, or nobody could read it.
        assert_eq!(clean_broken("mongodb://a:p@h", "no port"), "no port");
        // The driver takes all before the first `://` for the scheme, and quotes it.
        let (uri, quoted) = ("mong//anna:canary-1@h/s?r://x", "scheme: mong//anna:canary-1@h/s?r;");
        let out = clean_broken(uri, quoted);
        assert!(!out.contains("canary-1") && !out.contains("anna"), "{out}");
    }

    #[test]
    fn names_of_options_are_never_masked_and_values_always() {
        for (uri, message, says) in [
            (
                "mongodb://anna:canary@h/?retrywrite=true",
                "retrywrite is an invalid option. An option with a similar name exists: retrywrites",
                "retrywrite is an invalid option. An option with a similar name exists: retrywrites",
            ),
            (
                "mongodb://h/?compressors=zlib",
                "Enable the zlib-compression feature flag to use zlib compression",
                "Enable the ***-compression feature flag to use *** compression",
            ),
            (
                "mongodb://h/?tls=tls",
                "connection string `tls` option must be a boolean",
                "connection string `tls` option must be a boolean",
            ),
            (
                "mongodb://h/?connectTimeoutMS=conn",
                "`connecttimeoutms` option: conn",
                "`connecttimeoutms` option: ***",
            ),
            ("mongodb://h/?proxyPassword=canary&x=1", "x is wrong: xcanaryx", "x is wrong: x***x"),
            (
                "mongodb://h/?appName=a@b&bogus=1",
                "bogus is an invalid option",
                "bogus is an invalid option",
            ),
            (
                "mongodb://u:p@h/?readPreference=nearestt",
                "'nearestt' is not a valid read preference",
                "'***' is not a valid read preference",
            ),
        ] {
            assert_eq!(clean_broken(uri, message), says, "{uri}");
        }
    }

    #[test]
    fn json_keeps_its_shape() {
        KNOWN.learn("mongodb://u:canary-of-json@h");
        let mut value = serde_json::json!({ "a": ["x canary-of-json", 1], "b": { "c": null } });
        clean_json(&mut value);
        assert_eq!(value, serde_json::json!({ "a": ["x ***", 1], "b": { "c": null } }));
    }
}
