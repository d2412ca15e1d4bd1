//! The verbs that run the app's own binary.

use std::{fs, path::Path};

use crate::shop::{APP, CLI, MAIN, MIGRATION, NO_CLI, Shop, text, workspace};

#[test]
fn the_apps_verbs_pass_everything_through() {
    let shop = Shop::new("", &[("shop", CLI, &[MAIN])]);
    shop.calls("shop", &["up"], "SHOP: up\nserver ");
    shop.calls("shop/src", &["status", "--json"], "SHOP: status --json");
    shop.calls("", &["down", "--steps", "2", "--yes"], "SHOP: down --steps 2 --yes");
    shop.calls("", &["up", "--help"], "SHOP: up --help");
    shop.calls("", &["up", "--release", "--dry-run"], "SHOP: up --dry-run");
    shop.calls("", &["history", "--release", "shop 1"], "SHOP: history --release shop 1");
    shop.calls("", &["-p", &shop.shop(), "baseline", "7"], "SHOP: baseline 7");
    for verb in [
        "plan",
        "history",
        "redo",
        "drift",
        "schema",
        "lock-status",
        "force-unlock",
        "resolve",
        "repair",
        "tag",
    ] {
        shop.calls("", &[verb, "-x"], &format!("SHOP: {verb} -x"));
    }
}

#[test]
fn a_password_is_shown_nowhere() {
    let shop = Shop::new("", &[("shop", CLI, &[MAIN])]);
    let uri = "mongodb://me:canary@localhost";
    for arguments in [vec!["up", "--uri", uri], vec!["up", &format!("--uri={uri}")]] {
        let output = shop.run("", &arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!errors.contains("canary"), "{errors}");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains(&format!(": up\nserver {uri}\n")), "{printed}");
    }
    // A mistyped option is an argument, and cargo does not print it.
    let output = shop.run("", &["up", "--url", uri]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("canary"), "{}", text(&output));
}

#[test]
fn the_binary_is_found_or_has_to_be_named() {
    let two = [("src/bin/shop.rs", APP), ("src/bin/other.rs", APP)];
    let shop = Shop::new("", &[("shop", CLI, &two)]);
    shop.refuses("", &["up"], "package `SHOP` has several binaries: say which with `--bin`");
    shop.calls("", &["up", "--bin", "other", "--all"], "other: up --all");
    shop.refuses("", &["up", "--bin", "third"], "has no binary `third`; it has ");

    let default = format!("default-run = \"other\"\n{CLI}");
    let shop = Shop::new("", &[("shop", &default, &two)]);
    shop.calls("", &["up"], "other: up");

    let mounted = "[package.metadata.mongrate]\nbin = \"shop\"\nsubcommand = \"db migrations\"\n";
    let shop = Shop::new("", &[("shop", &format!("{default}{mounted}"), &two)]);
    shop.calls("", &["up", "--steps", "1"], "shop: db migrations up --steps 1");
    let list = mounted.replace("\"db migrations\"", "[\"db\"]");
    let shop = Shop::new("", &[("shop", &format!("{default}{list}"), &two)]);
    shop.calls("", &["up"], "shop: db up");
}

#[test]
fn what_is_no_app_is_not_run() {
    let shop = Shop::new("", &[("shop", NO_CLI, &[MAIN])]);
    shop.refuses("shop", &["up"], "`SHOP` does not enable mongrate's command line");
    shop.refuses("", &["up"], "no package of this workspace has a binary with mongrate's command");
    let shop = Shop::new("", &[("shop", CLI, &[("src/lib.rs", "")])]);
    shop.refuses("shop", &["up"], "package `SHOP` has no binary");
    shop.refuses("", &["-p", "nobody", "up"], "has no package `nobody`; those that use mongrate");
    shop.refuses("", &["sael"], "unrecognized subcommand 'sael'");
    shop.refuses("", &["reseal"], "<VERSION>");
}

