//! The guides in `docs/` are whole and true: each page is in the summary, each link leads
//! somewhere, each verb and each error is on its page, and what the guide to testing shows is
//! what the sample app runs. (Their other programs are doctests of `mongrate`; the roles of the
//! guide to production are tried by `roles.rs`.)

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the pages.
fn pages() -> BTreeSet<String> {
    let names = fs::read_dir(root().join("docs")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".md")).collect()
}

/// Where the links of a page lead, outside of code.
fn links(text: &str) -> Vec<String> {
    let prose: String = text.split("```").step_by(2).collect();
    let prose: String = prose.split('`').step_by(2).collect();
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(link, _)| link.to_owned()))
        .collect()
}

/// As mdBook and GitHub make the anchors of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose: String = text.split("```").step_by(2).collect();
    let heading = |line: &str| {
        let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
    };
    prose.lines().filter_map(heading).collect()
}

#[test]
fn each_page_is_in_the_summary_once() {
    let listed = links(&read("docs/SUMMARY.md"));
    let unique: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "a page is listed twice");
    let mut all = pages();
    all.remove("SUMMARY.md");
    assert_eq!(unique, all);
}

#[test]
fn each_link_leads_somewhere() {
    let mut broken = Vec::new();
    let files: Vec<String> = pages().into_iter().map(|page| format!("docs/{page}")).collect();
    for file in files.into_iter().chain(["README.md".to_owned(), "CONTRIBUTING.md".to_owned()]) {
        let text = read(&file);
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => root().join(&file),
                path => root().join(&file).parent().unwrap().join(path),
            };
            let fine = match fs::read_to_string(&target) {
                Ok(text) => anchor.is_empty() || anchors(&text).contains(anchor),
                // A folder, or a picture.
                Err(_) => target.exists(),
            };
            if !fine {
                broken.push(format!("{file}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn each_error_is_on_the_page_for_when_it_stops() {
    let (source, page) = (read("runtime/src/model/error/mod.rs"), read("docs/errors.md"));
    let (_, codes) = source.split_once("pub const fn code(&self)").unwrap();
    let (codes, _) = codes.split_once("\n    }\n").unwrap();
    let codes: Vec<&str> = codes.split('"').skip(1).step_by(2).collect();
    assert!(codes.len() > 20, "{codes:?}");
    let missing: Vec<&&str> =
        codes.iter().filter(|code| !page.contains(&format!("| `{code}` |"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_code_of_a_finding_is_on_the_page_for_pull_requests() {
    let (source, page) = (read("cargo-mongrate/src/finding/rules.rs"), read("docs/ci.md"));
    let (_, rules) = source.split_once("\nrules! {\n").unwrap();
    let (rules, _) = rules.split_once("\n}\n").unwrap();
    let names = rules.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     "));
    let codes: Vec<&str> = names.map(|line| line.split('"').nth(1).unwrap()).collect();
    assert!(codes.len() > 30, "{codes:?}");
    let missing: Vec<&&str> =
        codes.iter().filter(|code| !page.contains(&format!("| `{code}` |"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_verb_is_on_the_page_for_the_command_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_two_crates")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let (_, verbs) = help.split_once("Commands:\n").unwrap();
    let (verbs, _) = verbs.split_once("\n\n").unwrap();
    let page = read("docs/command-line.md");
    let names = verbs.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?;
        (!name.starts_with(' ')).then(|| name.split(' ').next()).flatten()
    });
    let names: Vec<&str> = names.filter(|name| *name != "help").collect();
    assert!(names.len() > 14, "{names:?}");
    let missing: Vec<&&str> =
        names.iter().filter(|name| !page.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_the_guide_to_testing_shows_is_run() {
    let (guide, run) = (read("docs/testing.md"), read("migrations/src/tests.rs"));
    let blocks = guide.split("```").filter_map(|block| block.strip_prefix("rust,ignore\n"));
    let blocks: Vec<&str> = blocks.collect();
    assert_eq!(blocks.len(), 6);
    for block in blocks {
        assert!(run.contains(block), "not in migrations/src/tests.rs: {block}");
    }
}

#[test]
fn what_the_guide_to_models_shows_is_compiled() {
    let guide = read("docs/models.md");
    // What the chapter on `diff` shows is a shop, and run by the tests of cargo-mongrate.
    let (begin, chapter) = guide.split_once("\n## Change a type, ").unwrap();
    let guide = begin.to_owned() + chapter.split_once("\n## ").unwrap().1;
    let sample = read("migrations/src/models.rs")
        + &read("migrations/src/migrations/m20250122008_one_name_each.rs");
    let blocks = guide.split("```").filter_map(|block| block.strip_prefix("rust,ignore\n"));
    let blocks: Vec<&str> = blocks.collect();
    assert!(blocks.len() >= 2);
    for block in blocks {
        assert!(sample.contains(block), "not in the sample app: {block}");
    }
}

/// What no retry heals ends the Job of the guide at once; what may heal is tried again.
#[test]
fn the_job_of_the_guide_knows_the_exit_codes() {
    use mongrate::Kind;
    let guide = read("docs/deploying.md");
    let job = guide.split("```yaml\n").find(|block| block.contains("kind: Job")).unwrap();
    let job = job.split("```").next().unwrap();
    for line in ["name: shop-migrate-1-4-0", "- name: MONGODB_DATABASE", "restartPolicy: Never"] {
        assert!(job.contains(line), "{line} is not in:\n{job}");
    }
    let values = job.split_once("values: [").unwrap().1.split_once(']').unwrap().0;
    let values: BTreeSet<u8> = values.split(',').map(|code| code.trim().parse().unwrap()).collect();
    let hopeless = [Kind::Usage, Kind::NeedsOperator, Kind::BadBuild, Kind::Forbidden];
    assert_eq!(values, hopeless.iter().map(|kind| kind.exit_code()).collect());
    for heals in [Kind::Failed, Kind::Unavailable, Kind::Busy] {
        assert!(!values.contains(&heals.exit_code()), "{heals:?}");
    }
}
