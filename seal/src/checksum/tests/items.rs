//! Bodies with items: those of the benchmark, as people write them, and random ones.

use std::{env, fs, path::Path};

use proc_macro2::TokenStream;

use super::{
    agreement::{compare_text, read},
    random::Random,
};
use crate::checksum::plain::{TokenKind, Tokens};

/// The random bodies, and the edits of each. `MONGRATE_BODIES` sets another number of bodies.
const BODIES: u64 = 10_000;
const EDITS: usize = 3;

/// Bodies such as migrations have.
#[test]
fn bodies_with_items_need_no_tree() {
    for body in [
        r#"{
            /// As the finance department wrote them down.
            const RATES: [(&str, i32); 2] = [("standard", 20), ("reduced", 7)];
            pub static NAMES: &'static [&'static str] = &["a", "b\n"];
            let rates = RATES.iter().map(|(name, percent)| doc! { "_id": *name, "p": *percent });
            tx.collection::<Document>("taxes").insert_many(rates.collect::<Vec<_>>()).await?;
            Ok(())
        }"#,
        r#"{
            #[derive(Debug, Clone, serde::Serialize, Deserialize)]
            #[serde(rename_all = "camelCase")]
            struct Row<'a, T: Clone + Default = u8, const N: usize = 3> where T: Send + 'a {
                /** The key. */
                #[serde(rename = "_id")]
                pub(crate) id: ObjectId,
                name: Cow<'a, str>,
                #[serde(skip_serializing_if = "Option::is_none", default)]
                values: Option<[T; N]>,
                f: Box<dyn Fn(&str, T) -> Result<Vec<u8>> + Send>,
            }
            struct Unit;
            struct Pair(u8, pub Vec<Vec<u8>>,);
            #[derive(Clone, Copy, PartialEq)]
            enum Tier { Small = 1, #[default] Large { seats: i32 }, Other(String, u8), }
            impl Tier {
                const ALL: &[Self] = &[Self::Small];
                pub const fn of(employees: i32) -> Self {
                    if employees < 50 { Self::Small } else { Self::default() }
                }
            }
            impl<'a, T> From<&'a T> for Row<'a, T> where T: Clone {
                type Error = ();
                fn from(value: &'a T) -> Self { Self::new(value) }
            }
            impl std::fmt::Display for Tier {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    write!(f, "{}", self.name())
                }
            }
            let _ = Tier::Small;
        }"#,
        r#"{
            use std::collections::{HashMap, BTreeMap};
            use futures::StreamExt as _;
            use crate::models::*;
            type Names<'a> = HashMap<&'a str, Vec<String>>;
            #[allow(clippy::too_many_arguments)]
            async fn rename<T>(tx: &mut Transaction<'_>, from: &str, mut to: T) -> Result<(), Error>
            where T: Into<String> {
                tx.run(from, to.into()).await?;
                Ok(())
            }
            trait Shape: Send + 'static { type Unit: Copy; const SIDES: u32 = 0; fn area(&self) -> f64; fn name(&self) -> String { "s".into() } }
            fn apply(f: impl Fn(i32) -> i32, g: &dyn Fn(&str), h: fn(u8) -> bool, p: *const u8) -> ! { loop {} }
            #[allow(unused)] let names: Names<'_> = HashMap::default();
            let taxed = |cents: i32| -> Result<i32> { Ok(cents / 5) };
            rename(tx, "it's", "a\"b").await
        }"#,
    ] {
        assert!(compare_text(body), "{body}");
    }
}

/// The bodies that `docs/compile-time.md` speaks of.
#[test]
fn the_bodies_of_the_benchmark_need_no_tree() {
    let file = "../benches/compile_time/src/bodies.rs";
    let Ok(text) = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)) else {
        return;
    };
    let mut count = 0;
    for body in text.split("r#\"").skip(1).filter_map(|rest| rest.split_once("\"#")) {
        let (_, block) = body.0.split_once("Result ").expect("a function");
        assert!(compare_text(block.trim_end()), "{block}");
        count += 1;
    }
    assert!(count >= 7, "{count}");
}

/// What only the tree can read, and what it rejects.
#[test]
fn what_looks_like_something_else_is_left_to_the_tree() {
    for body in [
        "{ a::<b>!(); }",
        "{ a <-1; }",
        "{ crate; }",
        "{ let self(_) = x; }",
        "{ x as A << b; }",
        "{ a..b = c; }",
        "{ let S = S {} else { return }; }",
        "{ a::<u8>>(b); }",
        "{ crate::<A>::b(); }",
        "{ #[derive(A)] #[derive(B)] struct S; }",
        "{ fn f<T, 'a>() {} }",
        "{ let x: A<T, 'a>; }",
        "{ use a::{}; { x } }",
        "{ const F: dyn 'a = 1; }",
        "{ struct S<>; }",
        "{ fn f() where {} }",
        "{ let x: Vec<u8>> = y; }",
        "{ pub impl A {} }",
        "{ impl A { async fn b(x, self) {} } }",
        "{ //! Inner.\n a }",
        "{ größe }",
        "{ #![allow(x)] a }",
        "{ #[cfg(a)] f(); }",
        "{ doc! { \"a\": $crate::N }; }",
        "{ vec![$n]; }",
        "{ for i in 0.. { if f(i) { break; } } { g(); } }",
        "{ while let 1.. { f() } { g() } = x {} }",
    ] {
        assert!(!compare_text(body), "{body}");
    }
}

