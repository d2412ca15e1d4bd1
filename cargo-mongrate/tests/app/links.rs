//! Crates of migrations that the linker drops.

use std::{fs, path::Path, process::Command};

use crate::shop::{MIGRATION, NO_CLI, Shop, text};

/// An app that depends on two crates of migrations. Its code names the crates that `main` names.
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
    // Through another crate that names it.
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
    // One line links both.
    let chain = with_crates("", "", "pub use billing;");
    let output = chain.run("", &["check"]);
    assert!(text(&output).contains("`users` (1 migration)"), "{}", text(&output));
    assert!(text(&output).contains(&line("users", "app/src/main.rs")), "{}", text(&output));
    // Left out on purpose.
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

    // Through a crate that has no migrations itself, under another name.
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

/// Each version would see only its own migrations.
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
