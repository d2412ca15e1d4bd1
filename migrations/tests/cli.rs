//! The command line as a user meets it: the sample's binary as a child process, its exit
//! codes, what it prints and what it never prints.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use mongrate::{
    Migration,
    bson::{Document, doc},
};
use mongrate_tests::Fresh;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
    sync::Mutex,
    time::timeout,
};

// What `create` writes compiles, as it is compiled here.
#[path = "../../seal/src/create/templates/change.rs"]
mod change;
#[path = "../../seal/src/create/templates/change_irreversible.rs"]
mod change_irreversible;
#[path = "../../seal/src/create/templates/online.rs"]
mod online;
#[path = "../../seal/src/create/templates/online_reversible.rs"]
mod online_reversible;
#[path = "../../seal/src/create/templates/transaction.rs"]
mod transaction;
#[path = "../../seal/src/create/templates/transaction_reversible.rs"]
mod transaction_reversible;

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
    fresh: Fresh,
    uri: String,
}

impl Clinic {
    async fn new(test: &str) -> Self {
        let fresh = Fresh::new(test).await;
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

#[tokio::test]
async fn every_verb_in_a_days_work() {
    let clinic = Clinic::new("days_work").await;

    let status = clinic.json(&["status"]).await.ends(0).json();
    assert_eq!(status.get("pending").unwrap(), 9, "{status:#}");
    clinic.run(&["status"]).await.ends(0).says("0 applied, 9 pending");
    clinic.run(&["history"]).await.ends(0).says("no events");
    clinic.run(&["lock-status"]).await.ends(0).says("the lock is free");
    let behind = clinic.run(&["check"]).await.ends(3).complains("9 migrations pending");
    behind.complains("next: clinic up");

    // Dry: nothing at all is in the database afterwards.
    let plan = clinic.json(&["plan"]).await.ends(0).json();
    assert_eq!(steps(&plan, "direction", "up"), ALL);
    let dry = clinic.json(&["up", "--dry-run", "--to", ALL[2]]).await.ends(0).json();
    assert_eq!(steps(&dry, "direction", "up"), ALL[..3]);
    clinic.run(&["down", "--dry-run", "--all"]).await.ends(0).says("nothing to do");
    clinic.run(&["redo", "--dry-run"]).await.ends(0).says("nothing to do");
    clinic.run(&["repair", "--dry-run"]).await.ends(0).says("nothing to repair");
    assert_eq!(clinic.fresh.db.list_collection_names().await.unwrap(), Vec::<String>::new());

    // Up by number, by version, the rest but the last.
    let up = clinic.run(&["up", "--steps", "2"]).await.ends(0).says("2 applied in ");
    up.says(", batch 1").says("✓  20250122001  initialize_migrations");
    let up = clinic.json(&["up", "--to", ALL[2], "--wait", "10s", "--lease", "5s"]).await.ends(0);
    assert_eq!(steps(&up.json(), "outcome", "applied"), ALL[2..3]);
    let up = clinic.json(&["up", "--to", ALL[5], "--continue-on-error"]).await.ends(0).json();
    assert_eq!(up.get("batch").unwrap(), 3, "{up:#}");

    // Down by one, by number, by version, by batch; and again.
    let down = clinic.json(&["down", "--yes"]).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), ALL[5..6]);
    let down = clinic.json(&["down", "--steps", "2", "-y"]).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), [ALL[4], ALL[3]]);
    let redo = clinic.json(&["redo", "--yes"]).await.ends(0).json();
    assert_eq!(steps(&redo, "outcome", "reverted"), ALL[2..3]);
    assert_eq!(steps(&redo, "outcome", "applied"), ALL[2..3]);
    let down = clinic.json(&["down", "--to", ALL[1], "--yes"]).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), ALL[2..3]);
    let down = clinic.json(&["down", "--batch", "--yes"]).await.ends(0).json();
    assert_eq!(steps(&down, "outcome", "reverted"), [ALL[1], ALL[0]]);
    clinic.run(&["up", "--to", ALL[5]]).await.ends(0).says("6 applied");
    clinic.run(&["down", "--all", "--yes"]).await.ends(0).says("6 rolled back");

    // All the way, past the point of no return.
    clinic.run(&["up"]).await.ends(0).says("9 applied");
    clinic.run(&["up"]).await.ends(0).says("nothing to do");
    clinic.run(&["check"]).await.ends(0).says("this build fits the database");

    // The backfill changed every visit, and changes it back.
    let visits = clinic.fresh.db.collection::<Document>("visits");
    let january = doc! { "month": "2025-01" };
    let dated = doc! { "month": { "$exists": true } };
    assert!(visits.count_documents(january).await.unwrap() > 0);
    assert_eq!(visits.count_documents(dated.clone()).await.unwrap(), 5_000);
    clinic.run(&["down", "--yes"]).await.ends(0).says("20250122009");
    assert_eq!(visits.count_documents(dated).await.unwrap(), 0);

    // What was declared comes back by itself, what it kept until then can be removed.
    let patients = clinic.fresh.db.collection::<Document>("patients");
    let named = doc! { "name": { "$type": "string" } };
    assert_eq!(patients.count_documents(named.clone()).await.unwrap(), 0);
    let plan = clinic.run(&["down", "--dry-run"]).await.ends(0);
    let plan = plan.says("bring field `name` of `patients` back");
    plan.says("rename field `complaint` of `visits` back to `reason` · 5,000 documents");
    clinic.run(&["down", "--yes"]).await.ends(0).says("1 rolled back");
    assert_eq!(patients.count_documents(named).await.unwrap(), 2_000);
    clinic.run(&["purge", "--dry-run"]).await.ends(0).says("nothing is kept");
    clinic.run(&["up"]).await.ends(0).says("2 applied");
    clinic.run(&["purge"]).await.ends(64).complains("--yes");
    let kept = clinic.json(&["purge", "--dry-run"]).await.ends(0).json();
    assert_eq!(kept.get("purged").unwrap(), false, "{kept:#}");
    clinic.run(&["purge", "--older-than", "1d", "--yes"]).await.ends(0).says("nothing is kept");
    let purged = clinic.run(&["purge", "--version", ALL[7], "--yes"]).await.ends(0);
    purged.says("migrations.kept.20250122008.1      2,000").says("1 collection removed");
    clinic.run(&["down", "--yes"]).await.ends(0).says("20250122009");
    let refused = clinic.json(&["down", "--yes"]).await.ends(1).json().to_string();
    assert!(refused.contains("which is gone (`purge`?)"), "{refused}");
    let down = clinic.json(&["down", "--steps", "2", "--yes"]).await.ends(65);
    assert_eq!(down.error_code(), "irreversible");
    let history = clinic.json(&["history"]).await.ends(0).json();
    assert!(history.get("events").and_then(Value::as_array).unwrap().len() > 20, "{history:#}");
    clinic.run(&["history"]).await.ends(0).says("20250122007  validate_patients");
    clinic.run(&["status"]).await.ends(0).says("8 applied, 1 pending");
    clinic.pass().await;
}

