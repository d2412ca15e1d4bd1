//! Two branches add and seal a migration each; git cannot merge them; `cargo mongrate rebase`
//! does; both apply, on a real server.
//!
//! What it makes is compared, byte for byte, with the fixture `rebased`, which is compiled, with
//! the real attribute, into the app that then migrates.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
};

use mongrate::bson::{Document, doc};
use mongrate_tests::{TestDb, app::App};

const FILES: [&str; 5] = [
    "migrations.sum",
    "src/lib.rs",
    "src/m0001_add_guests.rs",
    "src/m0002_add_visits.rs",
    "src/m0003_add_rooms.rs",
];

#[tokio::test]
async fn a_conflict_of_two_branches_is_solved_and_both_apply() {
    let repository = Repository::of_the_fixture();
    repository.git(&["checkout", "-q", "-b", "mine"]);
    repository.add("rooms");
    repository.git(&["checkout", "-q", "main"]);
    repository.add("visits");
    repository.git(&["checkout", "-q", "mine"]);

    let merge = repository.git_output(&["merge", "main"]);
    let said = String::from_utf8_lossy(&merge.stdout);
    assert!(said.contains("Merge conflict in migrations.sum"), "{said}");
    assert_eq!(repository.mongrate(&["check"]), ExitCode::FAILURE);
    assert_eq!(repository.mongrate(&["rebase"]), ExitCode::SUCCESS);
    assert_eq!(repository.mongrate(&["check"]), ExitCode::SUCCESS);
    repository.git(&["add", "-A"]);
    repository.git(&["merge", "--continue"]);
    assert_eq!(repository.files(), FILES);
    for file in FILES {
        let (made, compiled) = (repository.read(file), fs::read_to_string(fixture(file)).unwrap());
        assert_eq!(made, compiled, "{file}");
    }

    let fresh = TestDb::new("rebased").await;
    let app = App { exe: env!("CARGO_BIN_EXE_rebased"), fresh: &fresh };
    assert_eq!(app.applies(), ["1 add_guests", "2 add_visits", "3 add_rooms"]);
    for collection in ["guests", "visits", "rooms"] {
        let count = fresh.db.collection::<Document>(collection).count_documents(doc! {}).await;
        assert_eq!(count.unwrap(), 1, "{collection}");
    }
    fresh.pass().await;
}

fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rebased").join(file)
}

/// The fixture before either branch.
struct Repository(tempfile::TempDir);

impl Repository {
    fn of_the_fixture() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        let manifest = "[package]\nname = \"fixture-rebased\"\nedition = \"2024\"\n\
                        [dependencies]\nmongrate = \"0.1\"\n[workspace]\n";
        repository.write("Cargo.toml", manifest);
        let lines = fs::read_to_string(fixture("src/lib.rs")).unwrap();
        let lines: Vec<&str> = lines
            .lines()
            .filter(|line| !line.contains("m0002") && !line.contains("m0003"))
            .collect();
        repository.write("src/lib.rs", &(lines.join("\n") + "\n"));
        let first = "src/m0001_add_guests.rs";
        repository.write(first, &fs::read_to_string(fixture(first)).unwrap());
        assert_eq!(repository.mongrate(&["seal"]), ExitCode::SUCCESS);
        repository.git(&["init", "-q", "-b", "main"]);
        repository.git(&["add", "-A"]);
        repository.git(&["commit", "-q", "-m", "base"]);
        repository
    }

    /// Adds, seals and commits version 2.
    fn add(&self, what: &str) {
        let number = if what == "rooms" { 3 } else { 2 };
        let text = fs::read_to_string(fixture(&format!("src/m000{number}_add_{what}.rs"))).unwrap();
        let text = text.replace(&format!("version = {number}"), "version = 2");
        self.write(&format!("src/m0002_add_{what}.rs"), &text);
        let lines = self.read("src/lib.rs") + &format!("mod m0002_add_{what};\n");
        self.write("src/lib.rs", &lines);
        assert_eq!(self.mongrate(&["seal"]), ExitCode::SUCCESS);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", what]);
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The sum file and the sources.
    fn files(&self) -> Vec<String> {
        let sources = fs::read_dir(self.path("src")).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut files: Vec<String> =
            sources.map(|entry| format!("src/{}", name(entry.unwrap()))).collect();
        files.extend(self.path("migrations.sum").exists().then(|| "migrations.sum".to_owned()));
        files.sort();
        files
    }

    fn mongrate(&self, arguments: &[&str]) -> ExitCode {
        let manifest = self.path("Cargo.toml");
        let before = ["cargo-mongrate", "mongrate"].into_iter().chain(arguments.iter().copied());
        let all = before.chain(["--manifest-path", manifest.to_str().unwrap()]);
        cargo_mongrate::run(all.map(Into::into))
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) {
        let output = self.git_output(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    fn git_output(&self, arguments: &[&str]) -> Output {
        Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
            .args(["-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.0.path())
            .env("GIT_EDITOR", "true")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap()
    }
}
