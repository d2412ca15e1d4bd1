//! Each format, with names that try to break out of it, read again by a reader of its own.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Format, Target, github, json, junit, markdown, rendered, sarif, text};
use crate::finding::{Cost, Finding, Review, Severity, ShadowRun, Touched, rules};

/// A name with everything that a format could obey.
const HOSTILE: &str =
    "a%0A|b<script>&\"'`c`\r\n::error::d,e:f]]>\u{1b}[31m\u{202e}@team#1 *x* \u{ffff}\u{0}";

fn review() -> Review {
    let mut review = Review::new("ci");
    review.prefix = "services/shop/".to_owned();
    review.checked(
        "sources",
        vec![
            Finding::error(&rules::EDITED, format!("`{HOSTILE}` was edited"))
                .at(Path::new("src/a b|<c>,d:%.rs"), 7),
            Finding::error(&rules::GONE, "two\nlines").next("do this\nand ::error::that"),
        ],
    );
    review.checked("lints", vec![Finding::new(&rules::USES_APP_TYPE, Severity::Warning, HOSTILE)]);
    review.skipped("models", HOSTILE);
    review.migrations.push(Touched {
        version: 7,
        name: HOSTILE.to_owned(),
        place: None,
        kind: "online".to_owned(),
        is_reversible: false,
        touches: vec![HOSTILE.to_owned(), "update users".to_owned()],
        cost: Some(Cost { duration_ms: 12, commands: 3, written: 40 }),
    });
    review.shadow = Some(ShadowRun { ran: 1, documents: 9, collections: 2, duration_ms: 80 });
    review.checked("notes", vec![Finding::new(&rules::IRREVERSIBLE, Severity::Note, "one `way`")]);
    review
}

#[test]
fn annotations_are_one_line_each_and_read_back() {
    let text = github::render(&review());
    let mut read = Vec::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("::") else {
            assert_eq!(line, "mongrate ci: 2 errors, 1 warning, 1 note");
            continue;
        };
        // As the runner reads a command: up to the next `::`, then `key=value` with commas.
        let (head, data) = rest.split_once("::").unwrap();
        let (command, properties) = head.split_once(' ').unwrap();
        let properties: Vec<(String, String)> = properties
            .split(',')
            .map(|property| property.split_once('=').unwrap())
            .map(|(key, value)| (key.to_owned(), decoded(value, true)))
            .collect();
        read.push((command.to_owned(), properties, decoded(data, false)));
    }
    assert_eq!(read.len(), 4, "{text}");
    let commands: Vec<&str> = read.iter().map(|(command, ..)| command.as_str()).collect();
    assert_eq!(commands, ["error", "error", "warning", "notice"]);
    let (_, properties, data) = &read[0];
    let get = |key: &str| properties.iter().find(|it| it.0 == key).map(|it| it.1.as_str());
    assert_eq!(get("file"), Some("services/shop/src/a b|<c>,d:%.rs"));
    assert_eq!((get("line"), get("title")), (Some("7"), Some("mongrate: edited")));
    assert!(data.starts_with("`a%0A|b<script>") && data.contains("\n::error::d"), "{data}");
    assert_eq!(read[1].2, "two\nlines\nnext: do this\nand ::error::that");
}

fn decoded(text: &str, is_property: bool) -> String {
    let text = text.replace("%0D", "\r").replace("%0A", "\n");
    let text = if is_property { text.replace("%3A", ":").replace("%2C", ",") } else { text };
    text.replace("%25", "%")
}

#[test]
fn sarif_names_rules_and_encodes_paths() {
    let value: Value = serde_json::from_str(&sarif::render(&review())).unwrap();
    assert_eq!(value["version"], "2.1.0");
    let run = &value["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], rules[index]["id"]);
        let location = &result["locations"][0]["physicalLocation"];
        let uri = location["artifactLocation"]["uri"].as_str().unwrap();
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        assert!(uri.bytes().all(is_safe) && uri.starts_with("services/shop/"), "{uri}");
    }
    let levels: Vec<&Value> = results.iter().map(|result| &result["level"]).collect();
    assert_eq!(levels, ["error", "error", "warning", "note"]);
    let location = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(
        location["artifactLocation"]["uri"],
        "services/shop/src/a%20b%7C%3Cc%3E%2Cd%3A%25.rs"
    );
    assert_eq!(location["region"]["startLine"], 7);
    let told = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!(told.len(), 1);
}

