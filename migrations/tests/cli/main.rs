//! The command line as a user meets it: the sample's binary as a child process, its exit
//! codes, what it prints and what it never prints.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod drift;
mod output;
mod policies;
mod refusals;
mod releases;
mod signals;
mod steering;
mod webhook;
mod work;

// What `create` writes compiles, as it is compiled here.
#[path = "../../../seal/src/create/templates/change.rs"]
mod change;
#[path = "../../../seal/src/create/templates/change_irreversible.rs"]
mod change_irreversible;
#[path = "../../../seal/src/create/templates/online.rs"]
mod online;
#[path = "../../../seal/src/create/templates/online_reversible.rs"]
mod online_reversible;
#[path = "../../../seal/src/create/templates/transaction.rs"]
mod transaction;
#[path = "../../../seal/src/create/templates/transaction_reversible.rs"]
mod transaction_reversible;

use std::{
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use mongrate::bson::doc;
use mongrate_tests::TestDb;
use serde_json::Value;
use tokio::{process::Command, sync::Mutex, time::timeout};

/// A piece of every password here, and of nothing else: no output may hold it.
const CANARY: &str = "canary";
const USER: &str = "anna";
const PASSWORD: &str = "canary/p@ss:w%rd";
const PASSWORD_ENCODED: &str = "canary%2Fp%40ss%3Aw%25rd";

const ALL: [&str; 9] = [
    "20250122001",
    "20250122002",
    "20250122003",
    "20250122004",
    "20250122005",
    "20250122006",
    "20250122007",
    "20250122008",
    "20250122009",
];

/// There is one fail point per server.
static FAIL_POINT: Mutex<()> = Mutex::const_new(());

/// The sample's binary.
fn clinic() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_clinic"))
}

/// How the sample ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn new(output: &Output) -> Self {
        let ran = Self {
            code: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        };
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(CANARY), "a password was printed: {ran:#?}");
        }
        ran
    }

    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "`{text}` is not in stdout: {self:#?}");
        self
    }

    #[track_caller]
    fn complains(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in stderr: {self:#?}");
        self
    }

    /// The one document that `--json` prints.
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The code of the error document; the message is not empty, the kind is there.
    #[track_caller]
    fn error_code(&self) -> String {
        let json = self.json();
        let error = json.get("error").unwrap_or_else(|| panic!("no error: {self:#?}"));
        assert!(error.get("kind").is_some_and(Value::is_string), "{self:#?}");
        assert_ne!(text(error, "message"), "", "{self:#?}");
        text(error, "code")
    }
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The versions in `steps` of a report whose `field` is `wanted`.
fn steps(report: &Value, field: &str, wanted: &str) -> Vec<String> {
    let steps = report.get("steps").and_then(Value::as_array).unwrap();
    steps
        .iter()
        .filter(|step| text(step, field) == wanted)
        .map(|step| step.get("version").unwrap().to_string())
        .collect()
}

/// The command without what the environment of the tests may say.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(clinic());
    for name in [
        "MONGODB_URI",
        "MONGODB_DATABASE",
        "MIGRATE_ON_START",
        "MONGRATE_WEBHOOK",
        "MONGRATE_WEBHOOK_SECRET",
        "MONGRATE_WEBHOOK_SECRET_FILE",
        "MONGRATE_WEBHOOK_AUTHORIZATION",
        "MONGRATE_WEBHOOK_EVENTS",
        "MONGRATE_WEBHOOK_TEMPLATE",
        "MIGRATE_AUDIT_LOG",
        "MIGRATE_AUDIT_KEY",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "RUST_LOG",
        "CI",
    ] {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn ran(command: &mut Command) -> Ran {
    let output = timeout(Duration::from_secs(120), command.output()).await;
    Ran::new(&output.expect("it ends").unwrap())
}

/// The sample on a database of its own, with a user whose password is the canary.
struct Clinic {
    fresh: TestDb,
    uri: String,
}

impl Clinic {
    async fn new(test: &str) -> Self {
        let fresh = TestDb::new(test).await;
        let name = fresh.db.name().to_owned();
        let mut uri = fresh.uri.clone();
        // The appName is what fail points go by.
        uri += if uri.contains('?') { "&" } else { "/?" };
        uri += &format!("appName={name}");
        if !uri.contains('@') {
            let create = doc! { "createUser": USER, "pwd": PASSWORD, "roles": [] };
            fresh.db.run_command(create).await.unwrap();
            uri = uri.replacen("://", &format!("://{USER}:{PASSWORD_ENCODED}@"), 1);
            uri += &format!("&authSource={name}");
        }
        Self { fresh, uri }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.env("MONGODB_URI", &self.uri).env("MONGODB_DATABASE", self.fresh.db.name());
        command
    }

    async fn run(&self, args: &[&str]) -> Ran {
        ran(&mut self.command(args)).await
    }

    async fn json(&self, args: &[&str]) -> Ran {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        self.run(&args).await
    }

    async fn pass(self) {
        let _ = self.fresh.db.run_command(doc! { "dropUser": USER }).await;
        self.fresh.pass().await;
    }
}
