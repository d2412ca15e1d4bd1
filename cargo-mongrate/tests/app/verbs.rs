//! The verbs of `cargo mongrate` itself, in workspaces of several packages.

use std::process::{Command, Stdio};

use crate::shop::{MIGRATION, NO_CLI, Shop, text, workspace};

/// A reader that closes the pipe early (`| head -1`) is no failure, and no verb panics.
#[test]
fn no_verb_panics_on_a_closed_pipe() {
    let shop = workspace("");
    for (arguments, expected) in [
        (&["new", "add plans", "-p", "users"][..], 0),
        (&["check"], 0),
        (&["check", "-p", "users"], 0),
        (&["seal", "-p", "users"], 0),
        (&["reseal", "1", "-p", "users"], 0),
        (&["rebase", "--dry-run"], 0),
        (&["rebase"], 0),
        (&["--help"], 0),
        (&["new", "--help"], 0),
        (&["--version"], 0),
        (&["new", ".."], 1),
        (&["reseal", "77"], 1),
        (&["no-such-verb"], 64),
        (&["up", "-p", "users"], 64),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cargo-mongrate"))
            .arg("mongrate")
            .args(arguments)
            .current_dir(shop.path(""))
            .env("CARGO_NET_OFFLINE", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the subcommand runs");
        // Both pipes are closed before the process can write.
        drop((child.stdout.take(), child.stderr.take()));
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
    // The work was done all the same.
    assert!(shop.path("users/src/migrations/m0002_add_plans.rs").exists());
    shop.succeeds("users", &["check"], "users: 2 migrations, 2 sealed");
}

/// From the root a verb takes all packages, from the directory of a member that package, and with
/// `-p` any package.
#[test]
fn every_verb_in_a_workspace() {
    let shop = workspace("");
    shop.succeeds("", &["check"], "billing: 1 migrations, 0 sealed");
    shop.succeeds("", &["check"], "users: 1 migrations, 0 sealed");
    let check = shop.run("users/src/migrations", &["check"]);
    assert!(!text(&check).contains("billing"), "{}", text(&check));
    shop.succeeds("users", &["check", "--workspace"], "billing: 1 migrations");
    shop.succeeds("users", &["-p", "billing", "seal"], "sealed 1 `one`");
    assert!(
        shop.path("billing/migrations.sum").exists() && !shop.path("users/migrations.sum").exists()
    );
    shop.succeeds("", &["seal"], "sealed 1 `one`  users/src/migrations/m0001_one.rs:1");
    shop.fails("", &["reseal", "1"], "several packages seal version 1: say which with `-p`");
    shop.succeeds("users", &["reseal", "1"], "resealed 1 `one`");
    shop.succeeds("", &["reseal", "1", "-p", "billing"], "resealed 1 `one`");
    shop.succeeds("", &["rebase"], "billing: nothing to rebase");
    shop.succeeds("users", &["rebase", "--dry-run"], "users: nothing to rebase");

    shop.fails("", &["new", "x"], "say which with `-p`: `billing` and `users`");
    shop.succeeds(
        "",
        &["new", "add plans", "-p", "users"],
        "wrote users/src/migrations/m0002_add_plans.rs",
    );
    assert_eq!(
        shop.read("users/src/migrations/mod.rs"),
        "//! All.\n\nmod m0001_one;\nmod m0002_add_plans;\n"
    );
    shop.succeeds(
        "billing/src",
        &["new", "add bills", "--kind=online", "--reversible"],
        "m0002_add_bills.rs",
    );
    assert!(shop.read("billing/src/migrations/m0002_add_bills.rs").contains("on: &mut Online<'_>"));
    shop.succeeds("", &["check"], "users: 2 migrations, 1 sealed, 1 new");
    shop.succeeds("aside", &["check"], "users: 2 migrations, 1 sealed, 1 new");
    shop.fails("", &["check", "--manifest-path", "nowhere/Cargo.toml"], "does not exist");
}

#[test]
fn the_root_of_a_workspace_may_be_a_package() {
    let root = "[package]\nname = \"root\"\nedition = \"2024\"\n[dependencies]\nmongrate = { path = \
                \"stub\" }\n";
    let library = ("src/lib.rs", MIGRATION);
    let shop = Shop::new(root, &[("billing", NO_CLI, &[library])]);
    shop.write("src/lib.rs", MIGRATION);
    let check = shop.run("", &["check"]);
    assert!(
        text(&check).starts_with("root: 1 ") && !text(&check).contains("billing"),
        "{}",
        text(&check)
    );
    shop.succeeds("", &["check", "--workspace"], "billing: 1 ");
    shop.succeeds("billing", &["check"], "billing: 1 ");
    // In a root package that does not use mongrate, a verb takes all packages that do.
    let root = "[package]\nname = \"root\"\nedition = \"2024\"\n";
    let shop = Shop::new(root, &[("billing", NO_CLI, &[library])]);
    shop.write("src/lib.rs", "");
    shop.succeeds("", &["check"], "billing: 1 ");
}

#[test]
fn new_makes_the_first_one_and_refuses_hostile_names() {
    let shop =
        Shop::new("", &[("shop", NO_CLI, &[("src/main.rs", "//! A shop.\n\nfn main() {}\n")])]);
    for name in ["../x", "a/b", "a\\b", "..", "", "a\u{1b}b"] {
        shop.fails("shop", &["new", name], "cannot name a migration");
    }
    assert!(!shop.path("shop/src/migrations").exists());
    let output = shop.run("shop", &["new", "Add users"]);
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(text(&output).lines().count(), 5, "{}", text(&output));
    assert_eq!(shop.read("shop/migrations.sum"), "mongrate-sum v1\n");
    assert_eq!(shop.read("shop/src/main.rs"), "//! A shop.\n\nmod migrations;\n\nfn main() {}\n");
    shop.succeeds("shop", &["check"], "1 migrations, 0 sealed");
    shop.fails("shop", &["new", "add users"], "the name `add_users` is already taken");
    shop.succeeds("shop", &["seal"], "sealed");
    shop.succeeds("shop", &["new", "add plans"], "wrote src/migrations/m");
    shop.succeeds("shop", &["check"], "2 migrations, 1 sealed, 1 new");
    // The sum file is in conflict, so the next version is unknown.
    let sum = shop.read("shop/migrations.sum");
    shop.write("shop/migrations.sum", &format!("{sum}<<<<<<< HEAD\n=======\n>>>>>>> x\n"));
    shop.fails("shop", &["new", "x"], "`cargo mongrate rebase`");
}

/// Mistakes within a file, in the words of the compiler.
#[test]
fn check_says_what_the_attribute_says() {
    let shop = Shop::new("", &[("shop", NO_CLI, &[])]);
    let check = |text: &str, expected: &str| {
        shop.write("shop/src/lib.rs", text);
        shop.fails("shop", &["check"], expected);
    };
    let with_attribute = |attribute: &str| MIGRATION.replace("(version = 1)", attribute);
    check(
        &with_attribute(""),
        "error: src/lib.rs:1: missing `version`, as in `#[migration(version = 20250122001)]`",
    );
    check(&with_attribute("(version = 0)"), "error: src/lib.rs:1: `version` starts at 1");
    check(&with_attribute("(version = 1, autor = 2)"), "unknown argument `autor`");
    check(
        &with_attribute("(version = 1, reversible)"),
        "`reversible` needs the function that undoes this one",
    );
    check(&MIGRATION.replace("Transaction<'_>", "Session"), "error: src/lib.rs:2: ");
    check(&MIGRATION.replace("async fn", "fn"), "error: src/lib.rs:2: ");
    let two = MIGRATION.replace("= 1", "= 2").replace("fn one", "fn two");
    check(&format!("{MIGRATION}{}", two.replace("= 2", "= 1")), "version 1 is already declared by");
    check(
        &format!("{MIGRATION}{}", two.replace("fn two", "fn one")),
        "the name `one` is already taken",
    );
    check(
        &format!("{two}{MIGRATION}"),
        "versions rise within a file, but version 2 of `two` on line 1",
    );
    shop.write("shop/src/m0007_x.rs", MIGRATION);
    check("mod m0007_x;\n", "the name `m0007_x.rs` promises version 7, and this is version 1");
    check("mod m0007_x;\nmod nowhere;\n", "error: src/lib.rs: `mod nowhere;` has no file");
    check("", "src/m0007_x.rs: holds a migration, and no `mod` reaches it");
}
