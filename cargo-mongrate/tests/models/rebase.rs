//! Two branches change models, and git cannot merge `models.snap`.

use std::process::Command;

use crate::package::Package;

const BASE: &str = "mongrate-models v1
users options collection strict/error
users User root object@User
users User field a int
end
";

fn migration(version: i64, name: &str) -> String {
    format!(
        "//! {name}.\n\nuse mongrate::{{Change, migration}};\n\n/// {name}.\n#[migration(version = {version}, \
         reversible)]\nfn {name}(change: &mut Change) {{\n    change.drop_collection(\"{name}\");\n}}\n"
    )
}

struct Repository(Package);

impl Repository {
    fn new() -> Self {
        let package = Package::new(&[
            ("src/lib.rs", "//! Users.\n\nmod m0001_start;\n"),
            ("src/m0001_start.rs", &migration(1, "start")),
            ("models.snap", BASE),
        ]);
        let repository = Self(package);
        repository.0.mongrate(&["seal"]).has(0, &[]);
        repository.git(&["init", "-q", "-b", "main"]);
        repository.commit("base");
        repository
    }

    fn git(&self, arguments: &[&str]) -> bool {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.0.root.path())
            .args(["-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .output()
            .expect("git can be started");
        output.status.success()
    }

    fn commit(&self, message: &str) {
        assert!(self.git(&["add", "-A"]) && self.git(&["commit", "-q", "-m", message]));
    }

    /// Adds migration 2, and a line to `models.snap`.
    fn add(&self, name: &str, line: &str) {
        let package = &self.0;
        package.write(&format!("src/m0002_{name}.rs"), &migration(2, name));
        package.write("src/lib.rs", &format!("{}mod m0002_{name};\n", package.read("src/lib.rs")));
        let snapshot = package.read("models.snap").replace("end\n", &format!("{line}\nend\n"));
        package.write("models.snap", &snapshot);
        package.mongrate(&["seal"]).has(0, &[]);
        self.commit(name);
    }

    /// Each branch adds a line; merges main into mine.
    fn merge(&self, theirs: &str, mine: &str) {
        assert!(self.git(&["checkout", "-q", "-b", "mine"]));
        self.add("mine", mine);
        assert!(self.git(&["checkout", "-q", "main"]));
        self.add("theirs", theirs);
        assert!(self.git(&["checkout", "-q", "mine"]));
        assert!(!self.git(&["merge", "main"]), "git cannot merge it");
    }
}

#[test]
fn the_lines_of_both_sides_are_kept() {
    let repository = Repository::new();
    repository.merge("users User field theirs int", "users User field mine int");
    let package = &repository.0;
    assert!(package.read("models.snap").contains("<<<<<<<"));
    package.mongrate(&["diff"]).has(1, &["two branches changed the models"]);
    package.mongrate(&["rebase"]).has(
        0,
        &[
            "models.snap: kept both sides; yours adds or changes 1 and removes 0",
            "2 `mine` is now 3",
            "both sides changed the validator of `users`",
            "\"required\": [\"a\", \"mine\", \"theirs\"]",
        ],
    );
    let expected =
        BASE.replace("a int\n", "a int\nusers User field mine int\nusers User field theirs int\n");
    assert_eq!(package.read("models.snap"), expected);
    package.mongrate(&["check"]).has(0, &[]);
}

#[test]
fn one_field_that_both_sides_changed_is_for_a_person() {
    let repository = Repository::new();
    repository.merge("users User field b int", "users User field b string");
    let package = &repository.0;
    let before = package.read("models.snap");
    package.mongrate(&["rebase"]).has(
        1,
        &[
            "both sides changed the same, each in its own way (`users User field b`)",
            "nothing was changed",
        ],
    );
    assert_eq!(package.read("models.snap"), before);
}