#[tokio::test]
async fn a_baseline_is_recorded_and_nothing_is_run() {
    let clinic = Clinic::new("baseline").await;
    let recorded = clinic.json(&["baseline", ALL[1], "--yes"]).await.ends(0).json();
    assert_eq!(recorded.get("state").unwrap(), "applied", "{recorded:#}");
    let status = clinic.json(&["status"]).await.ends(0).json();
    assert_eq!(status.get("applied").unwrap(), 2, "{status:#}");
    let settings = clinic.fresh.db.collection::<Document>("settings");
    assert_eq!(settings.count_documents(doc! {}).await.unwrap(), 0, "nothing was run");
    assert_eq!(
        clinic.json(&["baseline", "9", "--yes"]).await.ends(64).error_code(),
        "unknown_version"
    );
    clinic.pass().await;
}

#[tokio::test]
async fn an_edited_migration_is_refused_until_it_is_repaired() {
    let clinic = Clinic::new("drift").await;
    clinic.run(&["up", "--steps", "1"]).await.ends(0);
    let control = clinic.fresh.db.collection::<Document>("migrations");
    let edit = doc! { "$set": { "checksum": "v1:sha256:0000" } };
    control.update_one(doc! { "_id": 20_250_122_001_i64 }, edit).await.unwrap();

    assert_eq!(clinic.json(&["up"]).await.ends(65).error_code(), "checksum_drift");
    let refused = clinic.run(&["up"]).await.ends(65).complains("v1:sha256:0000");
    refused.complains("next: clinic repair --dry-run");
    clinic.run(&["status"]).await.ends(0).says("changed after being applied");
    let dry = clinic.json(&["repair", "--dry-run"]).await.ends(0).json();
    assert_eq!(dry.get("written").unwrap(), false, "{dry:#}");
    clinic.run(&["repair"]).await.ends(64).complains("--yes");
    let repaired = clinic.json(&["repair", "--yes"]).await.ends(0).json();
    assert_eq!(repaired.get("written").unwrap(), true, "{repaired:#}");
    clinic.run(&["up", "--steps", "1"]).await.ends(0).says("1 applied");
    clinic.pass().await;
}

