//! `mongrate.toml`: the compiler and the subcommand read it alike, and the app gets its rules.

use crate::fixture::{Fixture, text};

/// Prints the rules that were linked.
const PRINTS: &str = r#"
mod five;
mod one;

fn main() {
    for file in mongrate::__private::v1::POLICY_FILES.iter() {
        println!("{} {}: {:?}", file.crate_name, file.absent.is_some(), file.lines);
    }
}
"#;

#[test]
fn the_rules_are_linked_once_and_an_edit_of_the_file_alone_is_seen() {
    let fixture = Fixture::new();
    fixture.write("src/main.rs", PRINTS);
    fixture.write("mongrate.toml", "deny = \"all\"\n\n[only]\ndown = [\"http:alice\"]\n");
    fixture.is_sound();
    let linked = || text(&fixture.cargo(&["run"]));
    let of = |lines: &str| format!("{} false: {lines:?}\n", fixture.name);
    assert_eq!(linked(), of("1\tdeny\tall\n4\tonly.down\thttp:alice\n"));
    let report = text(&fixture.mongrate(&["check"]));
    assert!(report.contains("; 2 policies in mongrate.toml"), "{report}");
    fixture.write("mongrate.toml", "plan_required = true\n");
    assert_eq!(linked(), of("1\tplan_required\ttrue\n"));
    // Broken by an edit of the file alone, and gone.
    fixture.write("mongrate.toml", "plan_requird = true\n");
    fixture.is_refused("mongrate.toml:1:1: there is no key `plan_requird`; did you mean");
    std::fs::remove_file(fixture.path("mongrate.toml")).expect("it is there");
    let absent = linked();
    assert!(absent.ends_with("true: \"\"\n"), "{absent}");
}

#[test]
fn each_mistake_is_a_compile_error_with_its_place() {
    let fixture = Fixture::new();
    fixture.write("mongrate.toml", "deny = [\"larg_transaction\"]\n[only]\ndown = [\"alice\"]\n");
    let output = fixture.cargo(&["check"]);
    let compiler = text(&output);
    assert!(!output.status.success(), "{compiler}");
    for expected in [
        "mongrate.toml:1:9: there is no lint `larg_transaction`; did you mean `large_transaction`?",
        "mongrate.toml:3:9: `alice` names nobody",
    ] {
        assert!(compiler.contains(expected), "{compiler}");
        let check = fixture.mongrate(&["check"]);
        assert!(!check.status.success() && text(&check).contains(expected), "{}", text(&check));
    }
}

#[test]
fn a_file_that_nothing_reads_is_named() {
    let fixture = Fixture::new();
    fixture.write("src/main.rs", "fn main() {}\n");
    std::fs::remove_file(fixture.path("src/one.rs")).expect("it is there");
    std::fs::remove_file(fixture.path("src/five.rs")).expect("it is there");
    fixture.write("mongrate.toml", "deny = \"all\"\n");
    let check = fixture.mongrate(&["check"]);
    assert!(text(&check).contains("so nothing reads its policies"), "{}", text(&check));
}