#[test]
fn the_app_of_a_workspace() {
    let shop = workspace("");
    shop.calls("billing/src", &["up"], "SHOP: up");
    shop.calls("shop", &["up"], "SHOP: up");
    shop.calls("other", &["up"], "other: up");
    shop.calls("", &["-p", &shop.shop(), "up"], "SHOP: up");
    shop.refuses("", &["up"], "say which with `-p`, or once and for all with `package = \"…\"`");
    shop.refuses("aside", &["up"], "say which with `-p`");
    shop.refuses("", &["-p", "billing", "up"], "package `billing` has no binary");
    shop.refuses("", &["-p", "billing", "-p", "users", "up"], "runs one app");
    let shop = workspace("[workspace.metadata.mongrate]\npackage = \"other\"\n");
    shop.calls("", &["up"], "other: up");
    shop.calls("aside", &["up"], "other: up");
    let shop = workspace("[workspace.metadata.mongrate]\npackage = \"nobody\"\n");
    shop.refuses("", &["up"], "names `nobody`, and there is no such package");
}

#[test]
fn check_can_ask_the_server_too() {
    let shop = workspace("");
    let output = shop.run("billing", &["check", "--server", "--", "--json"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let expected = format!(
        "billing: 1 migrations, 0 sealed, 1 new: `cargo mongrate seal` seals them\nthe sources and \
         migrations.sum are valid; now the app's own `check`, which reads the database\n\
         {}: check --json\n",
        shop.shop()
    );
    assert!(text(&output).starts_with(&expected), "{}", text(&output));
    shop.write("billing/src/migrations/m0001_two.rs", MIGRATION);
    shop.fails("billing", &["check", "--server"], "no `mod` reaches it");
}

/// Help and output say what was checked, so that nobody confuses it with the app's `check`.
#[test]
fn check_says_that_no_database_was_checked() {
    let shop = workspace("");
    shop.succeeds(
        "billing",
        &["check"],
        "no database was checked: `cargo mongrate check --server`",
    );
    shop.succeeds("", &["check", "--help"], "that is the app's own `check`, which `--server` runs");
    shop.succeeds("", &["--help"], "The app's own `check` compares the build with a database");
}

/// The verbs of the app, read from the source of its command line.
fn verbs_of_the_app() -> Vec<String> {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src/cli");
    let sources = texts_below(&cli);
    let mut named = sources.iter().filter_map(|source| source.split_once("const fn name(&self)"));
    let (_, names) = named.next().expect("the names of the app's verbs");
    assert!(named.next().is_none(), "only the verbs have names");
    let names = names.split_once("    }\n}").expect("the end of them").0;
    let quoted = |line: &str| Some(line.split_once("=> \"")?.1.split_once('"')?.0.to_owned());
    names.lines().filter_map(quoted).chain(["serve".to_owned()]).collect()
}

/// The texts of all files below a directory.
fn texts_below(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => texts_below(&path),
            false => vec![fs::read_to_string(&path).expect("a file")],
        })
        .collect()
}

#[test]
fn each_verb_of_the_app_is_one_of_cargo_mongrate() {
    let shop = Shop::new("", &[("shop", CLI, &[MAIN])]);
    let verbs = verbs_of_the_app();
    assert!(verbs.len() >= 17 && verbs.contains(&"purge".to_owned()), "{verbs:?}");
    for verb in &verbs {
        match verb.as_str() {
            // These two do more than run the app.
            "create" => shop.fails("shop", &["create", "../x"], "cannot name a migration"),
            "check" => shop.calls(
                "",
                &["check", "--server"],
                "SHOP: 0 migrations, 0 sealed\nthe sources and migrations.sum are valid; now the \
                 app's own `check`, which reads the database\nSHOP: check",
            ),
            verb => shop.calls("", &[verb, "-x"], &format!("SHOP: {verb} -x")),
        }
        shop.succeeds("", &["--help"], verb);
    }
}