#[tokio::test]
async fn a_failure_is_told_with_what_was_done_before() {
    let clinic = Clinic::new("failure").await;
    let _turn = FAIL_POINT.lock().await;
    clinic.run(&["up", "--steps", "2"]).await.ends(0);
    // No label: a second attempt would not help.
    let data = doc! { "failCommands": ["insert"], "errorCode": 121 };
    let fail = clinic.fresh.fail(doc! { "times": 1 }, data).await;
    let failed = clinic.json(&["up"]).await.ends(1);
    fail.off().await;
    assert_eq!(failed.error_code(), "migration_failed");
    let report = failed.json().pointer("/error/report").cloned().unwrap();
    assert_eq!(steps(&report, "outcome", "failed"), ALL[2..3]);
    assert_eq!(steps(&report, "outcome", "not_run"), ALL[3..]);
    clinic.run(&["status"]).await.ends(0).says("failed");

    let data = doc! { "failCommands": ["insert"], "errorCode": 121 };
    let fail = clinic.fresh.fail(doc! { "times": 1 }, data).await;
    let failed = clinic.run(&["up"]).await.ends(1);
    fail.off().await;
    let failed = failed.says("✗  20250122003  load_countries").says("1 failed, 6 not run");
    failed.complains("error: 20250122003").complains("next: fix it and run `clinic up` again");

    let resolved = clinic.json(&["resolve", ALL[2], "--as", "applied", "--yes"]).await.ends(0);
    assert_eq!(resolved.json().get("state").unwrap(), "applied");
    let again = clinic.json(&["resolve", ALL[2], "--as", "applied", "--yes"]).await.ends(65);
    assert_eq!(again.error_code(), "wrong_state");
    let again = clinic.json(&["resolve", ALL[2], "--as", "pending", "--yes"]).await.ends(65);
    assert_eq!(again.error_code(), "wrong_state");
    clinic.run(&["resolve", ALL[2], "--as", "undone", "--yes"]).await.ends(0).says("pending");
    clinic.pass().await;
}

#[tokio::test]
async fn who_holds_the_lock_is_told_and_can_be_unlocked() {
    /// Runs until the test ends.
    const HOLDER: Migration = Migration::transactional(1, "hold", |_| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(600)).await;
            Ok(())
        })
    });
    let clinic = Clinic::new("lock").await;
    let holder = clinic.fresh.again().await;
    let holding = tokio::spawn(async move { holder.migrator([HOLDER]).app("holder 1").up().await });
    let fence = loop {
        let lock = clinic.json(&["lock-status"]).await.ends(0).json();
        if lock.get("held").unwrap() == true {
            break lock.get("fence").unwrap().to_string();
        }
    };
    clinic.run(&["lock-status"]).await.ends(0).says("(holder 1)");
    clinic.run(&["status"]).await.ends(0).says("locked by");
    let busy = clinic.run(&["up", "--wait", "no"]).await.ends(75).complains("holder 1");
    busy.complains("next: clinic lock-status");
    let busy = clinic.json(&["up", "--wait", "100ms"]).await.ends(75);
    assert_eq!(busy.error_code(), "lock_held");

    // A signal ends the waiting.
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let waiting = Signalled::start(&clinic, &["up", "-v"], "waiting for the lock").await;
        waiting.signal(signal);
        let cancelled = waiting.ended().await.ends(code);
        cancelled.complains("cancelling…").complains("error: cancelled");
    }

    clinic.run(&["force-unlock", &fence]).await.ends(64).complains("--confirm");
    let moved = clinic.json(&["force-unlock", "99", "--confirm"]).await.ends(65);
    assert_eq!(moved.error_code(), "fence_mismatch");
    let taken = clinic.json(&["force-unlock", &fence, "--confirm"]).await.ends(0).json();
    assert_eq!(taken.get("was_live").unwrap(), true, "{taken:#}");
    holding.abort();
    clinic.pass().await;
}

/// A process that is stopped by a signal.
struct Signalled {
    child: Child,
    stderr: BufReader<tokio::process::ChildStderr>,
    read: String,
}

