//! `models.snap` and the compiler: what it says to each difference between a type and the migrations, in a
//! crate that depends on `tests/stub` under another name.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The package's types.
const TYPES: &str = r#"//! Types.
#![allow(dead_code)]

#[derive(db::Model)]
#[model(collection = "users", validate = "moderate", index(email, unique), index(address.city))]
pub struct User {
    email: String,
    plan: Plan,
    address: Option<Address>,
    seats: Seats,
    #[serde(default)]
    tags: Vec<String>,
}

type Seats = i32;

#[derive(db::Model)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    Free,
    Pro,
}

#[derive(db::Model)]
pub struct Address {
    city: String,
}
"#;

/// What the migrations lead to.
const SNAPSHOT: &str = r#"mongrate-models v1
users options collection moderate/error
users index "address.city_1" {"key":{"address.city":1}}
users index email_1 {"key":{"email":1},"unique":true}
users User root object@User
users User field address optional object@Address|null
users User field address.city string
users User field email string
users User field plan "free"|"pro"@Plan
users User field seats int
users User field tags optional [string]
end
"#;

/// Set by an editor's language server, for the macros that it runs.
const EDITOR: &str = "RUST_ANALYZER_INTERNALS_DO_NOT_USE";

/// A package, which one test at a time may change.
struct Package {
    sources: PathBuf,
    target: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

fn package() -> Package {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models_snapshot");
    let (sources, target) = (root.join("shop"), root.join("target"));
    fs::create_dir_all(sources.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"shop\"\nedition = \"2024\"\n\n[dependencies]\ndb = {{ package = \"mongrate\", \
         path = {:?} }}\n\n[workspace]\n",
        tests.join("stub")
    );
    fs::write(sources.join("Cargo.toml"), manifest).unwrap();
    fs::copy(tests.join("../Cargo.lock"), sources.join("Cargo.lock")).unwrap();
    let package = Package { sources, target, _alone: alone };
    package.types(TYPES);
    package.snapshot(Some(SNAPSHOT));
    package
}

impl Package {
    fn types(&self, text: &str) {
        fs::write(self.sources.join("src/lib.rs"), text).unwrap();
    }

    fn snapshot(&self, text: Option<&str>) {
        let path = self.sources.join("models.snap");
        match text {
            Some(text) => fs::write(path, text).unwrap(),
            None => drop(fs::remove_file(path)),
        }
    }

