//! What no single compilation can see: the migrations of several crates in one binary.
//!
//! The fixtures are written below `target/`, in a workspace of their own that depends on
//! `tests/stub`: the real attribute and registry without the driver, so that all of it builds in
//! seconds. Every build shares one target directory and one profile, whose settings change: with
//! profiles of their own, the macros would be compiled for each.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

/// Declares version 2.
const BILLING: &str = "
    //! Migrations in a crate of their own.
    use mongrate::{Result, Transaction, migration};
    #[migration(version = 2)]
    async fn add_invoices(_: &mut Transaction<'_>) -> Result { Ok(()) }
";

/// Declares version 2 as well.
const SHIPPING: &str = "
    //! Migrations in another.
    pub mod parcels {
        use mongrate::{Online, Result, migration};
        #[migration(version = 2)]
        pub async fn add_parcels(_: &mut Online<'_>) -> Result { Ok(()) }
    }
";

/// Goes with either.
const USERS: &str = "
    //! Migrations in a third.
    use mongrate::{Result, Transaction, migration};
    #[migration(version = 3)]
    async fn add_plans(_: &mut Transaction<'_>) -> Result { Ok(()) }
    #[migration(version = 10)]
    async fn drop_plans(_: &mut Transaction<'_>) -> Result { Ok(()) }
";

/// Has a name of `users`, but no version.
const NAMESAKE: &str = "
    //! Migrations in a fourth.
    use mongrate::{Result, Transaction, migration};
    #[migration(version = 4)]
    async fn add_plans(_: &mut Transaction<'_>) -> Result { Ok(()) }
";

/// Migrations in the app itself, as the README shows it.
const OWN: &str = "
    //! The app's own.
    use mongrate::{Result, Transaction, migration};
    #[migration(version = 7)]
    async fn add_clinics(_: &mut Transaction<'_>) -> Result { Ok(()) }
";

/// Rollbacks that belong to another migration, where no single file shows it.
const COPIED: &str = "use mongrate::{Result, Transaction, migration};
#[migration(version = 1, reversible = undo)] pub async fn one(_: &mut Transaction<'_>) -> Result { Ok(()) }
mod a { use mongrate::{Result, Transaction, migration};
#[migration(version = 2, reversible = super::undo)] async fn two(_: &mut Transaction<'_>) -> Result { Ok(()) }
#[migration(version = 3, reversible = undo)] async fn three(_: &mut Transaction<'_>) -> Result { Ok(()) }
async fn undo(_: &mut Transaction<'_>) -> Result { Ok(()) }
}
mod b { use mongrate::{Result, Transaction, migration};
#[migration(version = 4, reversible = super::one)] async fn four(_: &mut Transaction<'_>) -> Result { Ok(()) }

#[migration(version = 5, reversible = crate::b::five)] async fn five(_: &mut Transaction<'_>) -> Result { Ok(()) }
}
async fn undo(_: &mut Transaction<'_>) -> Result { Ok(()) }";

const LIBRARIES: [(&str, &str); 4] =
    [("billing", BILLING), ("shipping", SHIPPING), ("users", USERS), ("namesake", NAMESAKE)];

/// What each app says of the others.
const APPS: [(&str, &str); 8] = [
    ("clash", "use billing as _; use shipping as _;"),
    ("two_crates", "use billing as _; use users as _;"),
    ("own_module", "mod migrations;"),
    ("mixed", "mongrate::link!(users, billing); mod migrations;"),
    ("unlinked", ""),
    ("same_name", "mongrate::link!(users, namesake);"),
    ("stale", "mod migrations;"),
    ("copied", COPIED),
];

/// The settings of cargo's own profile, given to `dev`.
const RELEASE: [&str; 5] = [
    "profile.dev.opt-level=3",
    "profile.dev.debug=false",
    "profile.dev.debug-assertions=false",
    "profile.dev.incremental=false",
    "profile.dev.codegen-units=16",
];

/// The attribute is compiled with these whatever is set for the apps: once for each `lto`, which cargo counts among
/// its settings, too.
const MACROS: [&str; 4] = [
    "profile.dev.build-override.codegen-units=16",
    "profile.dev.build-override.debug=false",
    "profile.dev.build-override.debug-assertions=false",
    "profile.dev.build-override.overflow-checks=false",
];

/// What `mixed` lists: sorted, wherever it is declared.
const MIXED: &str =
    "2 add_invoices billing\n3 add_plans users\n7 add_clinics mixed\n10 drop_plans users\n";

const SENTENCE: &str = "mongrate_migration_version_2_is_declared_twice";

#[test]
fn two_crates_with_one_version_do_not_link() {
    let fixtures = fixtures();
    for (profile, settings) in profiles() {
        let mut linkers = linkers();
        if profile == "fat LTO" {
            // The compiler merges the crates itself, and no linker is asked.
            linkers.truncate(1);
        }
        for (linker, arguments, voice) in linkers {
            let build = fixtures.build("clash", &settings, &arguments);
            let text = text(&build);
            assert!(!build.status.success(), "{profile}, {linker}: it linked");
            assert!(text.contains(SENTENCE), "{profile}, {linker}: {text}");
            assert!(text.contains(voice), "not the linker we mean ({profile}, {linker}): {text}");
        }
    }
}

/// Today thin LTO lets the clash through, and the registry sees it. Were it to refuse, good.
#[test]
fn what_thin_lto_lets_through_does_not_start() {
    let fixtures = fixtures();
    let settings = with_lto("thin");
    let build = fixtures.build("clash", &settings, &[]);
    if !build.status.success() {
        assert!(text(&build).contains(SENTENCE), "{}", text(&build));
        return;
    }
    let refusal = fixtures.refusal("clash");
    assert!(refusal.contains("version 2 is declared twice"), "{refusal}");
    assert!(refusal.contains("`add_invoices` (billing/src/lib.rs:3)"), "{refusal}");
    assert!(refusal.contains("`add_parcels` (shipping/src/lib.rs:4)"), "{refusal}");
}

#[test]
fn a_name_in_two_crates_does_not_start() {
    let fixtures = fixtures();
    fixtures.must_build("same_name", &[]);
    let refusal = fixtures.refusal("same_name");
    assert!(refusal.contains("the name `add_plans` is used twice"), "{refusal}");
    assert!(refusal.contains("(users/src/lib.rs:3)"), "{refusal}");
    assert!(refusal.contains("(namesake/src/lib.rs:3)"), "{refusal}");
}

#[test]
fn every_documented_place_of_migrations_works() {
    let fixtures = fixtures();
    let expected = [
        ("two_crates", "2 add_invoices billing\n3 add_plans users\n10 drop_plans users\n"),
        ("own_module", "7 add_clinics own_module\n"),
        ("mixed", MIXED),
    ];
    for (app, list) in expected {
        fixtures.must_build(app, &[]);
        assert_eq!(fixtures.list(app), list);
    }
}

/// It drops what it believes unused.
#[test]
fn no_optimiser_loses_a_migration() {
    let fixtures = fixtures();
    let mut profiles = profiles();
    profiles.push(("thin LTO", with_lto("thin")));
    for (profile, settings) in profiles {
        fixtures.must_build("mixed", &settings);
        assert_eq!(fixtures.list("mixed"), MIXED, "{profile}");
    }
}

/// How linkme's macros talk to each other is its own affair. A later release that changes it costs
/// time to compile, and nothing else.
#[test]
fn another_linkme_registers_the_same() {
    let fixtures = fixtures();
    for (what, changes) in [
        ("as it is, but newer", Vec::new()),
        ("its attribute calls otherwise", vec![("linkme_macro", "linkme_slice")]),
        (
            "its slice names sections otherwise",
            vec![("linkme_linux_section", "linkme_elf_section")],
        ),
    ] {
        let settings = fixtures.patched_linkme(&changes);
        let _restored = fixtures.resolved_with(&settings);
        fixtures.must_build("mixed", &settings);
        assert_eq!(fixtures.list("mixed"), MIXED, "{what}");
        let sections = fixtures.sections("mixed");
        assert!(sections.contains("linkme_MIGRATIONS"), "{what}: {sections}");
        let clash = fixtures.build("clash", &settings, &[]);
        assert!(text(&clash).contains(SENTENCE), "{what}: {}", text(&clash));
    }
}

#[test]
fn a_crate_that_no_code_names_is_missed_and_the_error_says_which_line_to_add() {
    let fixtures = fixtures();
    fixtures.must_build("unlinked", &[]);
    let refusal = fixtures.refusal("unlinked");
    assert!(refusal.contains("no migration is linked into this binary"), "{refusal}");
    assert!(refusal.contains("`use my_migrations as _;`"), "{refusal}");
}

/// A renamed dependency, and every macro that has to find it.
const RENAMED: &str = "
    //! Migrations of a crate that calls it `db`.
    #[db::migration(version = 1, reversible = undo)]
    async fn add_users(_: &mut db::Transaction<'_>) -> db::Result { Ok(()) }
    async fn undo(_: &mut db::Transaction<'_>) -> db::Result { Ok(()) }
    db::verify!();
    #[db::test]
    async fn it_works(_: db::testing::Database) {}
    pub fn start() -> db::Result<Vec<db::Migration>, db::Error> { db::start() }
";

#[test]
fn a_renamed_dependency_is_found_wherever_it_is_declared() {
    let fixtures = fixtures();
    let db = format!("{{ package = \"mongrate\", path = {:?} }}", stub());
    for (name, dependencies) in [
        ("inline", format!("[dependencies]\ndb = {db}\n")),
        ("table", format!("[dependencies.db]\npackage = \"mongrate\"\npath = {:?}\n", stub())),
        ("inherited", "[dependencies]\ndb.workspace = true\n".to_owned()),
        ("targeted", format!("[target.'cfg(all())'.dependencies]\ndb = {db}\n")),
        ("for_tests", format!("[dev-dependencies]\ndb = {db}\n")),
    ] {
        let source = match name {
            "for_tests" => format!("#![cfg(test)]{RENAMED}"),
            _ => RENAMED.to_owned(),
        };
        let apart = fixtures.apart(&format!("renamed_{name}"), &dependencies, &source);
        let root = format!("{apart}/Cargo.toml");
        let manifest = fs::read_to_string(&root).expect("it was written");
        write(Path::new(&root), &format!("{manifest}[workspace.dependencies]\ndb = {db}\n"));
        // It starts, too: the macro of the test asks for that.
        let output = fixtures.cargo(&apart, &["test", "--lib"]);
        assert!(output.status.success(), "{name}: {}", text(&output));
    }
}

#[test]
fn a_reexport_is_named_by_the_macro() {
    let fixtures = fixtures();
    let mongrate = format!("[dependencies]\nmongrate = {{ path = {:?} }}\n", stub());
    let inner = fixtures.apart(
        "reexports",
        &mongrate,
        "//! It.\npub mod inner { pub use mongrate as db; }\n",
    );
    let on_inner =
        format!("[dependencies]\nkit = {{ package = \"reexports\", path = {inner:?} }}\n");
    let source = RENAMED
        .replace("version = 1", "version = 1, crate = \"kit::inner::db\"")
        .replace("verify!()", "verify!(crate = \"kit::inner::db\")")
        .replace("#[db::test]", "#[db::test(crate = kit::inner::db)]")
        .replace("db::", "kit::inner::db::")
        .replace("kit::inner::kit::inner::", "kit::inner::")
        .replace("inner::db::\"", "inner::db\"");
    let apart = fixtures.apart("on_a_reexport", &on_inner, &source);
    let output = fixtures.cargo(&apart, &["test", "--lib"]);
    assert!(output.status.success(), "{}", text(&output));

    let silent = source.replace(", crate = \"kit::inner::db\"", "");
    let apart = fixtures.apart("on_a_reexport_in_silence", &on_inner, &silent);
    let output = fixtures.cargo(&apart, &["check"]);
    let expected = "error: this crate does not depend on `mongrate` under any name: run `cargo add \
                    mongrate`; if another crate re-exports it, write its path: `crate = \
                    \"other_crate::mongrate\"`";
    assert!(text(&output).contains(expected), "{}", text(&output));
}

/// A merge brings the first one: cargo takes the build for fresh, as nothing that it looked at has
/// changed.
#[test]
fn a_build_that_did_not_look_at_the_sum_file_does_not_start() {
    let fixtures = fixtures();
    let sum = Path::new("stale").join("migrations.sum");
    let sum = fixtures.sources.join(sum);
    let _ = fs::remove_file(&sum);
    // Whatever an earlier run of this test left.
    let main = fixtures.sources.join("stale/src/main.rs");
    let touch = || {
        let main = fs::File::options().append(true).open(&main).expect("it was written");
        main.set_modified(std::time::SystemTime::now()).expect("it is ours");
    };
    touch();
    fixtures.must_build("stale", &[]);
    assert_eq!(fixtures.list("stale"), "7 add_clinics stale\n");

    fs::write(&sum, "mongrate-sum v1\n").expect("the directory is there");
    fixtures.must_build("stale", &[]);
    let refusal = fixtures.refusal("stale");
    assert!(
        refusal.contains("crate `stale`: this build is older than its migrations.sum"),
        "{refusal}"
    );
    assert!(refusal.contains("`touch` a source file of the crate, and build again"), "{refusal}");

    touch();
    fixtures.must_build("stale", &[]);
    assert_eq!(fixtures.list("stale"), "7 add_clinics stale\n", "it looked");
    // From here on cargo looks at the file itself.
    fs::write(&sum, "mongrate-sum v0\n").expect("the directory is there");
    let build = fixtures.build("stale", &[], &[]);
    assert!(text(&build).contains("migrations.sum:1: the first line is"), "{}", text(&build));
    fs::remove_file(&sum).expect("it is there");
    fixtures.must_build("stale", &[]);
    assert_eq!(fixtures.list("stale"), "7 add_clinics stale\n", "a checkout takes it away");
}

/// In one module the attribute says so; over files and crates, the start.
#[test]
fn one_rollback_for_two_migrations_does_not_start() {
    let fixtures = fixtures();
    fixtures.must_build("copied", &[]);
    let refusal = fixtures.refusal("copied");
    let expected = "1 `one` (copied/src/main.rs:3) and 2 `two` (copied/src/main.rs:5) are rolled \
                    back by one and the same function";
    assert!(refusal.contains(expected), "{refusal}");
    assert!(
        refusal
            .contains("4 `four` (copied/src/main.rs:10) is rolled back by the migration 1 `one`")
    );
    assert!(refusal.contains("5 `five` (copied/src/main.rs:12) is its own rollback"), "{refusal}");
}

fn profiles() -> Vec<(&'static str, Vec<String>)> {
    let release = RELEASE.map(str::to_owned).to_vec();
    vec![("debug", Vec::new()), ("release", release), ("fat LTO", with_lto("fat"))]
}

fn with_lto(kind: &str) -> Vec<String> {
    let lto = format!("profile.dev.lto='{kind}'");
    RELEASE.map(str::to_owned).into_iter().chain([lto]).collect()
}

/// Each linker's name, how to ask for it, and what only it says.
fn linkers() -> Vec<(&'static str, Vec<String>, &'static str)> {
    let mut linkers = vec![("the default", Vec::new(), "")];
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        // Where it is missing, so is the sentence, and the test fails with what cc says.
        let bfd = vec!["-Clink-arg=-fuse-ld=bfd".to_owned()];
        linkers.push(("GNU ld", bfd, "multiple definition of"));
    }
    // No stable option names it, but where the toolchain brings it, rustc itself asks for it so.
    let lld = toolchain().join("gcc-ld");
    if cfg!(target_os = "linux") && lld.join("ld.lld").exists() {
        let lld = ["-Clink-arg=-fuse-ld=lld".to_owned(), format!("-Clink-arg=-B{}", lld.display())];
        linkers.push(("rust-lld", lld.to_vec(), "lld: error: duplicate symbol"));
    }
    linkers
}

/// Where the toolchain keeps its own programs.
fn toolchain() -> PathBuf {
    let rustc = |argument: &[&str]| {
        let output = Command::new("rustc").args(argument).output().expect("rustc can be started");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let about = rustc(&["-vV"]);
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc has one");
    Path::new(rustc(&["--print", "sysroot"]).trim()).join("lib/rustlib").join(host).join("bin")
}

/// `mongrate` without the driver.
fn stub() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stub")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

struct Fixtures {
    sources: PathBuf,
    target: PathBuf,
    /// The settings of a profile are not in a binary's path: one build and its run at a time.
    _alone: MutexGuard<'static, ()>,
}

fn fixtures() -> Fixtures {
    static ALONE: Mutex<()> = Mutex::new(());
    static WRITTEN: OnceLock<()> = OnceLock::new();
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cross_crate");
    let (sources, target) = (root.join("sources"), root.join("target"));
    WRITTEN.get_or_init(|| write_all(&sources));
    Fixtures { sources, target, _alone: alone }
}

fn write_all(sources: &Path) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = |name: &str| {
        format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[dependencies]\nmongrate = {{ \
             path = {:?} }}\n",
            tests.join("stub")
        )
    };
    let mut members = Vec::new();
    for (name, source) in LIBRARIES {
        write(&sources.join(name).join("Cargo.toml"), &manifest(name));
        write(&sources.join(name).join("src/lib.rs"), source.trim_start());
        members.push(name);
    }
    for (name, source) in APPS {
        let mut manifest = manifest(name);
        for (library, _) in LIBRARIES {
            manifest += &format!("{library} = {{ path = \"../{library}\" }}\n");
        }
        let main = format!(
            "//! An app.\n{source}\nfn main() {{\n    match mongrate::start() {{\n        Ok(list) \
             => list.iter().for_each(|migration| println!(\"{{}} {{}} {{}}\", migration.version(), migration.name(), \
             migration.crate_name())),\n        Err(error) => {{ eprintln!(\"{{error}}\"); \
             std::process::exit(3) }}\n    }}\n}}\n"
        );
        write(&sources.join(name).join("Cargo.toml"), &manifest);
        write(&sources.join(name).join("src/main.rs"), &main);
        write(&sources.join(name).join("src/migrations/mod.rs"), "//! All.\nmod m0007_clinics;\n");
        write(&sources.join(name).join("src/migrations/m0007_clinics.rs"), OWN.trim_start());
        members.push(name);
    }
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n");
    write(&sources.join("Cargo.toml"), &workspace);
    // The same versions of what the attribute needs: they are there, so nothing is fetched.
    let lock = fs::read_to_string(tests.join("../Cargo.lock")).expect("the workspace has one");
    fs::write(sources.join("Cargo.lock"), lock).expect("the target directory can be written to");
}

/// Leaves a file alone that is right already, so that a second run builds next to nothing.
fn write(path: &Path, content: &str) {
    if fs::read_to_string(path).is_ok_and(|old| old == content) {
        return;
    }
    fs::create_dir_all(path.parent().expect("it is in a directory")).expect("it can be made");
    fs::write(path, content).expect("the target directory can be written to");
}

/// A file that gets its text back.
struct Restored {
    path: PathBuf,
    text: String,
}

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = fs::write(&self.path, &self.text);
    }
}

/// The Rust sources and the manifest of a directory, changed.
fn copy(from: &Path, to: &Path, change: &dyn Fn(String) -> String) {
    for entry in fs::read_dir(from).expect("it can be read").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            copy(&path, &to.join(&name), change);
        } else if path.extension().is_some_and(|end| end == "rs") || name == "Cargo.toml" {
            let text = fs::read_to_string(&path).expect("it is text");
            write(&to.join(&name), &change(text));
        }
    }
}

impl Fixtures {
    fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(directory).env("CARGO_TARGET_DIR", &self.target);
        command.args(MACROS.iter().flat_map(|setting| ["--config", setting]));
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        command
    }

    /// Arguments for the linker reach the app alone, and nothing else is compiled again for them.
    fn build(&self, app: &str, settings: &[String], arguments: &[String]) -> Output {
        self.command(&self.sources)
            .args(["rustc", "--offline", "--quiet", "--package", app, "--bin", app])
            .args(settings.iter().flat_map(|setting| ["--config", setting]))
            .arg("--")
            .args(arguments)
            .output()
            .expect("cargo can be started")
    }

    /// A package in a workspace of its own, and where it is.
    fn apart(&self, name: &str, dependencies: &str, source: &str) -> String {
        let directory = self.sources.with_file_name("apart").join(name);
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n{dependencies}\n[workspace]\n"
        );
        write(&directory.join("Cargo.toml"), &manifest);
        write(&directory.join("src/lib.rs"), source.trim_start());
        let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"));
        let lock = lock.expect("the workspace has one");
        fs::write(directory.join("Cargo.lock"), lock)
            .expect("the target directory can be written to");
        directory.to_str().expect("a path in UTF-8").to_owned()
    }

    fn cargo(&self, directory: &str, arguments: &[&str]) -> Output {
        self.command(Path::new(directory))
            .args(arguments)
            .args(["--offline", "--quiet"])
            .output()
            .expect("cargo can be started")
    }

    fn must_build(&self, app: &str, settings: &[String]) {
        let build = self.build(app, settings, &[]);
        assert!(build.status.success(), "{app}: {}", text(&build));
    }

    /// The settings that put a linkme of a later version in place of the one that is there, with
    /// these changes in its macros.
    fn patched_linkme(&self, changes: &[(&str, &str)]) -> Vec<String> {
        let about = Command::new(env!("CARGO"))
            // What only other platforms need may not be here.
            .args(["metadata", "--offline", "--format-version", "1", "--filter-platform", &host()])
            .arg("--manifest-path")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .output()
            .expect("cargo can be started");
        let about: serde_json::Value = serde_json::from_slice(&about.stdout).expect("it is JSON");
        let packages = about.get("packages").and_then(|all| all.as_array()).expect("some packages");
        let copies = self.sources.join("linkme");
        let mut settings = Vec::new();
        for name in ["linkme", "linkme-impl"] {
            let found =
                packages.iter().find(|package| package["name"] == name).expect("it is depended on");
            let manifest = Path::new(found["manifest_path"].as_str().expect("it has one"));
            let (from, to) = (manifest.parent().expect("a directory"), copies.join(name));
            copy(from, &to, &|text| {
                let text = text.replace("0.3.37", "0.3.99");
                changes.iter().fold(text, |text, (old, new)| text.replace(old, new))
            });
            settings.push(format!("patch.crates-io.{name}.path={:?}", to.display().to_string()));
        }
        settings
    }

    /// Resolves the dependencies anew, with these settings, until what is given back is dropped.
    fn resolved_with(&self, settings: &[String]) -> Restored {
        let path = self.sources.join("Cargo.lock");
        let restored = Restored { text: fs::read_to_string(&path).expect("it was written"), path };
        let update = Command::new(env!("CARGO"))
            .args(["update", "--offline", "--quiet", "linkme"])
            .args(settings.iter().flat_map(|setting| ["--config", setting]))
            .current_dir(&self.sources)
            .output()
            .expect("cargo can be started");
        assert!(update.status.success(), "{}", text(&update));
        let lock = fs::read_to_string(&restored.path).expect("cargo leaves one");
        assert!(lock.contains("0.3.99") && !lock.contains("patch.unused"), "{lock}");
        restored
    }

    /// The names of the sections of an app that was built, among other strings.
    fn sections(&self, app: &str) -> String {
        let binary = fs::read(self.target.join("debug").join(app)).expect("it was built");
        String::from_utf8_lossy(&binary).into_owned()
    }

    fn run(&self, app: &str) -> Output {
        Command::new(self.target.join("debug").join(app)).output().expect("the app was built")
    }

    /// What an app prints that starts.
    fn list(&self, app: &str) -> String {
        let run = self.run(app);
        assert!(run.status.success(), "{app} did not start: {}", text(&run));
        String::from_utf8_lossy(&run.stdout).into_owned()
    }

    /// What an app says that does not start.
    fn refusal(&self, app: &str) -> String {
        let run = self.run(app);
        assert_eq!(run.status.code(), Some(3), "{app} started: {run:?}");
        text(&run)
    }
}

/// The platform of this machine, as the compiler names it.
fn host() -> String {
    let version = Command::new("rustc").arg("-vV").output().expect("rustc can be started");
    let version = String::from_utf8_lossy(&version.stdout);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc says for which platform it is").to_owned()
}
