//! A package that is compiled against the real attribute and a stand-in for the runtime.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;

/// The parts of `mongrate` that the attribute's expansion needs.
pub(crate) const RUNTIME: &str = r"
    pub use mongrate_macros::migration;
    pub struct Transaction<'a>(pub &'a ());
    impl Transaction<'_> { pub async fn run(&mut self, _: &str) {} }
    pub type Result = std::result::Result<(), ()>;
    pub mod __private { pub mod v1 {
        pub use linkme;
        pub type Migration = mongrate_seal::packed::Packed<'static>;
        pub struct SumFile {
            pub crate_name: &'static str, pub text: &'static str, pub absent: Option<&'static str>
        }
        pub struct PolicyFile {
            pub crate_name: &'static str, pub lines: &'static str, pub absent: Option<&'static str>
        }
        #[linkme::distributed_slice] pub static POLICY_FILES: [PolicyFile];
        #[linkme::distributed_slice] pub static MIGRATIONS: [Migration];
        #[linkme::distributed_slice] pub static SUMS: [SumFile];
    } }

    #[macro_export]
    macro_rules! __migration_v1 {
        ($symbol:ident $register:ident $packed:tt $functions:tt) => {
            const _: () = {
                use $crate::__private::v1::{MIGRATIONS, Migration, linkme};
                #[linkme::distributed_slice(MIGRATIONS)]
                #[linkme(crate = linkme)]
                static MIGRATION: Migration = { let _ = $functions; Migration::new($packed) };
                #[unsafe(no_mangle)]
                fn $symbol() {}
            };
        };
    }
";

pub(crate) const ONE: &str = r#"
use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn add_users(tx: &mut Transaction<'_>) -> Result {
    tx.run("users").await;
    Ok(())
}
"#;

pub(crate) const FIVE: &str = r#"
use mongrate::{Result, Transaction, migration};

#[migration(version = 5)]
async fn add_visits(tx: &mut Transaction<'_>) -> Result {
    tx.run("visits").await;
    Ok(())
}
"#;

/// An app that prints its linked migrations and sum files.
pub(crate) const MAIN: &str = r#"
mod five;
mod one;

fn main() {
    use mongrate::__private::v1::{MIGRATIONS, SUMS};
    let seen = SUMS.iter().filter(|sum| sum.absent.is_none()).count();
    println!("{} migrations, {seen} sums", MIGRATIONS.len());
    println!("{}", SUMS.iter().map(|sum| sum.text).collect::<String>());
}
"#;

/// A package with two migrations, which are not sealed yet.
pub(crate) struct Fixture {
    /// Unique: cargo cannot tell two packages of one name in the same target directory apart.
    pub(crate) name: String,
    pub(crate) root: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("my-shop-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let root = tempfile::tempdir().expect("a directory");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let fixture = Self { name, root };
        let (macros, seal) = (workspace.join("macros"), workspace.join("seal"));
        fixture.write(
            "runtime/Cargo.toml",
            &format!(
                "[package]\nname = \"mongrate\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 [dependencies]\nlinkme = \"0.3.37\"\nmongrate-macros = {{ path = {macros:?} }}\n\
                 mongrate-seal = {{ path = {seal:?}, default-features = false }}\n"
            ),
        );
        fixture.write("runtime/src/lib.rs", RUNTIME);
        fixture.write(
            "Cargo.toml",
            &format!(
                "[workspace]\nmembers = [\"runtime\"]\n[package]\nname = \"{}\"\n\
                 version = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n\
                 mongrate = {{ path = \"runtime\" }}\n",
                fixture.name
            ),
        );
        fixture.write("src/main.rs", MAIN);
        fixture.write("src/one.rs", ONE);
        fixture.write("src/five.rs", FIVE);
        // The versions that the workspace was tested with, and no network.
        fs::copy(workspace.join("Cargo.lock"), fixture.path("Cargo.lock")).expect("a lock file");
        fixture
    }

    /// Makes the package with both migrations sealed.
    pub(crate) fn sealed() -> Self {
        let fixture = Self::new();
        let output = fixture.mongrate(&["seal"]);
        assert!(output.status.success(), "{}", text(&output));
        fixture
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).expect("a file")
    }

    pub(crate) fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{text}");
        self.write(file, &text.replace(from, to));
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Output {
        // One directory for all packages, so that dependencies are built once.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seal");
        Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--offline", "--quiet", "--color=never"])
            .current_dir(self.root.path())
            .env("CARGO_TARGET_DIR", target)
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs")
    }

    pub(crate) fn mongrate(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cargo-mongrate"))
            .arg("mongrate")
            .args(arguments)
            .current_dir(self.root.path())
            .env("CARGO_NET_OFFLINE", "true")
            .output()
            .expect("the subcommand runs")
    }

    /// Expects that the compiler and `cargo mongrate check` succeed.
    #[track_caller]
    pub(crate) fn is_sound(&self) {
        let output = self.mongrate(&["check"]);
        assert!(output.status.success(), "{}", text(&output));
        let output = self.cargo(&["check"]);
        assert!(output.status.success(), "{}", text(&output));
    }

    /// Expects these errors of the compiler, and the same of `cargo mongrate check`.
    #[track_caller]
    pub(crate) fn is_refused(&self, expected: &str) {
        let output = self.cargo(&["check"]);
        assert!(!output.status.success(), "it compiles");
        let text_of_compiler = text(&output);
        assert!(text_of_compiler.contains(expected.trim()), "{text_of_compiler}");
        assert_eq!(text_of_compiler.matches("error: ").count(), 2, "{text_of_compiler}");
        let first = expected.trim().lines().next().unwrap_or_default();
        let first = first.trim_start_matches("error: ");
        let output = self.mongrate(&["check"]);
        assert!(!output.status.success());
        assert!(text(&output).contains(first), "{}\n{first}", text(&output));
    }
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub(crate) const THREE: &str = r#"
#[mongrate::migration(version = 3)]
async fn add_rooms(tx: &mut mongrate::Transaction<'_>) -> mongrate::Result {
    tx.run("rooms").await;
    Ok(())
}
"#;
