//! What is said of a connection string that cannot be parsed: where the password ends cannot be known.
//!
//! So a word of the message that also stands in the connection string is masked, wherever it stands
//! there, unless it is known for no secret: a name of an option, or nearly one. Only a string that can
//! be read in one way alone shows more of itself. Pure.

use std::collections::BTreeSet;

use mongrate_seal::distance;

use super::{
    mask::MASK,
    options::{OPTIONS, is_option},
    percent::decode,
};

/// The length of the shortest word that is masked within longer ones: a password of one letter would
/// eat the message.
const INSIDE_BYTES_MIN: usize = 4;

/// The length of the shortest option that is recognised when it is misspelt, and in how many letters it
/// may be.
const MISSPELT_BYTES_MIN: usize = 6;
const MISSPELT_LETTERS_MAX: usize = 2;

/// Words of connection strings that are no secret in any place.
const PLAIN: [&str; 4] = ["mongodb", "srv", "true", "false"];

/// The characters that separate the parts of a connection string.
const SEPARATORS: [char; 10] = [':', '/', '?', '@', '&', ',', '=', '#', '[', ']'];

/// Masks a driver's message about a connection string that could not be parsed.
pub(crate) fn clean_broken(uri: &str, message: &str) -> String {
    let address = Address::read(uri);
    let secrets = Secrets::of(&address.secret);
    let mut text = plain(message);
    for marks in &secrets.marks {
        text = text.replace(marks.as_str(), MASK);
    }
    let mut out = String::new();
    for (part, is_word) in parts(&text) {
        let is_name = || {
            let lower = part.to_lowercase();
            let is_of_address = address.names.iter().any(|name| name.eq_ignore_ascii_case(part));
            is_plain(part)
                || is_misspelt(&lower)
                || is_of_address && !secrets.words.contains(&lower)
        };
        match !is_word || is_name() {
            true => out += part,
            false => out += &secrets.mask(part),
        }
    }
    joined(&out)
}

/// A connection string, as far as it can be read in one way alone.
struct Address<'a> {
    /// The parts that may be, or hold, a secret.
    secret: Vec<&'a str>,
    /// The names of options.
    names: Vec<&'a str>,
}

impl<'a> Address<'a> {
    fn read(uri: &'a str) -> Self {
        Self::unambiguous(uri).unwrap_or(Self { secret: vec![uri], names: Vec::new() })
    }

    /// `None` if a password that is not encoded may reach into another part.
    fn unambiguous(uri: &'a str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let (before, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (info, places) = before.split_once('@').unwrap_or(("", before));
        let (hosts, database) = places.split_once('/').unwrap_or((places, ""));
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        // An `@` that may be the end of a password, which would have begun before.
        let is_end = |at: usize| rest.get(..at).is_some_and(|text| text.contains(':'));
        let ends = rest.match_indices('@').filter(|(at, _)| is_end(*at)).count();
        let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+';
        let is_clear = scheme.bytes().all(of_scheme)
            && ends <= usize::from(!password.is_empty())
            && !password.contains(SEPARATORS)
            && !decode(user).contains(SEPARATORS)
            && !decode(database).contains(SEPARATORS)
            && hosts.split(',').all(is_host);
        let pairs = options.split('&').filter(|pair| !pair.is_empty());
        let mut address = Self { secret: vec![password], names: Vec::new() };
        for pair in pairs {
            let (name, value) = pair.split_once('=')?;
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return None;
            }
            address.names.push(name);
            address.secret.push(value);
        }
        is_clear.then_some(address)
    }
}

/// Whether this is a host, maybe with a port, and nothing else.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((name, port)) => {
            let of_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            if !name.bytes().all(of_address) {
                return false;
            }
            ("", port)
        }
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    let is_name = !name.contains(SEPARATORS) && !decode(name).contains([':', '@']);
    is_name && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// What may not be shown: in small letters.
struct Secrets {
    words: BTreeSet<String>,
    /// Parts without a letter or a digit, the longest first.
    marks: Vec<String>,
}

impl Secrets {
    /// Of each text as it is and percent-decoded, also in small letters: so the driver writes what it
    /// takes for the name of an option.
    fn of(texts: &[&str]) -> Self {
        let mut words = BTreeSet::new();
        let mut marks = BTreeSet::new();
        for text in texts.iter().flat_map(|text| [(*text).to_owned(), decode(text)]) {
            for form in [plain(&text), text.to_lowercase(), text] {
                let of_form = parts(&form).filter(|(_, is_word)| *is_word);
                words.extend(of_form.map(|(word, _)| word.to_lowercase()));
                // One mark tells nothing, and sentences are full of them.
                let is_marks = |piece: &&str| {
                    piece.chars().nth(1).is_some() && !piece.chars().any(char::is_alphanumeric)
                };
                let pieces = std::iter::once(form.as_str()).chain(form.split(SEPARATORS));
                marks.extend(pieces.filter(is_marks).map(str::to_owned));
            }
        }
        let mut marks: Vec<String> = marks.into_iter().collect();
        marks.sort_by_key(|marks| std::cmp::Reverse(marks.len()));
        Self { words, marks }
    }

