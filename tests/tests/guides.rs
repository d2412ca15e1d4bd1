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

/// The codes in the calls of these functions: the first text of each call, if it has the form of a code.
fn codes_given_to(functions: &[&str], dir: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for path in files(&root().join(dir)) {
        let text = fs::read_to_string(&path).unwrap();
        for call in functions.iter().flat_map(|function| text.split(*function).skip(1)) {
            let mut depth = 1;
            let within = call.split_inclusive(['(', ')']).take_while(|part| {
                let is_within = depth > 0;
                depth = if part.ends_with('(') { depth + 1 } else { depth - 1 };
                is_within
            });
            let within: String = within.collect();
            let Some(code) = within.split('"').nth(1) else { continue };
            if code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
                codes.insert(code.to_owned());
            }
        }
    }
    codes
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let each = entries.map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    each.flatten().collect()
}

#[test]
fn each_error_has_its_heading_on_the_page_for_when_it_stops() {
    let page = read("docs/errors.md");
    let between = |path: &str, from: &str| {
        let text = read(path);
        let body = text.split_once(from).unwrap().1;
        let body = body.split_once("\n    }\n").unwrap().0;
        body.split('"').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<String>>()
    };
    let library = between("runtime/src/model/error/mod.rs", "pub const fn code(&self)");
    let created = between("runtime/src/model/create_error.rs", "fn classify(");
    let cli = codes_given_to(&["CliError::new(", "CliError::usage("], "runtime/src/cli");
    let http = codes_given_to(
        &["Problem::bad_request(", "Problem::forbidden(", "Problem::overloaded(", "Self::new("],
        "runtime/src/http",
    );
    // Some are made by a constructor of their own; each has a title.
    let titled = read("runtime/src/http/wire/details.rs");
    let titled = titled.split_once("match code {").unwrap().1.split_once("_ => match").unwrap().0;
    let titled: BTreeSet<String> = titled
        .lines()
        .filter_map(|line| line.split_once("=>"))
        .flat_map(|(codes, _)| codes.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    for (found, at_least) in [(&titled, 15), (&library, 40), (&created, 6), (&cli, 15), (&http, 10)]
    {
        assert!(found.len() >= at_least, "{found:?}");
    }
    let all = library.iter().chain(&created).chain(&cli).chain(&http).chain(&titled);
    let missing: BTreeSet<&String> =
        all.filter(|code| !page.contains(&format!("\n### `{code}`\n"))).collect();
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

/// The front page of the crate names pages by their paths: it has no host to link to.
#[test]
fn each_page_that_the_crates_front_page_names_is_there() {
    let text = read("runtime/src/lib.rs");
    let named: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.starts_with("//!"))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|name| name.ends_with(".md"))
        .collect();
    assert!(named.len() > 15, "{named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !root().join(name).is_file()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_example_has_its_row_its_explanation_and_its_test() {
    let table = read("examples/README.md");
    let manifest = read("Cargo.toml");
    let mut found = 0;
    for path in files(&root().join("examples")) {
        if path.file_name().is_some_and(|name| name == "Cargo.toml") {
            found += 1;
            let dir = path.parent().unwrap();
            let name = dir.strip_prefix(root().join("examples")).unwrap().to_str().unwrap();
            assert!(
                table.contains(&format!("]({name}/src/")),
                "{name} is not in examples/README.md"
            );
            let group =
                name.split_once('/').map_or(name.to_owned(), |(group, _)| format!("{group}/*"));
            let member = format!("\"examples/{group}\"");
            assert!(manifest.contains(&member), "{member} is no member of the workspace");
            let is_migrations = name.ends_with("/migrations");
            assert!(dir.join("tests").is_dir() || is_migrations, "{name} has no test");
            let source =
                ["src/main.rs", "src/lib.rs"].map(|file| fs::read_to_string(dir.join(file)));
            let source = source
                .into_iter()
                .flatten()
                .map(|text| text.lines().take_while(|line| line.starts_with("//!")).count());
            let longest = source.max().unwrap();
            assert!(longest >= 2, "{name} does not explain itself");
        }
    }
    assert!(found >= 10, "{found}");
}

/// The guides show whole programs, which are examples.
#[test]
fn what_the_guide_to_the_command_line_shows_is_the_example() {
    let guide = read("docs/command-line.md");
    let (_, chapter) = guide.split_once("\n## Mount the verbs under a subcommand").unwrap();
    let (_, program) = chapter.split_once("```rust,no_run,standalone_crate\n").unwrap();
    let (program, _) = program.split_once("```").unwrap();
    let (_, program) = program.split_once("/// A shop.\n").unwrap();
    let example = read("examples/clap/src/main.rs");
    // The guide leaves out what the app's own subcommand does.
    let (begin, end) = program.split_once("        Ok(Shop::Serve").unwrap();
    let end = end.split_once('\n').unwrap().1;
    for part in [begin, end] {
        assert!(example.contains(part), "not in examples/clap/src/main.rs:\n{part}");
    }
}

#[test]
fn the_comparison_of_the_book_is_that_of_the_readme() {
    let table = |path: &str| {
        let text = read(path);
        let rows = text.lines().skip_while(|line| !line.contains("| [migrate-mongo] 14"));
        let rows: Vec<String> =
            rows.take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
        assert!(rows.len() > 12, "{path}: {rows:#?}");
        rows
    };
    assert_eq!(table("docs/comparison.md"), table("README.md"));
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