impl Signalled {
    /// Starts it, and waits until it says `text` on stderr.
    async fn start(clinic: &Clinic, args: &[&str], text: &str) -> Self {
        let mut child = clinic.command(args).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut read = String::new();
        while !read.contains(text) {
            let line = stderr.read_line(&mut read);
            let count = timeout(Duration::from_secs(60), line).await.expect("it says so").unwrap();
            assert_ne!(count, 0, "it ended without saying `{text}`: {read}");
        }
        Self { child, stderr, read }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().expect("running").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(status.success());
    }

    async fn ended(mut self) -> Ran {
        self.stderr.read_to_string(&mut self.read).await.unwrap();
        let mut output = timeout(Duration::from_secs(60), self.child.wait_with_output())
            .await
            .expect("it ends")
            .unwrap();
        output.stderr = self.read.into_bytes();
        Ran::new(&output)
    }
}

#[tokio::test]
async fn a_signal_ends_a_migration_in_order() {
    let clinic = Clinic::new("signal").await;
    let _turn = FAIL_POINT.lock().await;
    let slow = doc! { "failCommands": ["insert"], "blockConnection": true, "blockTimeMS": 20_000 };
    let fail = clinic.fresh.fail(doc! { "times": 1 }, slow).await;
    let run = Signalled::start(&clinic, &["up", "-v"], "applying").await;
    run.signal("INT");
    let cancelled = run.ended().await.ends(130).complains("cancelling…");
    fail.off().await;
    cancelled.says("✗  20250122001  initialize_migrations  interrupted").says("8 not run");
    let status = clinic.json(&["status"]).await.ends(0).json();
    assert_eq!(status.get("applied").unwrap(), 0, "{status:#}");
    assert_eq!(status.pointer("/lock/held").unwrap(), false, "{status:#}");
    clinic.run(&["up"]).await.ends(0).says("9 applied");
    clinic.pass().await;
}

#[tokio::test]
async fn wrong_arguments_end_with_64() {
    let uri = "mongodb://anna:canary1@127.0.0.1:1/";
    for args in [
        &[][..],
        &["up", "--to", "1", "--steps", "1"],
        &["up", "--to", "x"],
        &["up", "--steps", "0"],
        &["up", "--allow-ahead", "--refuse-ahead"],
        &["up", "--wait", "maybe"],
        &["up", "--lease", "30"],
        &["up", uri],
        &["down", "--all", "--batch"],
        &["down", "--all", "--to", "1"],
        &["down", "--steps", "1", "--batch"],
        &["force-unlock"],
        &["force-unlock", "x", "--confirm"],
        &["resolve", "1"],
        &["resolve", "1", "--as", "done"],
        &["baseline"],
        &["completions", "csh"],
        &["status", "--color", "blue"],
        &["status", "--log", "=a=b="],
        &["no-such-verb"],
        &["--urii", uri, "status"],
        &["--urii=mongodb://anna:canary2@h", "status"],
        // These are refused before a server is asked.
        &["down", "--uri", uri],
        &["redo", "--uri", uri],
        &["repair", "--uri", uri],
        &["baseline", "1", "--uri", uri],
        &["resolve", "1", "--as", "pending", "--uri", uri],
        &["force-unlock", "1", "--uri", uri],
        &["up", "--lease", "1ms", "--uri", uri],
        &["up", "--collection", "a$b", "--uri", uri],
    ] {
        let text = ran(&mut command(args)).await.ends(64);
        assert!(!text.stderr.is_empty() && text.stdout.is_empty(), "{args:?}: {text:#?}");
        let json: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let json = ran(&mut command(&json)).await.ends(64);
        assert_ne!(json.error_code(), "", "{args:?}");
        assert!(json.stderr.is_empty(), "{args:?}: {json:#?}");
    }
}

#[tokio::test]
async fn a_password_is_in_no_message_about_its_uri() {
    for (uri, code) in [
        ("mongodb://anna:canary@127.0.0.1:1/?serverSelectionTimeoutMS=200", 69),
        ("mongodb://anna:canary%2Fx@127.0.0.1:1/?serverSelectionTimeoutMS=200", 69),
        ("mongodb+srv://anna:canary@nowhere.invalid/", 69),
        ("mongodb://anna:canary@", 64),
        ("mongodb://anna:canary@h:port", 64),
        ("mongodb://anna:p@canary/x@h", 64),
        ("mongodb://anna:p?canary@h", 64),
        ("mongodb://anna:p/canary@h:99999", 64),
        ("mongodb://anna:canary%zz@h", 64),
        ("mongo://anna:canary@h", 64),
        ("anna:canary@h", 64),
        ("mongodb://anna:canary@h/?authMechanism=canary2", 64),
        ("mongodb://h/?authMechanism=MONGODB-X509&tlsCertificateKeyFilePassword=canary&w=-1", 64),
    ] {
        for args in [&["status", "-vv"][..], &["up", "--json", "--log", "trace"]] {
            ran(command(args).env("MONGODB_URI", uri)).await.ends(code);
            ran(command(args).args(["--uri", uri])).await.ends(code);
        }
    }
    let help = ran(command(&["up", "--help"]).env("MONGODB_URI", "mongodb://anna:canary@h")).await;
    help.ends(0).says("MONGODB_URI");
}

