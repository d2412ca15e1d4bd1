//! The page of errors in the book has a heading for each code, and below it what the code of Mongrate says: the
//! texts, the exit code, the HTTP status. `ERRORS_PAGE=overwrite` writes these parts anew.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::samples;
use crate::model::error::{Error, kind::Kind};

/// In the order of their exit codes, with what a caller can do.
const KINDS: [(Kind, &str); 9] = [
    (Kind::Failed, "a migration failed"),
    (Kind::Pending, "something is pending, and nothing may be"),
    (Kind::Usage, "the request is wrong: correct it"),
    (Kind::NeedsOperator, "refused: a person has to decide"),
    (Kind::Unavailable, "no server that can be used"),
    (Kind::BadBuild, "the build is unsound: fix it and deploy again"),
    (Kind::Busy, "another process is at work, or the history is paused: try again"),
    (Kind::Forbidden, "the user's rights do not suffice"),
    (Kind::Cancelled, "cancelled (143 after SIGTERM)"),
];

const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->\n";

fn page() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md"))
}

/// The codes, as the source lists them.
fn codes() -> BTreeSet<&'static str> {
    let (_, body) = include_str!("../mod.rs").split_once("pub const fn code(&self)").unwrap();
    let (body, _) = body.split_once("\n    }\n").unwrap();
    body.split('"').skip(1).step_by(2).collect()
}

/// What stands below the heading of a code.
fn generated(code: &str, all: &[Error]) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut kinds: Vec<Kind> = Vec::new();
    for error in all.iter().filter(|error| error.code() == code) {
        let text = error.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
        if !kinds.contains(&error.kind()) {
            kinds.push(error.kind());
        }
    }
    let mut below = String::from(BEGIN);
    for text in texts {
        below += &format!("```text\n{text}\n```\n\n");
    }
    let facts: Vec<String> = kinds.iter().map(|kind| facts(*kind)).collect();
    below += &format!("Exit code {}.\n{END}", facts.join("; or exit code "));
    below
}

fn facts(kind: Kind) -> String {
    let name = serde_json::to_value(kind).unwrap();
    let name = name.as_str().unwrap().to_owned();
    format!("{}, HTTP status {}, kind `{name}`", kind.exit_code(), kind.http_status())
}

/// The codes by their exit codes, those of the faces included: a line of the page names each of these.
fn index(all: &[Error], page: &str) -> String {
    let mut text = format!("{BEGIN}| exit code | means | codes |\n|---|---|---|\n");
    for (kind, means) in KINDS {
        let exit = kind.exit_code();
        let mut codes: BTreeSet<String> = all
            .iter()
            .filter(|error| error.kind() == kind)
            .map(|error| error.code().to_owned())
            .collect();
        for section in page.split("\n### `").skip(1) {
            let (code, below) = section.split_once('`').unwrap();
            let own = below.trim_start().strip_prefix("Exit code ");
            let own = own.and_then(|rest| rest.split([',', '.']).next());
            if own.is_some_and(|own| own.split(" or ").any(|one| one == exit.to_string())) {
                codes.insert(code.to_owned());
            }
        }
        let codes: Vec<String> = codes.iter().map(|code| format!("[`{code}`](#{code})")).collect();
        text += &format!("| {exit} | {means} | {} |\n", codes.join(", "));
    }
    text + END
}

/// Puts `wanted` below the heading: in the place of what is generated there, or where nothing is yet.
fn put(page: &str, heading: &str, wanted: &str) -> String {
    let (before, after) = page
        .split_once(&format!("\n{heading}\n\n"))
        .unwrap_or_else(|| panic!("docs/errors.md has no heading `{heading}`"));
    let rest = match after.strip_prefix(BEGIN) {
        Some(old) => old.split_once(END).expect("the end of what is generated").1.to_owned(),
        None => format!("\n{after}"),
    };
    format!("{before}\n{heading}\n\n{wanted}{rest}")
}

#[test]
fn each_code_has_its_heading_on_the_page_and_below_it_what_the_error_says() {
    let all = samples::all();
    let sampled: BTreeSet<&str> = all.iter().map(Error::code).collect();
    assert_eq!(sampled, codes(), "each code has a sample");

    let path = page();
    let now = fs::read_to_string(&path).unwrap();
    let mut wanted = now.clone();
    for code in codes() {
        wanted = put(&wanted, &format!("### `{code}`"), &generated(code, &all));
    }
    wanted = put(&wanted, "## Look up an error", &index(&all, &wanted));
    if now != wanted && std::env::var("ERRORS_PAGE").is_ok_and(|does| does == "overwrite") {
        fs::write(&path, &wanted).unwrap();
    } else {
        assert!(
            now == wanted,
            "docs/errors.md is not what the code says: run the tests of `mongrate` with \
             ERRORS_PAGE=overwrite, and read the difference"
        );
    }
}

#[test]
fn an_error_names_its_place() {
    for error in samples::all() {
        assert_eq!(error.docs(), format!("errors.html#{}", error.code()));
    }
}
