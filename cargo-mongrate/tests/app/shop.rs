//! A workspace whose app prints how it was called, and what a test expects of a verb in it.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;

/// An app that prints its arguments, its server and its input, and exits with 3.
pub(crate) const APP: &str = r#"
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!("{}: {}", env!("CARGO_BIN_NAME"), arguments.join(" "));
    println!("server {}", std::env::var("MONGODB_URI").unwrap_or_default());
    let read = std::io::read_to_string(std::io::stdin()).unwrap();
    println!("read {read}");
    std::process::exit(3);
}
"#;

pub(crate) const MIGRATION: &str = "#[mongrate::migration(version = 1)]\nasync fn one(_: &mut \
                         mongrate::Transaction<'_>) -> mongrate::Result { Ok(()) }\n";

/// A package's name, the rest of its manifest, and its files.
pub(crate) type Member<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// A workspace without the driver: its app does not migrate, but prints how it was called.
pub(crate) struct Shop {
    pub(crate) root: TempDir,
    /// Makes the package name unique: cargo cannot tell two packages of one name in the same target
    /// directory apart.
    pub(crate) suffix: u32,
}

impl Shop {
    /// Makes a workspace of these packages, and of a `mongrate` with a feature `cli`.
    pub(crate) fn new(root: &str, packages: &[Member<'_>]) -> Self {
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
    pub(crate) fn named(&self, text: &str) -> String {
        text.replace("\"shop\"\nedition", &format!("\"{}\"\nedition", self.shop()))
    }

    pub(crate) fn shop(&self) -> String {
        format!("shop-{}", self.suffix)
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
        fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub(crate) fn run(&self, directory: &str, arguments: &[&str]) -> Output {
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
        // This fails if the process has ended without reading.
        let _ = child.stdin.take().expect("a pipe").write_all(b"yes");
        child.wait_with_output().expect("it ends")
    }

    /// The app was called with these arguments.
    #[track_caller]
    pub(crate) fn calls(&self, directory: &str, arguments: &[&str], expected: &str) {
        let output = self.run(directory, arguments);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        let printed = String::from_utf8_lossy(&output.stdout);
        let expected = expected.replace("SHOP", &self.shop());
        assert!(printed.starts_with(&format!("{expected}\n")), "{}", text(&output));
        assert!(printed.ends_with("read yes\n"), "{printed}");
    }

    /// Nothing is built or run.
    #[track_caller]
    pub(crate) fn refuses(&self, directory: &str, arguments: &[&str], expected: &str) {
        let output = self.run(directory, arguments);
        assert_eq!(output.status.code(), Some(64), "{}", text(&output));
        let expected = expected.replace("SHOP", &self.shop());
        assert!(text(&output).contains(&expected), "{}\n{expected}", text(&output));
    }

    #[track_caller]
    pub(crate) fn succeeds(&self, directory: &str, arguments: &[&str], expected: &str) {
        let output = self.run(directory, arguments);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains(expected), "{}\n{expected}", text(&output));
    }

    #[track_caller]
    pub(crate) fn fails(&self, directory: &str, arguments: &[&str], expected: &str) {
        let output = self.run(directory, arguments);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains(expected), "{}\n{expected}", text(&output));
    }
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub(crate) const CLI: &str = "[dependencies]\nMONGRATE, features = [\"cli\"] }\n";
pub(crate) const NO_CLI: &str = "[dependencies]\nMONGRATE }\n";
pub(crate) const MAIN: (&str, &str) = ("src/main.rs", APP);

/// An app with two crates of migrations, and an app beside it that has nothing to do with them.
pub(crate) fn workspace(settings: &str) -> Shop {
    // The build has no attribute, so `cfg` hides the module; `cargo mongrate` reads it anyway.
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
