//! What is printed: logs of JSON, colours, help, completions; on a terminal, and into a closed pipe.

use std::{process::Stdio, time::Duration};

use mongrate::bson::doc;
use serde_json::Value;
use tokio::{io::AsyncReadExt as _, process::Command, time::timeout};

use super::{ALL, Clinic, Ran, clinic, command, ran, text};

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
async fn doctor_says_what_stands_in_the_way() {
    let clinic = Clinic::new("doctor").await;
    let healthy = clinic.run(&["doctor", "--strict"]).await.ends(0);
    for line in
        ["✓ server      MongoDB ", "✓ rights      ", "✓ collection  `migrations` can be read"]
    {
        assert!(healthy.stdout.contains(line), "{line}\n{}", healthy.stdout);
    }
    healthy.says("✓ nothing stands in the way of migrations · database ");
    let json = clinic.json(&["doctor"]).await.ends(0).json();
    assert_eq!(json.pointer("/server/product").unwrap(), "MongoDB");
    // Another tool's collection.
    let foreign = clinic.fresh.db.collection("migrations");
    foreign.insert_one(doc! { "_id": "20240101-users.js" }).await.unwrap();
    let found = clinic.run(&["doctor"]).await.ends(65);
    found.says("✗ collection  ").says("✗ 1 error · database ");
    foreign.drop().await.unwrap();
    clinic.pass().await;
}

#[tokio::test]
async fn a_log_of_json_is_as_documented() {
    let guide = include_str!("../../../docs/observability.md");
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

/// A terminal shows what happens before the server has answered: this server never answers.
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
        "drift",
        "schema",
        "create",
        "lock-status",
        "force-unlock",
        "baseline",
        "import",
        "resolve",
        "repair",
        "tag",
        "purge",
        "completions",
    ] {
        ran(&mut command(&[verb, "--help"])).await.ends(0).says("--json");
    }
    let check = ran(&mut command(&["check", "--help"])).await.ends(0);
    let help = check.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("`cargo mongrate check` reads the sources"), "{help}");
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
        (&["drift", "--sample", "5"], 0),
        (&["lock-status"], 0),
        (&["purge", "--dry-run"], 0),
        (&["down", "-v"], 64),
        (&["down", "--yes", "--log", "trace"], 0),
        (&["repair", "--dry-run"], 0),
        (&["tag", "x"], 0),
        (&["tag", "--list"], 0),
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
