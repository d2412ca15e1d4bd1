//! Packages with models, compiled with a stub of `mongrate` that knows no driver: in seconds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a command said, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Asserts the exit code, and that stdout or stderr has these words.
    pub(crate) fn has(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        for words in words {
            assert!(
                self.out.contains(words) || self.err.contains(words),
                "no `{words}`: {self:#?}"
            );
        }
        self
    }
}

/// A package, or a workspace. All share a target directory, so one works at a time.
pub(crate) struct Package {
    pub(crate) root: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Package {
    /// A package `shop` with these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let package = Self::empty();
        package.manifest("", "shop", "");
        for (path, text) in files {
            package.write(path, text);
        }
        package
    }

    pub(crate) fn empty() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let package = Self { root: tempfile::tempdir().expect("a directory"), _alone: alone };
        // The versions that are there: nothing is fetched.
        let lock =
            fs::read_to_string(repository().join("Cargo.lock")).expect("the workspace has one");
        package.write("Cargo.lock", &lock);
        package
    }

    /// Writes a manifest.
    pub(crate) fn manifest(&self, directory: &str, name: &str, more: &str) {
        let stub = repository().join("tests/stub");
        let workspace = if directory.is_empty() { "[workspace]\n" } else { "" };
        let text = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n{more}\n[dependencies]\nmongrate = {{ path = \
             {stub:?} }}\n\n{workspace}"
        );
        self.write(&Path::new(directory).join("Cargo.toml").display().to_string(), &text);
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    pub(crate) fn mongrate(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-mongrate"));
        self.run(command.arg("mongrate").args(arguments))
    }

    /// Runs a command as a shell has it, with quotes.
    pub(crate) fn shell(&self, command: &str) -> Said {
        let parts = command.split('\'').enumerate();
        let words: Vec<&str> = parts
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            })
            .collect();
        self.mongrate(&words)
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Said {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        self.run(Command::new(cargo).args(arguments).arg("--quiet"))
    }

    fn run(&self, command: &mut Command) -> Said {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models");
        let output = command
            .current_dir(self.root.path())
            .env("CARGO_TARGET_DIR", target)
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
            .expect("it can be started");
        Said::of(&output)
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("it is there")
}

/// A file of the fixture whose migrations a real server runs in `tests/tests/evolves`.
pub(crate) fn fixture(file: &str) -> String {
    let path = repository().join("tests/tests/evolves").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