#[test]
fn junit_is_well_formed_and_counts() {
    let text = junit::render(&review());
    let mut open: Vec<&str> = Vec::new();
    let (mut cases, mut failures, mut skipped) = (0, 0, 0);
    let mut rest = text.split_once("?>").unwrap().1;
    while let Some(begin) = rest.find('<') {
        assert!(is_text(&rest[..begin]), "{}", &rest[..begin]);
        let end = begin + rest[begin..].find('>').unwrap();
        let tag = &rest[begin + 1..end];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            let attributes = &tag[name.len()..];
            assert_eq!(attributes.matches('"').count() % 2, 0, "{tag}");
            cases += usize::from(name == "testcase");
            failures += usize::from(name == "failure");
            skipped += usize::from(name == "skipped");
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        rest = &rest[end + 1..];
    }
    assert_eq!((open.len(), cases, failures, skipped), (0, 4, 1, 1));
    assert!(text.contains("tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{text}");
    let is_legal = |char: char| char == '\n' || (!char.is_control() && char != '\u{ffff}');
    assert!(text.chars().all(is_legal));
    // Both errors are in the one failure.
    assert!(text.contains("[edited]") && text.contains("[gone]"), "{text}");
}

/// Whether each `&` begins an entity.
fn is_text(text: &str) -> bool {
    text.split('&').skip(1).all(|part| {
        ["amp;", "lt;", "gt;", "quot;", "#10;"].iter().any(|entity| part.starts_with(entity))
    })
}

#[test]
fn a_comment_is_tables_that_no_name_can_break() {
    let text = markdown::render(&review());
    assert!(text.starts_with(markdown::MARK), "{text}");
    let mut tables: Vec<(usize, usize)> = Vec::new();
    let mut is_in_table = false;
    for line in text.lines() {
        if !line.starts_with('|') {
            is_in_table = false;
            continue;
        }
        let cells = line.matches('|').count() - 1;
        match tables.last_mut() {
            Some((columns, rows)) if is_in_table => {
                assert_eq!(*columns, cells, "{line}");
                *rows += 1;
            }
            _ => tables.push((cells, 0)),
        }
        is_in_table = true;
    }
    // Without the line below the heads.
    let tables: Vec<(usize, usize)> =
        tables.into_iter().map(|(columns, rows)| (columns, rows - 1)).collect();
    assert_eq!(tables, [(4, 1), (3, 2), (3, 1), (3, 1)], "{text}");
    // The only tags are ours.
    for tag in text.split('<').skip(1) {
        let ours = [
            "!-- mongrate -->",
            "br>",
            "code>",
            "/code>",
            "details>",
            "/details>",
            "summary>",
            "/summary>",
        ];
        assert!(ours.iter().any(|ours| tag.starts_with(ours)), "{tag}");
    }
    assert_eq!(text.matches("<code>").count(), text.matches("</code>").count());
    assert!(!text.contains('@') && text.contains("&#64;team"), "{text}");
    assert!(text.contains("12 ms, 3 commands, 40 documents written"), "{text}");
    assert!(text.contains("| one <code>way</code> |"), "{text}");
}

#[test]
fn text_has_no_line_of_a_stranger() {
    let text = text::render(&review());
    for line in text.lines() {
        let ours = ["error: ", "warning: ", "note: ", "new: ", "skipped: ", "ci: ", "  "];
        assert!(ours.iter().any(|ours| line.starts_with(ours)), "{line}");
        assert!(!line.trim_start().starts_with("::"), "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn json_has_each_finding_with_a_way_out() {
    let mut also = Map::new();
    also.insert("packages".to_owned(), Value::Array(Vec::new()));
    let value: Value = serde_json::from_str(&json::render(&review(), also)).unwrap();
    assert_eq!(value["ok"], false);
    assert_eq!(value["findings"].as_array().unwrap().len(), 4);
    for finding in value["findings"].as_array().unwrap() {
        for key in ["code", "severity", "text", "next"] {
            assert!(finding[key].as_str().is_some_and(|text| !text.is_empty()), "{finding}");
        }
    }
    assert_eq!(value["findings"][0]["file"], "services/shop/src/a b|<c>,d:%.rs");
    assert_eq!(value["problems"].as_array().unwrap().len(), 2);
    assert_eq!(value["migrations"][0]["cost"]["written"], 40);
    assert_eq!(value["packages"], Value::Array(Vec::new()));
}

#[test]
fn an_empty_review_is_valid_in_each_format() {
    let review = Review::new("ci");
    for format in
        [Format::Text, Format::Json, Format::Github, Format::Sarif, Format::Junit, Format::Markdown]
    {
        assert!(!rendered(&review, format, &[]).is_empty(), "{format:?}");
    }
    assert!(junit::render(&review).contains("tests=\"0\""));
    assert!(markdown::render(&review).contains("✅ Migrations: nothing found"));
}

#[test]
fn a_target_is_a_format_and_perhaps_a_file() {
    let target: Target = "sarif=out/a=b.sarif".parse().unwrap();
    assert_eq!((target.format, target.file), (Format::Sarif, Some("out/a=b.sarif".into())));
    assert_eq!("github".parse::<Target>().unwrap().file, None);
    assert!("sarif=".parse::<Target>().unwrap_err().contains("missing"));
    assert!("xml".parse::<Target>().unwrap_err().contains("junit"));
}