/// What is on stderr, of which each line is a JSON object.
#[track_caller]
fn json_lines(ran: &Ran) -> Vec<Value> {
    let parse =
        |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    let lines: Vec<Value> = ran.stderr.lines().map(parse).collect();
    for line in &lines {
        for field in ["timestamp", "level", "message", "target"] {
            assert!(line.get(field).is_some_and(Value::is_string), "no `{field}`: {line:#}");
        }
    }
    lines
}

/// The names of a JSON object's fields, as they are written.
fn fields(line: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(line).unwrap();
    let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    names.sort_by_key(|name| line.find(&format!("\"{name}\":")));
    names
}

#[tokio::test]
async fn a_log_of_json_is_as_documented() {
    let guide = include_str!("../../docs/observability.md");
    let documented = guide.lines().find(|line| line.starts_with("{\"timestamp\"")).unwrap();
    let clinic = Clinic::new("log_guide").await;
    let ran = clinic.run(&["up", "--steps", "1", "--log", "json"]).await.ends(0);
    let applied = ran.stderr.lines().find(|line| line.contains("\"applied\"")).unwrap();
    assert_eq!(fields(applied), fields(documented));
    assert_eq!(json_lines(&ran).len(), 2, "one at its beginning, one at its end: {ran:#?}");

    // Whatever else is said on stderr is a JSON object, too: lints, errors, what is next.
    clinic.run(&["up", "--to", ALL[6]]).await.ends(0);
    let ran = clinic.run(&["up", "--to", ALL[7], "--log", "json"]).await.ends(0);
    let lines = json_lines(&ran);
    let lint = lines.iter().find(|line| line.get("lint").is_some()).unwrap();
    assert_eq!(text(lint, "lint"), "rename_breaks_running_app");
    assert_eq!((text(lint, "version"), text(lint, "level")), (ALL[7].to_owned(), "WARN".into()));
    let ran = clinic.run(&["down", "--log", "json"]).await.ends(64);
    let lines = json_lines(&ran);
    assert_eq!(text(lines.last().unwrap(), "code"), "confirmation_needed");
    assert_eq!(text(lines.last().unwrap(), "level"), "ERROR");
    let ran = clinic.run(&["up", "--to", "7", "--log", "json,mongrate=debug"]).await.ends(64);
    assert_eq!(text(json_lines(&ran).last().unwrap(), "next"), "clinic status");
    clinic.pass().await;
}

#[tokio::test]
async fn a_log_of_json_has_a_line_for_each_migration() {
    let clinic = Clinic::new("log_json").await;
    let ran = clinic.run(&["up", "--steps", "2", "--log", "json"]).await.ends(0);
    let lines = json_lines(&ran);
    let applied: Vec<&Value> =
        lines.iter().filter(|line| text(line, "message") == "applied").collect();
    let versions: Vec<String> = applied.iter().map(|line| text(line, "version")).collect();
    assert_eq!(versions, [ALL[0], ALL[1]], "{lines:#?}");
    for line in applied {
        assert_eq!(text(line, "target"), "mongrate");
        assert!(line.get("duration_ms").is_some_and(Value::is_u64), "{line:#}");
        assert!(line.get("timestamp").is_some_and(Value::is_string), "{line:#}");
    }
    clinic.pass().await;
}

#[tokio::test]
async fn a_wrong_password_ends_with_77() {
    let clinic = Clinic::new("wrong_password").await;
    if !clinic.uri.contains(PASSWORD_ENCODED) {
        return;
    }
    let uri = clinic.uri.replacen(PASSWORD_ENCODED, "canary3", 1);
    for args in [&["status"][..], &["up", "-vv"], &["up", "--json"]] {
        let refused = ran(clinic.command(args).env("MONGODB_URI", &uri)).await.ends(77);
        if args.contains(&"--json") {
            assert_eq!(refused.error_code(), "unauthorized");
        } else {
            refused.complains("next: see that the user and password");
        }
    }
    clinic.pass().await;
}