/// What the tree rejects has no checksum, and anything else has the checksum of the tree or none.
#[test]
fn random_bodies_give_what_the_tree_gives() {
    let bodies = env::var("MONGRATE_BODIES").ok().and_then(|count| count.parse().ok());
    let bodies: u64 = bodies.unwrap_or(BODIES);
    let (mut plain, mut wrong) = (0, 0);
    for seed in 1..=bodies {
        let mut random = Random::new(seed);
        let body = random.body();
        plain += u64::from(compare_text(&body));
        let Some(tokens) = Tokens::of_text(body) else { continue };
        for _ in 0..EDITS {
            let edited = edited(&tokens, &mut random);
            plain += u64::from(compare_text(&edited));
            wrong += u64::from(syn::parse_str::<syn::Block>(&edited).is_err());
        }
    }
    println!("{plain} are plain, and {wrong} are wrong");
    assert!(plain > bodies / 2 && wrong > bodies, "{plain}, {wrong}");
}

/// Returns a text in which a token is missing, repeated, exchanged, or another one.
fn edited(tokens: &Tokens, random: &mut Random) -> String {
    let others = [
        "+", "&", "<", ">", "'a", ":", "::", ",", ";", "=", "#", "!", "?", "fn", "impl", "dyn",
        "where", "for", "mut", "self", "pub", "const", "async", "use", "()", "{}", "[]", "x",
        "default", "union", "1", "\"s\"", "/// d\n", "#[a]", "->", "|", "*", "..", "as", "else",
    ];
    let mut texts: Vec<String> = (0..tokens.len())
        .map(|at| match tokens.kind(at) {
            TokenKind::Documentation => String::from_utf8_lossy(tokens.word(at)) + "\n",
            _ => String::from_utf8_lossy(tokens.word(at)),
        })
        .map(String::from)
        .collect();
    let at = 1 + random.below(texts.len() - 1);
    match random.below(5) {
        0 => drop(texts.remove(at)),
        1 => texts.insert(at, texts[at].clone()),
        2 => texts.swap(at, at - 1),
        3 => texts[at] = others[random.below(others.len())].to_owned(),
        _ => texts.insert(at, others[random.below(others.len())].to_owned()),
    }
    let space = if random.one_in(2) { " " } else { "" };
    let mut text = String::new();
    for part in texts {
        // Words need a space between them.
        let is_word = |char: char| char.is_alphanumeric() || "_\"'".contains(char);
        if text.ends_with(is_word) && part.starts_with(is_word) {
            text.push(' ');
        }
        text += &part;
        text += space;
    }
    text.trim_end().to_owned()
}

/// A text is cut as the compiler cuts it.
#[test]
fn a_text_has_the_tokens_that_the_compiler_sees() {
    let mut files = 0;
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    directories.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src"));
    directories.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations"));
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("it can be read");
                same_tokens(&text, &path.display().to_string());
                files += 1;
            }
        }
    }
    assert!(files > 100, "{files}");
    for text in [
        "1.max(2) 1..2 1.0 1. 1e5 2.5e-3 0xFFu8 1_000.0_f64 x.0.1 0b1_0 1f32 'a' 'b: '\\'' '\\u{41}' b'x'",
        "r\"a\" r#\"a\"b\"# br##\"\"#\"## b\"\\\"\" c\"x\" \"\\\\\" \"\\\"//\" r#type 'static &'a&'b T<'_>",
        "a/b a//b\n/*/**/*/c/**/d ////e\n/***/ f <<= >>= ... ..= => -> :: == <-x &&& ||| a=&*b #![x] $x @ ~",
        "a\u{c}b\u{b} c",
        "größe β r#async r#gen '\u{e4}' \"\u{e4}\"",
    ] {
        same_tokens(text, text);
    }
    for text in ["(", "(]", "\"", "'", "f\"x\"", "/*", "`", "}", "'ab'"] {
        let tokens = Tokens::of_text(text.to_owned());
        assert!(tokens.is_none_or(|tokens| tokens.len() == 0), "{text}");
    }
}

fn same_tokens(text: &str, what: &str) {
    let own = Tokens::of_text(text.to_owned()).unwrap_or_else(|| panic!("{what}"));
    let mut other = Tokens::new();
    read(text.parse::<TokenStream>().expect("it is Rust"), &mut other).expect("no macro wrote it");
    let mut at = 0;
    for index in 0..own.len() {
        let word = String::from_utf8_lossy(own.word(index));
        match own.kind(index) {
            // `#[doc = "…"]`
            TokenKind::Documentation => at += 6,
            TokenKind::Operator(0) if word.starts_with('/') => at += 7,
            TokenKind::Operator(0) => at += 1,
            kind => {
                assert_eq!(kind, other.kind(at), "{what}: {word}");
                if !matches!(kind, TokenKind::Operator(_) | TokenKind::Open(_) | TokenKind::Close) {
                    assert_eq!(word, String::from_utf8_lossy(other.word(at)), "{what}");
                }
                at += 1;
            }
        }
    }
    assert_eq!(at, other.len(), "{what}");
}

#[test]
fn printed_tokens_are_compared_one_by_one() {
    let is = |text: &str, printed: &str| {
        Tokens::of_text(text.to_owned()).expect("it can be cut").are_those_of(printed)
    };
    let text = "{ // c\n a.b(\"x  y\", &'a c, 1.5)/* d */; /// e\n if a&&b {} }";
    assert!(is(text, "{ a . b (\"x  y\" , & 'a c , 1.5) ;\n/// e\nif a && b { } }\n"));
    for (text, printed) in [
        ("a b", "ab"),
        ("ab", "a b"),
        ("& &", "&&"),
        ("&&", "& &"),
        ("\"a  b\"", "\"a b\""),
        ("a", "a b"),
        ("a b", "a"),
        ("1 2", "12"),
        ("/// a\n b", "/// ab"),
        ("/// a\n b", "#[doc = \" a\"] b"),
        ("> =", ">="),
        ("größe", "größe"),
    ] {
        assert!(!is(text, printed), "{text}, {printed}");
    }
}
