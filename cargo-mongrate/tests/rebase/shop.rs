//! A package in a git repository, and what a test expects of it after a rebase.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

/// A package in a repository; nothing of it is compiled.
pub(crate) struct Shop {
    pub(crate) root: TempDir,
}

pub(crate) fn migration(version: &str, name: &str) -> String {
    format!(
        "use mongrate::{{Result, Transaction, migration}};\n\n#[migration(version = {version})]\n\
         async fn {name}(tx: &mut Transaction<'_>) -> Result {{\n    tx.run(\"{name}\").await;\n    \
         Ok(())\n}}\n"
    )
}

impl Shop {
    /// Makes a package with one sealed migration, committed on `main`.
    pub(crate) fn new() -> Self {
        let shop = Self::bare();
        shop.git(&["init", "-q", "-b", "main"]);
        shop.commit("base");
        shop
    }

    /// Makes the same package without git.
    pub(crate) fn bare() -> Self {
        let shop = Self { root: tempfile::tempdir().expect("a directory") };
        shop.write(
            "Cargo.toml",
            "[package]\nname = \"shop\"\nedition = \"2024\"\n[dependencies]\nmongrate = \"0.1\"\n\
             [workspace]\n",
        );
        shop.write("src/main.rs", "mod migrations;\n\nfn main() {}\n");
        shop.write("src/migrations/mod.rs", "//! All.\n\n");
        shop.add(1, "add_users");
        shop.seal();
        shop
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

    /// Adds a migration: its file and its `mod` line.
    pub(crate) fn add(&self, version: i64, name: &str) {
        let module = format!("m{version:04}_{name}");
        let file = format!("src/migrations/{module}.rs");
        self.write(&file, &migration(&version.to_string(), name));
        let text = self.read("src/migrations/mod.rs");
        self.write("src/migrations/mod.rs", &format!("{text}mod {module};\n"));
    }

    pub(crate) fn seal(&self) {
        let output = self.mongrate(&["seal"]);
        assert!(output.status.success(), "{}", text(&output));
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> Output {
        Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
            .args(["-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.root.path())
            .env("GIT_EDITOR", "true")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git runs")
    }

    #[track_caller]
    pub(crate) fn must_git(&self, arguments: &[&str]) {
        let output = self.git(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    }

    #[track_caller]
    pub(crate) fn commit(&self, message: &str) {
        self.must_git(&["add", "-A"]);
        self.must_git(&["commit", "-q", "-m", message]);
    }

    /// Adds migrations on the branches `mine` and `main`, and seals them if `seal` says so. Ends on
    /// `mine`.
    pub(crate) fn branches(&self, mine: &[(i64, &str)], main: &[(i64, &str)], seal: [bool; 2]) {
        for (branch, all, seal) in [("mine", mine, seal[0]), ("main", main, seal[1])] {
            if branch == "mine" {
                self.must_git(&["checkout", "-q", "-b", "mine"]);
            } else {
                self.must_git(&["checkout", "-q", "main"]);
            }
            for (version, name) in all {
                self.add(*version, name);
                if seal {
                    self.seal();
                }
                self.commit(name);
            }
        }
        self.must_git(&["checkout", "-q", "mine"]);
    }

    #[track_caller]
    pub(crate) fn conflicts(&self, arguments: &[&str]) {
        let output = self.git(arguments);
        assert!(!output.status.success(), "it merged in silence: {}", text(&output));
    }

    pub(crate) fn mongrate(&self, arguments: &[&str]) -> Output {
        self.mongrate_in(".", arguments)
    }

    pub(crate) fn mongrate_in(&self, directory: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cargo-mongrate"))
            .arg("mongrate")
            .args(arguments)
            .current_dir(self.path(directory))
            .env("CARGO_NET_OFFLINE", "true")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("the subcommand runs")
    }

    /// Expects that the rebase succeeds; returns its output.
    #[track_caller]
    pub(crate) fn rebases(&self, arguments: &[&str]) -> String {
        let output = self.mongrate(&[&["rebase"], arguments].concat());
        let text = text(&output);
        assert!(output.status.success(), "{text}");
        text
    }

    /// Expects that the rebase is refused, and that nothing is changed.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str], expected: &str) {
        let before = self.snapshot();
        let output = self.mongrate(&[&["rebase"], arguments].concat());
        let text = text(&output);
        assert!(!output.status.success() && text.contains(expected), "{text}");
        assert_eq!(before, self.snapshot());
    }

    /// Expects that `check` succeeds, and that these migrations are declared.
    #[track_caller]
    pub(crate) fn is(&self, migrations: &[&str], sealed: usize) {
        let output = self.mongrate(&["check"]);
        assert!(output.status.success(), "{}\n{:?}", text(&output), self.snapshot());
        let count = format!("{} migrations, {sealed} sealed", migrations.len());
        assert!(text(&output).contains(&count), "{}", text(&output));
        let mut files: Vec<String> = self
            .snapshot()
            .into_iter()
            .filter_map(|(file, _)| Some(file.strip_prefix("src/migrations/m0")?.to_owned()))
            .collect();
        files.sort();
        assert_eq!(files, migrations.iter().map(|name| format!("{name}.rs")).collect::<Vec<_>>());
        let mods: Vec<String> =
            migrations.iter().map(|name| format!("mod m0{name};")).collect::<Vec<_>>();
        let text = self.read("src/migrations/mod.rs");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("mod ")).collect();
        assert_eq!(lines, mods);
    }

    /// Expects that a second run finds nothing to do.
    #[track_caller]
    pub(crate) fn is_settled(&self) {
        let before = self.snapshot();
        let printed = self.rebases(&[]);
        assert!(printed.contains("nothing to rebase"), "{printed}");
        assert_eq!(before, self.snapshot());
    }

    /// Every file but git's own.
    pub(crate) fn snapshot(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut directories = vec![self.root.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.ends_with(".git") {
                    continue;
                }
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let name = path.strip_prefix(self.root.path()).expect("below");
                    let bytes = fs::read(&path).expect("a file");
                    files.push((name.display().to_string(), bytes));
                }
            }
        }
        files.sort();
        files
    }
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

pub(crate) const MINE_AND_THEIRS: [&str; 3] = ["001_add_users", "002_add_visits", "003_add_rooms"];