#[tokio::test]
async fn a_group_without_migrations_ends_with_70() {
    let clinic = Clinic::new("group").await;
    let bad = clinic.json(&["up", "--group", "nobody"]).await.ends(70);
    assert_eq!(bad.error_code(), "registry");
    clinic.pass().await;
}

#[tokio::test]
async fn colour_is_for_terminals_and_can_be_refused() {
    let clinic = Clinic::new("colour").await;
    let escapes = |ran: &Ran| ran.stdout.contains('\u{1b}') || ran.stderr.contains('\u{1b}');
    for args in [&["status"][..], &["up", "--steps", "1"], &["check"], &["plan", "-v"], &["--help"]]
    {
        let plain = clinic.run(args).await;
        assert!(!escapes(&plain), "piped: {plain:#?}");
        let colour: Vec<&str> = args.iter().copied().chain(["--color", "always"]).collect();
        let colour = clinic.run(&colour).await;
        assert!(escapes(&colour), "--color always: {colour:#?}");
        let refused =
            ran(clinic.command(args).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")).await;
        assert!(!escapes(&refused), "NO_COLOR: {refused:#?}");
        let never: Vec<&str> = args.iter().copied().chain(["--color=never"]).collect();
        let never = ran(clinic.command(&never).env("CLICOLOR_FORCE", "1")).await;
        assert!(!escapes(&never), "--color=never: {never:#?}");
    }
    clinic.json(&["status", "--color", "always"]).await.json();
    clinic.pass().await;
}

/// On a terminal one sees what is going on before the server has said anything: this one never does.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_terminal_has_its_first_line_at_once() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("mongodb://{}/shop", silent.local_addr().unwrap());
    for (verb, line) in [("status", "reading the status"), ("plan", "planning")] {
        let clinic = clinic().display();
        let mut terminal = Command::new("script")
            .args(["--quiet", "--flush", "--command", &format!("{clinic} {verb}"), "/dev/null"])
            .env("MONGODB_URI", &uri)
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut shown = terminal.stdout.take().unwrap();
        let (mut text, mut some) = (String::new(), [0; 1_024]);
        while !text.contains(line) {
            let count = timeout(Duration::from_secs(20), shown.read(&mut some)).await;
            let count = count.expect("it says so before it gives up").unwrap();
            assert_ne!(count, 0, "`{verb}` ended without `{line}`: {text}");
            text += &String::from_utf8_lossy(&some[..count]);
        }
    }
}

#[tokio::test]
async fn help_names_the_exit_codes() {
    let help = ran(&mut command(&["--help"])).await.ends(0).says("Exit codes:");
    help.says("force-unlock").says("75");
    ran(&mut command(&["--version"])).await.ends(0).says("clinic ");
    for verb in [
        "status",
        "up",
        "down",
        "redo",
        "plan",
        "history",
        "check",
        "create",
        "lock-status",
        "force-unlock",
        "baseline",
        "import",
        "resolve",
        "repair",
        "purge",
        "completions",
    ] {
        ran(&mut command(&[verb, "--help"])).await.ends(0).says("--json");
    }
    let check = ran(&mut command(&["check", "--help"])).await.ends(0);
    let help = check.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("`cargo mongrate check` looks at the sources"), "{help}");
}

#[tokio::test]
async fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        ran(&mut command(&["completions", shell])).await.ends(0).says("force-unlock");
        let json = ran(&mut command(&["completions", shell, "--json"])).await.ends(0).json();
        assert_eq!(json.get("shell").unwrap(), shell);
        assert!(text(&json, "script").contains("lock-status"));
    }
}

