//! The verbs that run the app's own binary, and every verb in workspaces of several packages.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use tempfile::TempDir;

/// Prints its arguments, the server it is told of, and what it reads; ends with 3.
const APP: &str = r#"
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!("{}: {}", env!("CARGO_BIN_NAME"), arguments.join(" "));
    println!("server {}", std::env::var("MONGODB_URI").unwrap_or_default());
    let read = std::io::read_to_string(std::io::stdin()).unwrap();
    println!("read {read}");
    std::process::exit(3);
}
"#;

const MIGRATION: &str = "#[mongrate::migration(version = 1)]\nasync fn one(_: &mut \
                         mongrate::Transaction<'_>) -> mongrate::Result { Ok(()) }\n";

/// A package's name, the rest of its manifest, and its files.
type Member<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// A workspace without the driver: what is run does not migrate, it says how it was called.
struct Shop {
    root: TempDir,
    /// Cargo tells packages of one name in one target directory apart by nothing else.
    suffix: u32,
}

impl Shop {
    /// Of these packages, each with its files; and `mongrate`, with a feature `cli`.
    fn new(root: &str, packages: &[Member<'_>]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let suffix = COUNT.fetch_add(1, Ordering::Relaxed);
        let shop = Self { root: tempfile::tempdir().expect("a directory"), suffix };
        shop.write(
            "stub/Cargo.toml",
            "[package]\nname = \"mongrate\"\nedition = \"2024\"\n[features]\ncli = []\n",
        );
        shop.write("stub/src/lib.rs", "");
        let members: Vec<&str> = packages.iter().map(|(name, ..)| *name).chain(["stub"]).collect();
        let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n{root}");
        shop.write("Cargo.toml", &shop.named(&workspace));
        for (name, manifest, files) in packages {
            let manifest = format!(
                "[package]\nname = \"{name}\"\nedition = \"2024\"\n{}",
                manifest.replace("MONGRATE", "mongrate = { path = \"../stub\"")
            );
            shop.write(&format!("{name}/Cargo.toml"), &shop.named(&manifest));
            for (file, text) in *files {
                shop.write(&format!("{name}/{file}"), text);
            }
        }
        shop
    }

    /// Packages that are built need a name of their own: `shop` becomes `shop-7`.
    fn named(&self, text: &str) -> String {
        text.replace("\"shop\"\nedition", &format!("\"{}\"\nedition", self.shop()))
    }

    fn shop(&self) -> String {
        format!("shop-{}", self.suffix)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn run(&self, directory: &str, arguments: &[&str]) -> Output {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("app");
        let mut child = Command::new(env!("CARGO_BIN_EXE_cargo-mongrate"))
            .arg("mongrate")
            .args(arguments)
            .current_dir(self.path(directory))
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", target)
            .env_remove("MONGODB_URI")
            .env_remove("RUSTFLAGS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the subcommand runs");
        // Whoever does not read it has ended.
        let _ = child.stdin.take().expect("a pipe").write_all(b"yes");
        child.wait_with_output().expect("it ends")
    }

    /// The app was called with these arguments.
    #[track_caller]
    fn calls(&self, directory: &str, arguments: &[&str], expected: &str) {
        let output = self.run(directory, arguments);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        let printed = String::from_utf8_lossy(&output.stdout);
        let expected = expected.replace("SHOP", &self.shop());
        assert!(printed.starts_with(&format!("{expected}\n")), "{}", text(&output));
        assert!(printed.ends_with("read yes\n"), "{printed}");
    }

    /// Nothing is built or run.
    #[track_caller]
    fn refuses(&self, directory: &str, arguments: &[&str], expected: &str) {
        let output = self.run(directory, arguments);
        assert_eq!(output.status.code(), Some(64), "{}", text(&output));
        let expected = expected.replace("SHOP", &self.shop());
        assert!(text(&output).contains(&expected), "{}\n{expected}", text(&output));
    }

    #[track_caller]
    fn succeeds(&self, directory: &str, arguments: &[&str], expected: &str) {
        let output = self.run(directory, arguments);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains(expected), "{}\n{expected}", text(&output));
    }

    #[track_caller]
    fn fails(&self, directory: &str, arguments: &[&str], expected: &str) {
        let output = self.run(directory, arguments);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains(expected), "{}\n{expected}", text(&output));
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

const CLI: &str = "[dependencies]\nMONGRATE, features = [\"cli\"] }\n";
const NO_CLI: &str = "[dependencies]\nMONGRATE }\n";
const MAIN: (&str, &str) = ("src/main.rs", APP);

#[test]
fn the_apps_verbs_pass_everything_through() {
    let shop = Shop::new("", &[("shop", CLI, &[MAIN])]);
    shop.calls("shop", &["up"], "SHOP: up\nserver ");
    shop.calls("shop/src", &["status", "--json"], "SHOP: status --json");
    shop.calls("", &["down", "--steps", "2", "--yes"], "SHOP: down --steps 2 --yes");
    shop.calls("", &["up", "--help"], "SHOP: up --help");
    shop.calls("", &["up", "--release", "--dry-run"], "SHOP: up --dry-run");
    shop.calls("", &["-p", &shop.shop(), "baseline", "7"], "SHOP: baseline 7");
    for verb in ["plan", "history", "redo", "lock-status", "force-unlock", "resolve", "repair"] {
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
    // Mistyped, it is an argument; cargo keeps quiet about it.
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
    shop.refuses("shop", &["up"], "`SHOP` does not ask for mongrate's command line");
    shop.refuses("", &["up"], "no package of this workspace has a binary with mongrate's command");
    let shop = Shop::new("", &[("shop", CLI, &[("src/lib.rs", "")])]);
    shop.refuses("shop", &["up"], "package `SHOP` has no binary");
    shop.refuses("", &["-p", "nobody", "up"], "has no package `nobody`; those that use mongrate");
    shop.refuses("", &["sael"], "unrecognized subcommand 'sael'");
    shop.refuses("", &["reseal"], "<VERSION>");
}

/// An app with two crates of migrations, and an app beside it that has nothing to do with them.
fn workspace(settings: &str) -> Shop {
    // What is built here has no attribute; `cargo mongrate` reads whatever the `cfg`.
    let list = ("src/lib.rs", "#[cfg(any())]\nmod migrations;\n");
    let module = ("src/migrations/mod.rs", "//! All.\n\nmod m0001_one;\n");
    let first = ("src/migrations/m0001_one.rs", MIGRATION);
    let library: [(&str, &str); 3] = [list, module, first];
    let depends = "billing = { path = \"../billing\" }\nusers = { path = \"../users\" }\n";
    Shop::new(
        settings,
        &[
            ("billing", NO_CLI, &library),
            ("users", NO_CLI, &library),
            ("shop", &format!("{CLI}{depends}"), &[MAIN]),
            ("other", CLI, &[MAIN]),
            ("aside", "", &[("src/lib.rs", "")]),
        ],
    )
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
         migrations.sum are sound; now the app's own `check`, which asks the database\n\
         {}: check --json\n",
        shop.shop()
    );
    assert!(text(&output).starts_with(&expected), "{}", text(&output));
    shop.write("billing/src/migrations/m0001_two.rs", MIGRATION);
    shop.fails("billing", &["check", "--server"], "no `mod` reaches it");
}

/// Its help and its output say what it looked at, so that nobody takes it for the app's `check`.
#[test]
fn check_says_that_no_database_was_asked() {
    let shop = workspace("");
    shop.succeeds("billing", &["check"], "no database was asked: `cargo mongrate check --server`");
    shop.succeeds("", &["check", "--help"], "that is the app's own `check`, which `--server` runs");
    shop.succeeds("", &["--help"], "The app's own `check` compares the build with a database");
}

/// The verbs of the app, as its own command line lists them.
fn verbs_of_the_app() -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src/cli/args/verb.rs");
    let source = fs::read_to_string(source).expect("the verbs of the app");
    let names = source.split_once("const fn name(&self)").expect("their names").1;
    let names = names.split_once("    }\n}").expect("the end of them").0;
    let quoted = |line: &str| Some(line.split_once("=> \"")?.1.split_once('"')?.0.to_owned());
    names.lines().filter_map(quoted).chain(["serve".to_owned()]).collect()
}

#[test]
fn each_verb_of_the_app_is_one_of_cargo_mongrate() {
    let shop = Shop::new("", &[("shop", CLI, &[MAIN])]);
    let verbs = verbs_of_the_app();
    assert!(verbs.len() >= 17 && verbs.contains(&"purge".to_owned()), "{verbs:?}");
    for verb in &verbs {
        match verb.as_str() {
            // These have more to do than to run the app.
            "create" => shop.fails("shop", &["create", "../x"], "cannot name a migration"),
            "check" => shop.calls(
                "",
                &["check", "--server"],
                "SHOP: 0 migrations, 0 sealed\nthe sources and migrations.sum are sound; now the \
                 app's own `check`, which asks the database\nSHOP: check",
            ),
            verb => shop.calls("", &[verb, "-x"], &format!("SHOP: {verb} -x")),
        }
        shop.succeeds("", &["--help"], verb);
    }
}

/// A reader that leaves early (`| head -1`) is no failure, and no verb panics.
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
        // Both are closed before anything can be written.
        drop((child.stdout.take(), child.stderr.take()));
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
    // The work was done all the same.
    assert!(shop.path("users/src/migrations/m0002_add_plans.rs").exists());
    shop.succeeds("users", &["check"], "users: 2 migrations, 2 sealed");
}