    /// A word of the message, masked if it is one of these, or where it holds one.
    fn mask(&self, word: &str) -> String {
        let mut lower = word.to_lowercase();
        if self.words.contains(&lower) {
            return MASK.to_owned();
        }
        let mut is_masked = false;
        let mut inside: Vec<&String> =
            self.words.iter().filter(|secret| secret.len() >= INSIDE_BYTES_MIN).collect();
        inside.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in inside.into_iter().filter(|secret| !is_plain(secret)) {
            if lower.contains(secret.as_str()) {
                lower = lower.replace(secret.as_str(), MASK);
                is_masked = true;
            }
        }
        if is_masked { lower } else { word.to_owned() }
    }
}

/// Whether a word is no secret, wherever it stands.
fn is_plain(word: &str) -> bool {
    is_option(word) || PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(word))
}

/// Whether a word is nearly the name of an option.
fn is_misspelt(lower: &str) -> bool {
    let is_near = |option: &&str| {
        option.len() >= MISSPELT_BYTES_MIN
            && distance(lower, &option.to_ascii_lowercase()) <= MISSPELT_LETTERS_MAX
    };
    lower.len() >= MISSPELT_BYTES_MIN
        && lower.bytes().all(|byte| byte.is_ascii_lowercase())
        && OPTIONS.iter().any(is_near)
}

/// A text without what a terminal would obey, and without the escapes that Rust writes for it: they
/// would hide where a word begins.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
                out.push('?');
            }
            letter if letter.is_control() => out.push('?'),
            letter => out.push(letter),
        }
    }
    out
}

/// The words of a text and what is between them, in order, and whether each is a word.
fn parts(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_word = rest.chars().next()?.is_alphanumeric();
        let end = rest.find(|letter: char| letter.is_alphanumeric() != is_word);
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some((part, is_word))
    })
}

/// One mask for several with nothing but marks between them, which may be of a password.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, mut after)) = rest.split_once(MASK) {
        out += before;
        out += MASK;
        while let Some((between, behind)) = after.split_once(MASK) {
            if between.chars().any(|letter| letter.is_alphanumeric() || letter.is_whitespace()) {
                break;
            }
            after = behind;
        }
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// The driver quotes parts of the address in many ways: none shows a word of a password.
    #[test]
    fn no_way_of_quoting_shows_a_word() {
        for (uri, message) in [
            ("mongodb://anna:Ca%6Eary/x@h", "got canary"),
            ("mongodb://anna:Ca%6Eary/x@h", "got ca%6eary"),
            ("mongodb://anna:%+5canary/x@h", "got %+5canary"),
            ("mongodb://u:x/y@h/?a=x\ncanary", "\"x\\ncanary\" is no mode"),
            ("mongodb://u:x/y@h/?a=x\\canary", "\"x\\\\canary\" is no mode"),
            ("mongodb://u:x/y@h/?a=x\\canary", "x\\canary is no mode"),
            ("mongodb://u%3Acanary@h/x", "no user canary"),
            ("mongodb://u%3Acanary%40h/x", "no host canary"),
            ("mongodb://u:x@canary@h", "no host canary"),
            ("mongodb://u:canary", "got canary"),
            ("mongodb://u:\u{130}canary?x@h", "no option i\u{307}canary"),
            ("mongodb://u:##!!@h", "got ##!!"),
            ("mongodb://u:safe-canary-wtimeout#@h", "got safe-canary-wtimeout"),
        ] {
            let out = clean_broken(uri, message);
            assert!(!out.contains("anary") && !out.contains("!!"), "{uri}: {out}");
            assert!(out.contains(MASK), "{uri}: {out}");
        }
        // The marks between two words of a password are part of it.
        assert_eq!(clean_broken("u:pa!-!ss", "got pa!-!ss!"), "got ***!");
    }

    /// If the address can be read in one way alone, all but the password and the values stays.
    #[test]
    fn what_is_clear_stays() {
        let uri = "mongodb+srv://anna:canary@cluster7.example.test/shop?bogus=gold";
        let message = "bogus: no records for _mongodb._tcp.cluster7.example.test; anna, shop";
        assert_eq!(clean_broken(uri, message), message);
        assert_eq!(clean_broken(uri, "gold canary"), "*** ***");
        assert_eq!(
            clean_broken("mongo://anna:canary@h/x", "unsupported connection string scheme: mongo"),
            "unsupported connection string scheme: mongo"
        );
        // A password that is named as a wrong option is masked there, too.
        assert_eq!(clean_broken("mongodb://u:bogus@h/?bogus=1", "no bogus"), "no ***");
        // Nearly an option: it stays, wherever it stands.
        assert_eq!(clean_broken("u:p/retrywrtes=1@h", "no retrywrtes"), "no retrywrtes");
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
}