#[tokio::test]
async fn create_writes_the_next_file_and_its_mod_line() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("migrations");
    let dir_text = dir.to_str().unwrap();
    let args = ["create", "add user index", "--dir", dir_text];
    ran(&mut command(&args)).await.ends(64).complains("mkdir -p");

    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("mod.rs"), "mod m20250122001_first;\n").unwrap();
    std::fs::write(dir.join("m20250122001_first.rs"), "").unwrap();
    let created = ran(command(&args).args(["--json", "--kind", "online", "--reversible"])).await;
    let created = created.ends(0).json();
    let version = created.get("version").unwrap().to_string();
    assert_eq!(version.len(), 11, "{created:#}");
    assert_eq!(text(&created, "mod_line"), format!("mod m{version}_add_user_index;"));
    let written = std::fs::read_to_string(text(&created, "path")).unwrap();
    assert!(written.contains(&format!("version = {version}, reversible")), "{written}");
    assert!(written.contains("async fn add_user_index(on: &mut Online<'_>)"), "{written}");
    let modules = std::fs::read_to_string(dir.join("mod.rs")).unwrap();
    assert_eq!(modules, format!("mod m20250122001_first;\nmod m{version}_add_user_index;\n"));

    ran(&mut command(&args))
        .await
        .ends(64)
        .complains("the name `add_user_index` is already taken by");
    let other = ["create", "AnotherOne", "--dir", dir_text];
    ran(&mut command(&other)).await.ends(0).says("✓ wrote ").says("_another_one;");
    let modules = std::fs::read_to_string(dir.join("mod.rs")).unwrap();
    assert_eq!(modules.lines().count(), 3, "{modules}");
    for name in ["../x", "a/b", "a\\b", "x..y", "", " ", "a\nb", "日本", &"a".repeat(300)] {
        let refused = ran(&mut command(&["create", name, "--dir", dir_text, "--json"])).await;
        assert_eq!(refused.ends(64).error_code(), "bad_name", "{name:?}");
    }
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 4);
}

/// A reader that leaves early (`| head -1`) changes nothing about the work.
#[tokio::test]
async fn a_closed_pipe_is_no_failure() {
    let clinic = Clinic::new("closed_pipe").await;
    let mut child = clinic.command(&["up"]).spawn().unwrap();
    drop(child.stdout.take());
    let status = timeout(Duration::from_secs(60), child.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(0));
    clinic.run(&["check"]).await.ends(0);
    clinic.pass().await;
}

/// Neither does one whose stdout and stderr both lead nowhere (`2>&1 | head -1`): no verb panics.
#[tokio::test]
async fn no_verb_panics_on_a_closed_pipe() {
    let clinic = Clinic::new("closed_pipes").await;
    for (args, code) in [
        (&["--help"][..], 0),
        (&["up", "--help"], 0),
        (&["--version"], 0),
        (&["completions", "bash"], 0),
        (&["completions", "zsh", "--json"], 0),
        (&["status"], 0),
        (&["status", "--json"], 0),
        (&["plan", "-vv"], 0),
        (&["check"], 3),
        (&["up", "-vv", "--steps", "2"], 0),
        (&["up", "--log", "json,trace", "--steps", "5"], 0),
        (&["up", "--dry-run", "-v"], 0),
        (&["up", "-v"], 0),
        (&["history", "--color", "always"], 0),
        (&["history", "--json"], 0),
        (&["lock-status"], 0),
        (&["purge", "--dry-run"], 0),
        (&["down", "-v"], 64),
        (&["down", "--yes", "--log", "trace"], 0),
        (&["repair", "--dry-run"], 0),
        (&["no-such-verb"], 64),
        (&["no-such-verb", "--json"], 64),
    ] {
        let mut child = clinic.command(args).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        let status = timeout(Duration::from_secs(60), child.wait()).await.expect("it ends");
        assert_eq!(status.unwrap().code(), Some(code), "{args:?}");
    }
    clinic.run(&["status"]).await.ends(0).says("8 applied, 1 pending");
    clinic.pass().await;
}

/// Killed in the middle of a backfill: what it left is not called running, and the holder of the
/// lock is not taken for alive.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_killed_process_left_is_interrupted() {
    let clinic = Clinic::new("killed").await;
    let _turn = FAIL_POINT.lock().await;
    clinic.run(&["up", "--to", ALL[7]]).await.ends(0);
    // The batches of the backfill wait for each other, so that it is in the middle for long.
    let slow = doc! { "failCommands": ["commitTransaction"], "blockConnection": true,
    "blockTimeMS": 6_000 };
    let fail = clinic.fresh.fail(doc! { "skip": 3 }, slow).await;
    let mut up = clinic.command(&["up"]).spawn().unwrap();
    let status = loop {
        let status = clinic.json(&["status"]).await.ends(0).json();
        if status.pointer("/migrations/8/percent").is_some() {
            break status;
        }
    };
    let state = |status: &Value| text(status.pointer("/migrations/8").unwrap(), "state");
    assert_eq!(state(&status), "running", "{status:#}");
    assert_eq!(status.get("running").unwrap(), 1, "{status:#}");
    clinic
        .run(&["status"])
        .await
        .ends(0)
        .says("running at ")
        .says("8 applied, 1 running, 0 pending");
    up.kill().await.unwrap();
    let status = clinic.json(&["status"]).await.ends(0).json();
    assert_eq!(state(&status), "interrupted", "{status:#}");
    assert_eq!(status.pointer("/lock/dead").unwrap(), true, "{status:#}");
    let percent = status.pointer("/migrations/8/percent").unwrap();
    let shown = clinic.run(&["status"]).await.ends(0);
    assert!(!shown.stdout.contains("running"), "{shown:#?}");
    let shown = shown.says(&format!("month_of_visits        interrupted at {percent} %  online"));
    let shown = shown.says("8 applied, 1 interrupted, 0 pending");
    let shown = shown.says("! 20250122009 month_of_visits: interrupted at `");
    shown
        .says(&format!("documents ({percent} %); `up` resumes it"))
        .says(": that process has ended; its lease ends in ");
    clinic.run(&["lock-status"]).await.ends(0).says("that process has ended");
    clinic.run(&["history"]).await.ends(0).says("began    20250122009  month_of_visits");
    fail.off().await;
    // It need not be waited for, on this machine.
    clinic.run(&["up", "--wait", "no"]).await.ends(0).says("1 applied");
    clinic.run(&["status"]).await.ends(0).says("9 applied, 0 pending");
    clinic.pass().await;
}