/// From the root all packages, from a member's directory that one, with `-p` any.
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
    // One that does not use mongrate itself stands for all that do.
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
    shop.fails("shop", &["new", "add users"], "the name `add_users` is already taken by");
    shop.succeeds("shop", &["seal"], "sealed");
    shop.succeeds("shop", &["new", "add plans"], "wrote src/migrations/m");
    shop.succeeds("shop", &["check"], "2 migrations, 1 sealed, 1 new");
    // Sealed, and in conflict: which version is next cannot be known.
    let sum = shop.read("shop/migrations.sum");
    shop.write("shop/migrations.sum", &format!("{sum}<<<<<<< HEAD\n=======\n>>>>>>> x\n"));
    shop.fails("shop", &["new", "x"], "`cargo mongrate rebase`");
}

/// What one file alone can show wrong, in the words of the compiler.
#[test]
fn check_says_what_the_attribute_says() {
    let shop = Shop::new("", &[("shop", NO_CLI, &[])]);
    let check = |text: &str, expected: &str| {
        shop.write("shop/src/lib.rs", text);
        shop.fails("shop", &["check"], expected);
    };
    let one = |attribute: &str| MIGRATION.replace("(version = 1)", attribute);
    check(
        &one(""),
        "error: src/lib.rs:1: missing `version`, as in `#[migration(version = 20250122001)]`",
    );
    check(&one("(version = 0)"), "error: src/lib.rs:1: `version` starts at 1");
    check(&one("(version = 1, autor = 2)"), "unknown argument `autor`");
    check(
        &one("(version = 1, reversible)"),
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

/// An app with two crates of migrations, of which its code names what `main` says.
fn with_crates(manifest: &str, main: &str, users: &str) -> Shop {
    let app = format!(
        "[dependencies]\nMONGRATE }}\nusers = {{ path = \"../users\" }}\n\
         billing = {{ path = \"../billing\" }}\n{manifest}"
    );
    let users_manifest = "[dependencies]\nMONGRATE }\nbilling = { path = \"../billing\" }\n";
    let main = format!("{main}\nfn main() {{ mongrate::cli::main(); }}\n");
    let two = MIGRATION.replace("version = 1", "version = 2").replace("fn one", "fn two");
    let users = format!("{users}\n{two}");
    Shop::new(
        "",
        &[
            ("app", &app, &[("src/main.rs", &main)]),
            ("users", users_manifest, &[("src/lib.rs", &users)]),
            ("billing", NO_CLI, &[("src/lib.rs", MIGRATION)]),
        ],
    )
}

#[test]
fn a_crate_of_migrations_that_no_code_names_is_named_with_the_line_to_add() {
    let line = |krate: &str, file: &str| format!("add `use {krate} as _;` to {file}");
    let whole = with_crates("", "use users as _; use billing as _;", "");
    whole.succeeds("", &["check"], "app: 0 migrations");
    // Over another crate that names it.
    let over = with_crates("", "use users as _;", "pub use billing;");
    over.succeeds("", &["check"], "users: 1 migrations");
    for main in [
        "use users as _;",
        "// billing\nuse users as _;",
        "use users as _;\n#[cfg(test)] use billing as _;",
        "use users as _;\n#[cfg(test)] mod tests { use billing as _; }",
        "use users as _; fn f() { let billing = 1; }",
    ] {
        let part = with_crates("", main, "");
        let expected = format!(
            "app/src/main.rs: no code names `billing` (1 migration): the linker drops it, and the \
             app starts with a part of its migrations: {}",
            line("billing", "app/src/main.rs")
        );
        for from in ["", "billing"] {
            let output = part.run(from, &["check"]);
            assert_eq!(output.status.code(), Some(1), "{main}: {}", text(&output));
            if from.is_empty() {
                assert!(text(&output).contains(&expected), "{main}: {}", text(&output));
            }
        }
    }
    for main in [
        "mongrate::link!(users, billing);",
        "use users as _; fn f() { billing::f(); }",
        "extern crate users; extern crate billing;",
        "use {users as _, billing::x};",
    ] {
        with_crates("", main, "").succeeds("", &["check"], "app: 0 migrations");
    }
    // One line brings both back.
    let chain = with_crates("", "", "pub use billing;");
    let output = chain.run("", &["check"]);
    assert!(text(&output).contains("`users` (1 migration)"), "{}", text(&output));
    assert!(text(&output).contains(&line("users", "app/src/main.rs")), "{}", text(&output));
    // Without them, if it is meant.
    let meant = "[package.metadata.mongrate]\nunlinked = [\"billing\"]\n";
    with_crates(meant, "use users as _;", "").succeeds("", &["check"], "app: 0 migrations");
    with_crates(meant, "", "").fails("", &["check"], "no code names `users` (1 migration)");
}

#[test]
fn what_an_app_reaches_only_over_others_and_its_own_library_count_too() {
    // Its own library.
    let main = "fn main() { mongrate::cli::main(); }\n";
    let files = [("src/main.rs", main), ("src/lib.rs", MIGRATION)];
    let own = Shop::new("", &[("app", NO_CLI, &files)]);
    own.fails("", &["check"], "no code names the package's own library `app` (1 migration)");
    own.fails("", &["check"], "add `use app as _;` to app/src/main.rs");
    let named =
        [("src/main.rs", "use app as _;\nfn main() { mongrate::cli::main(); }\n"), files[1]];
    Shop::new("", &[("app", NO_CLI, &named)]).succeeds("", &["check"], "app: 1 migrations");
    // A tool beside the app that has nothing to do with migrations.
    let tool = [named[0], files[1], ("src/bin/tool.rs", "fn main() {}\n")];
    Shop::new("", &[("app", NO_CLI, &tool)]).succeeds("", &["check"], "app: 1 migrations");

    // Two hops, the first of them without migrations, and renamed.
    let core =
        "[dependencies]\nMONGRATE }\nbills = { package = \"billing\", path = \"../billing\" }\n";
    let app = "[dependencies]\ncore_of_app = { package = \"mid\", path = \"../mid\" }\n";
    let start = "pub fn start() { mongrate::cli::main(); }\n";
    let main = "fn main() { core_of_app::start(); }\n";
    let shop = |start: &str| {
        Shop::new(
            "",
            &[
                ("app", app, &[("src/main.rs", main)]),
                ("mid", core, &[("src/lib.rs", start)]),
                ("billing", NO_CLI, &[("src/lib.rs", MIGRATION)]),
            ],
        )
    };
    shop(start).fails("", &["check"], "add `use bills as _;` to mid/src/lib.rs");
    shop(&format!("use bills as _;\n{start}")).succeeds("", &["check"], "mid: 0 migrations");
}

/// Each would see its own migrations, and not the other's.
#[test]
fn cargo_refuses_two_versions_of_mongrate() {
    let root = tempfile::tempdir().expect("a directory");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let write = |file: &str, text: &str| {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    let old = "[package]\nname = \"mongrate\"\nversion = \"0.0.9\"\nedition = \"2024\"\n\
               links = \"mongrate\"\nbuild = \"build.rs\"\n";
    write("old/Cargo.toml", old);
    write("old/src/lib.rs", "");
    write("old/build.rs", "fn main() {}\n");
    let runtime = workspace.join("runtime");
    let app = |dependencies: &str| {
        write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"app\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
                 mongrate = {{ path = {runtime:?} }}\n{dependencies}"
            ),
        );
        fs::copy(workspace.join("Cargo.lock"), root.path().join("Cargo.lock")).expect("a file");
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline"])
            .current_dir(root.path())
            .output()
            .expect("cargo runs")
    };
    write("src/lib.rs", "");
    let alone = app("");
    assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
    let both = app("old = { package = \"mongrate\", path = \"old\" }\n");
    assert!(!both.status.success());
    let errors = String::from_utf8_lossy(&both.stderr);
    assert!(errors.contains("links to the native library `mongrate`"), "{errors}");
}

#[test]
fn what_a_static_library_drops_is_said() {
    let lib = format!("{MIGRATION}pub fn start() {{ mongrate::start(); }}\n");
    let manifest = format!("[lib]\ncrate-type = [\"staticlib\"]\n{NO_CLI}");
    let shop = Shop::new("", &[("app", &manifest, &[("src/lib.rs", &lib)])]);
    shop.succeeds("", &["check"], "--whole-archive");
}