    fn cargo(&self, arguments: &[&str], variables: &[(&str, &Path)]) -> (bool, String) {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--offline", "--quiet", "--color", "never"])
            .current_dir(&self.sources)
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("MONGRATE_MODELS")
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .envs(variables.iter().copied())
            .output()
            .expect("cargo can be started");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Returns the first line of each error.
    fn errors(&self) -> Vec<String> {
        let (_, text) = self.cargo(&["check"], &[]);
        let errors = text.lines().filter(|line| line.starts_with("error"));
        let errors = errors.filter(|line| !line.starts_with("error: could not compile"));
        errors.map(str::to_owned).collect()
    }

    /// Returns the errors after a change of the types.
    fn errors_with(&self, from: &str, to: &str) -> Vec<String> {
        assert!(TYPES.contains(from), "{from}");
        self.types(&TYPES.replacen(from, to, 1));
        self.errors()
    }
}

/// The derive's own errors are at the field; those of the compiler's constants name its path.
#[test]
fn a_type_that_no_migration_covers_does_not_compile() {
    let package = package();
    assert_eq!(package.errors(), [""; 0], "as it is");
    let panicked = "error[E0080]: evaluation panicked: ";
    for (from, to, expected) in [
        // Pure Rust: no migration is needed.
        ("pub struct Address {", "pub struct Address {\n    #[serde(skip)]\n    cache: u128,", ""),
        (
            "    email: String,\n",
            "    email: String,\n    phone: Option<String>,\n",
            "error: `User` has a field `phone` (string, optional) that no migration introduces: `cargo \
             mongrate diff add-phone`",
        ),
        (
            "    seats: Seats,\n",
            "    #[model(was = \"seats\")]\n    places: Seats,\n",
            "error: no migration renames the field `seats` of `User` to `places`: `cargo mongrate diff \
             rename-places`",
        ),
        (
            "    email: String,\n",
            "    email: Option<String>,\n",
            "error: `User` lets the field `email` be missing, which no migration allows: `cargo mongrate \
             diff relax-email`",
        ),
        (
            "    email: String,\n",
            "    email: i64,\n",
            "error: the field `email` of `User` is long, and the migrations lead to string: `cargo mongrate \
             diff change-email`",
        ),
        (
            "    plan: Plan,\n",
            "",
            "error: `User` has no field `plan` any more, and no migration removes it: `cargo mongrate diff \
             remove-plan`; if it has a new name, say so at the field: `#[model(was = \"plan\")]`",
        ),
        (
            "index(email, unique)",
            "index(email, unique, sparse)",
            "error: the index `email_1` has other fields or options than the one that the migrations lead \
             to: `cargo mongrate diff index-email`",
        ),
        (
            "validate = \"moderate\"",
            "validate = \"strict\"",
            "error: the validation of the collection `users` is strict/error, and the migrations lead to \
             moderate/error: `cargo mongrate diff validate-users`",
        ),
        (
            "collection = \"users\"",
            "collection = \"people\"",
            "error: no migration creates the collection `people` of `User`: `cargo mongrate diff \
             create-people`",
        ),
        // A nested type, and an alias, which no token of `User` shows.
        (
            "    city: String,\n",
            "    city: String,\n    zip: Option<String>,\n",
            "E`User` has a field `address.zip` (optional) that no migration introduces: `cargo mongrate \
             diff add-zip`",
        ),
        (
            "type Seats = i32;",
            "type Seats = i64;",
            "E`User` has another type for the field `seats` and no migration changes it: `cargo mongrate \
             diff change-seats`",
        ),
        (
            "    Pro,\n",
            "    Pro,\n    Team,\n",
            "E`User` has another type for the field `plan` and no migration changes it: `cargo mongrate \
             diff change-plan`",
        ),
    ] {
        let expected = match expected.strip_prefix('E') {
            Some(text) => format!("{panicked}{text}"),
            None => expected.to_owned(),
        };
        let found = package.errors_with(from, to).join("\n");
        assert!(
            found.starts_with(&expected) && found.is_empty() == expected.is_empty(),
            "{to}: {found}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_says_what_to_do() {
    let package = package();
    for (text, expected) in [
        (SNAPSHOT.replace("end\n", ""), "models.snap:11: the file is cut off here"),
        (SNAPSHOT.replace("v1", "v2"), "models.snap:1: a newer mongrate wrote this file"),
        (
            SNAPSHOT.replace("end\n", "<<<<<<< HEAD\n=======\n>>>>>>> theirs\nend\n"),
            "models.snap:12: two branches changed the models, and git could not merge them: run `cargo \
             mongrate rebase`",
        ),
        (
            SNAPSHOT.replace("objectId", "x").replace("seats int", "seats x"),
            "models.snap:10: this line",
        ),
    ] {
        package.snapshot(Some(&text));
        let errors = package.errors();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with(&format!("error: {expected}")), "{errors:?}");
    }
    package.snapshot(Some(SNAPSHOT));
    assert_eq!(package.errors(), [""; 0], "the compiler watches the file");
}

/// Nothing is touched in between: cargo itself knows of the variable.
#[test]
fn a_variable_lifts_the_check_and_the_test_writes_the_models() {
    let package = package();
    let with_phone =
        TYPES.replace("    city: String,\n", "    city: String,\n    zip: Option<String>,\n");
    package.types(&with_phone);
    assert_eq!(package.errors().len(), 1);
    let directory = tempfile::tempdir().unwrap();
    let variables = [("MONGRATE_MODELS", directory.path())];
    let (done, text) = package.cargo(&["test", "--lib", "__mongrate_models"], &variables);
    assert!(done, "{text}");
    let models = fs::read_to_string(directory.path().join("shop.shop.models")).unwrap();
    assert!(models.contains("\nusers User root object@User path=\"shop::User\"\n"), "{models}");
    assert!(models.contains("\nusers User field address.zip optional string|null\n"), "{models}");
    let (done, text) = package.cargo(&["check"], &variables);
    assert!(done, "{text}");
    assert_eq!(package.errors().len(), 1, "without the variable it is refused again");
    // Without a file nothing is compared.
    package.snapshot(None);
    package.types(&with_phone.replace("Types.", "The types."));
    assert_eq!(package.errors(), [""; 0]);
}

/// There only the derive's own errors are shown, and the file is read again when it changes.
#[test]
fn an_editor_shows_the_error_at_the_field() {
    let package = package();
    package.types(&TYPES.replace("    plan: Plan,\n", "    plan: Plan,\n    phone: String,\n"));
    let (done, text) = package.cargo(&["check"], &[(EDITOR, Path::new("this is unstable"))]);
    assert!(!done);
    assert!(
        text.contains("error: `User` has a field `phone` (string) that no migration"),
        "{text}"
    );
}

/// The compiler cannot see a type that is not there, so the tests of the package say it: the derive's, and
/// `verify!()`, which is there even if the last model is gone.
#[test]
fn a_model_that_is_gone_from_the_code_fails_the_tests() {
    let package = package();
    let with_guest = SNAPSHOT.replace(
        "users options",
        "guests options collection\nguests Guest root object@Guest\nguests Guest field name string\nusers options",
    );
    package.snapshot(Some(&with_guest));
    let verified = format!("{TYPES}\n#[cfg(test)]\nmod tests {{\n    db::verify!();\n}}\n");
    package.types(&verified);
    assert_eq!(package.errors(), [""; 0]);
    let says =
        "models.snap has the model `Guest` of the collection `guests`, and the code does not";
    let tests = ["__mongrate_models", "each_model_that_migrations_lead_to_is_in_the_code"];
    for test in tests {
        let (done, text) = package.cargo(&["test", "--lib", test], &[]);
        assert!(!done && text.contains(says), "{test}: {text}");
    }
    // Another crate of the package has it, or it is behind a feature.
    let guest = "#[cfg(any())]\n#[derive(db::Model)]\n#[model(collection = \"guests\")]\nstruct Guest { name: String }\n";
    package.types(&format!("{verified}{guest}"));
    for test in tests {
        let (done, text) = package.cargo(&["test", "--lib", test], &[]);
        assert!(done && text.contains("1 passed"), "{test}: {text}");
    }
    // No model is left.
    package.types("//! Nothing.\n#[cfg(test)]\nmod tests {\n    db::verify!();\n}\n");
    let (done, text) = package.cargo(&["test", "--lib", tests[1]], &[]);
    assert!(
        !done && text.contains(says) && text.contains("`User` of the collection `users`"),
        "{text}"
    );
}