#[tokio::test]
async fn a_dry_run_shows_each_command_and_leaves_nothing() {
    let clinic = Clinic::new("dry_run").await;
    let dry = clinic.run(&["up", "--dry-run"]).await.ends(0);
    let dry = dry.says("✓ 20250122003 load_countries").says("insert  countries  249 inserted");
    let dry = dry.says("- 20250122002 add_sample_index · online: not run in a transaction");
    let dry = dry.says("create index `by_name` on `patients`").says("nothing was written");
    dry.says("3 tried, 6 not run in a transaction");
    let json = clinic.json(&["up", "--dry-run=run", "--timeout", "20s"]).await.ends(0).json();
    assert_eq!(steps(&json, "outcome", "ran").len(), 3);
    assert_eq!(json.pointer("/steps/2/commands/0/inserted").unwrap(), 249);
    assert_eq!(json.get("observed").unwrap(), true);
    let plan = clinic.run(&["up", "--dry-run=plan"]).await.ends(0);
    plan.says("9 to apply");
    assert_eq!(clinic.fresh.db.list_collection_names().await.unwrap(), Vec::<String>::new());

    // Everything else that the options say.
    for wrong in [
        &["up", "--sample", "3"][..],
        &["up", "--timeout", "3s"],
        &["up", "--dry-run=plan", "--shadow"],
        &["up", "--dry-run=maybe"],
        &["up", "--allow", "everything"],
        &["up", "--atomic", "--continue-on-error"],
    ] {
        clinic.run(wrong).await.ends(64);
    }
    let apart = clinic.run(&["up", "--atomic"]).await.ends(65);
    apart.complains("`up --atomic --to 20250122001`, then `up --to 20250122002`");
    clinic.run(&["up", "--atomic", "--to", ALL[0]]).await.ends(0).says("1 applied");

    // Once there are documents, the rename among the last is worth a word.
    clinic.run(&["up", "--to", ALL[6]]).await.ends(0);
    let strict = &["check", "--strict", "--allow-pending"];
    clinic.run(strict).await.ends(65).complains("rename_breaks_running_app");
    let allow = ["--allow", "rename_breaks_running_app"];
    clinic.run(&[&strict[..], &allow].concat()).await.ends(0).says("7 applied, 2 pending");
    clinic.run(&["check", "--strict", allow[0], allow[1]]).await.ends(3);
    let plan = clinic.json(&["plan"]).await.ends(0).json();
    assert_eq!(plan.pointer("/lints/0/name").unwrap(), "rename_breaks_running_app");
    assert!(clinic.json(&["plan", "--no-lint"]).await.ends(0).json().get("lints").is_none());
    // In full in a plan; a line for each before a run.
    let plan = clinic.run(&["plan"]).await.ends(0);
    let plan = plan.says("warning: rename_breaks_running_app\n  20250122008 one_name_each: ");
    plan.says("+ change.remove_field(\"visits\", \"reason\");");
    let up = clinic.run(&["up"]).await.ends(0);
    assert_eq!(up.stderr.lines().count(), 2, "{up:#?}");
    up.complains("warning: rename_breaks_running_app: 20250122008 one_name_each: ")
        .complains("`clinic plan` shows them in full");
    clinic.run(&["down", "--dry-run"]).await.ends(0).says("not run in a transaction");
    clinic.pass().await;
}
