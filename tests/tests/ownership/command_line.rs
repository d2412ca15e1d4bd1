//! The same at the command line: variables from files, databases of MongoDB's own, and what a process
//! says that waits, or that cannot write.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    os::unix::ffi::OsStrExt as _,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mongrate::{Migration, bson::doc};
use mongrate_tests::{TestDb, effects::leave};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

fn app(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_two_crates"));
    for name in ["MONGODB_URI", "MONGODB_DATABASE", "RUST_LOG", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn app_on(fresh: &TestDb, arguments: &[&str]) -> Command {
    let mut command = app(arguments);
    command.env("MONGODB_URI", &fresh.uri).env("MONGODB_DATABASE", fresh.db.name());
    command
}

/// Its exit code, its stdout, its stderr.
async fn ran(mut command: Command) -> (i32, String, String) {
    let output = command.spawn().unwrap().wait_with_output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("it ended"), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn a_newline_at_the_end_of_a_variable_is_no_part_of_a_name() {
    let fresh = TestDb::new("a_newline").await;
    let (uri, name) = (&fresh.uri, fresh.db.name());
    let with_name = uri.replacen("/?", &format!("/{name}?"), 1);
    let shown = async |mut command: Command, uri: &str, database: Option<&str>| {
        command.env("MONGODB_URI", uri);
        if let Some(database) = database {
            command.env("MONGODB_DATABASE", database);
        }
        let (code, out, err) = ran(command).await;
        assert_eq!(code, 0, "{uri:?} {database:?}: {err}");
        let json: Value = serde_json::from_str(&out).unwrap();
        json.get("database").unwrap().as_str().unwrap().to_owned()
    };
    for end in ["\n", "\r\n", " ", "\t", "\n\n"] {
        let status = || app(&["status", "--json"]);
        assert_eq!(shown(status(), uri, Some(&format!("{name}{end}"))).await, name);
        assert_eq!(shown(status(), &format!("{uri}{end}"), Some(name)).await, name);
        assert_eq!(shown(status(), &format!("{with_name}{end}"), None).await, name);
        assert_eq!(shown(status(), &format!("{end}{with_name}"), Some(end)).await, name);
        let given = format!("{name}{end}");
        let flags = app(&["status", "--json", "--database", &given]);
        assert_eq!(shown(flags, uri, None).await, name);
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_name_that_no_database_should_have_is_a_usage_error() {
    let fresh = TestDb::new("a_name_by_argument").await;
    for name in ["a b", "a.b", "a\nb", "a/b", "a$b", &"x".repeat(64)] {
        let (code, _, err) = ran(app_on(&fresh, &["status", "--database", name])).await;
        assert_eq!(code, 64, "{name:?}: {err}");
        assert!(err.contains(&name.escape_debug().to_string()), "{name:?}: {err}");
    }
    let newline = fresh.uri.replacen("/?", "/sh%0Aop?", 1);
    let (code, _, err) = ran(app(&["status", "--uri", &newline])).await;
    assert_eq!(code, 64, "{err}");
    assert!(err.contains("sh\\nop"), "{err}");
    fresh.pass().await;
}

#[tokio::test]
async fn a_database_of_mongodbs_own_is_meant_only_if_it_is_said() {
    let fresh = TestDb::new("mongodbs_own").await;
    for name in ["admin", "local", "config"] {
        let uri = fresh.uri.replacen("/?", &format!("/{name}?"), 1);
        for verb in ["status", "up", "check"] {
            let (code, _, err) = ran(app(&[verb, "--uri", &uri])).await;
            assert_eq!(code, 64, "{verb} {name}: {err}");
            for part in [
                &format!("`{name}`") as &str,
                "--database",
                &format!("authSource={name}"),
                "Nothing was sent",
            ] {
                assert!(err.contains(part), "{verb} {name}: `{part}` is not in: {err}");
            }
        }
        let (code, out, err) =
            ran(app(&["status", "--json", "--uri", &uri, "--database", name])).await;
        assert_eq!(code, 0, "{err}");
        assert!(out.contains(&format!("\"database\":\"{name}\"")), "{out}");
        let elsewhere = ["status", "--json", "--uri", &uri, "--database", fresh.db.name()];
        assert_eq!(ran(app(&elsewhere)).await.0, 0);
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_variable_that_is_not_utf_8_is_named() {
    let fresh = TestDb::new("not_utf_8").await;
    let bytes = OsStr::from_bytes(b"mongodb://h\xff\xfe/shop");
    for name in ["MONGODB_URI", "MONGODB_DATABASE", "RUST_LOG"] {
        for json in [false, true] {
            let arguments: &[&str] = if json { &["status", "--json"] } else { &["status"] };
            let mut command = app_on(&fresh, arguments);
            command.env(name, bytes);
            let (code, out, err) = ran(command).await;
            assert_eq!(code, 64, "{name}: {out}{err}");
            let text = if json { &out } else { &err };
            assert!(text.contains(&format!("{name} is not UTF-8")), "{name}: {out}{err}");
        }
    }
    let mut serve = app_on(&fresh, &["serve"]);
    serve.env("MONGRATE_WRITE_TOKEN", bytes);
    let (code, _, err) = ran(serve).await;
    assert_eq!(code, 64, "{err}");
    assert!(err.contains("MONGRATE_WRITE_TOKEN is not UTF-8"), "{err}");
    fresh.pass().await;
}

#[tokio::test]
async fn what_stdout_does_not_take_is_an_exit_code() {
    let fresh = TestDb::new("dev_full").await;
    for arguments in [
        &["status"] as &[&str],
        &["status", "--json"],
        &["plan"],
        &["--help"],
        &["--version"],
        &["completions", "bash"],
        &["up"],
    ] {
        let mut command = app_on(&fresh, arguments);
        command.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let (code, _, err) = ran(command).await;
        // This app has no version.
        if arguments == ["--version"] {
            assert_ne!(code, 0, "{err}");
            continue;
        }
        assert_eq!(code, 1, "{arguments:?}: {err}");
        assert!(err.contains("could not write to stdout: No space left"), "{arguments:?}: {err}");
        assert!(!err.contains("panicked"), "{err}");
    }
    // What it had to do is done; and an error keeps its code.
    assert_eq!(ran(app_on(&fresh, &["check"])).await.0, 0);
    let mut refused = app_on(&fresh, &["up", "--to", "77", "--json"]);
    refused.stdout(File::options().write(true).open("/dev/full").unwrap());
    assert_eq!(ran(refused).await.0, 64);
    fresh.pass().await;
}

/// Without a terminal it would otherwise be silent for as long as it waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_waits_says_so() {
    static INSIDE: tokio::sync::Notify = tokio::sync::Notify::const_new();
    let hangs = Migration::transactional(1, "hangs", |tx| {
        Box::pin(async move {
            leave(tx, 1).await?;
            INSIDE.notify_one();
            std::future::pending().await
        })
    });
    let fresh = TestDb::new("a_process_that_waits").await;
    let holder = fresh.migrator([hangs]).app("the holder");
    let holding = tokio::spawn(async move { holder.up().await });
    INSIDE.notified().await;
    for (log, says) in
        [(None, "waiting for the lock: "), (Some("info"), "still waiting for the lock")]
    {
        let mut command = app_on(&fresh, &["up", "--no-lint"]);
        if let Some(log) = log {
            command.env("RUST_LOG", log);
        }
        let mut waiting = command.spawn().unwrap();
        let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines();
        loop {
            let line = lines.next_line().await.unwrap().expect("it still waits");
            if line.contains(says) {
                assert!(line.contains("the holder"), "{line}");
                break;
            }
            assert!(log.is_some(), "nothing comes before it: {line}");
        }
        waiting.kill().await.unwrap();
    }
    holding.abort();
    fresh.pass().await;
}

/// `up` looks at the plan before it runs: a server that is not there is looked for only once.
#[tokio::test]
async fn a_dead_host_costs_up_no_more_than_status() {
    // It takes connections, and closes each without a word.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let uri = format!("mongodb://127.0.0.1:{port}/shop?serverSelectionTimeoutMS=3000");
    let mut pairs = Vec::new();
    // A machine that stalls keeps one of them from trying as often as it would: another pair then. If `up`
    // looked twice, it would try twice as often in each pair.
    while pairs.len() < 5 {
        let mut tried = [0; 2];
        for (verb, tried) in ["status", "up"].into_iter().zip(&mut tried) {
            tries.store(0, Ordering::SeqCst);
            let (code, _, err) = ran(app(&[verb, "--uri", &uri])).await;
            assert_eq!(code, 69, "{verb}: {err}");
            *tried = tries.load(Ordering::SeqCst);
            assert!(*tried > 0, "{verb} has asked another server: {err}");
        }
        let [status, up] = tried;
        if up * 2 < status * 3 {
            return;
        }
        pairs.push(tried);
    }
    panic!("status and up tried so many times: {pairs:?}");
}

#[tokio::test]
async fn a_real_rename_and_an_undone_migration_at_the_command_line() {
    let fresh = TestDb::new("rename_by_argument").await;
    let (code, _, err) = ran(app_on(&fresh, &["up"])).await;
    assert_eq!(code, 0, "{err}");
    let control = fresh.db.collection::<mongrate::bson::Document>("migrations");
    let first = control.find_one(doc! { "state": "applied" }).await.unwrap().unwrap();
    let version = first.get_i64("_id").unwrap();
    let renamed = doc! { "$set": { "name": "plain" } };
    control.update_one(doc! { "_id": version }, renamed).await.unwrap();

    let number = version.to_string();
    for arguments in [&["check"] as &[&str], &["repair", "--yes"], &["down", "--yes"]] {
        let (code, _, err) = ran(app_on(&fresh, arguments)).await;
        assert_eq!(code, 65, "{arguments:?}: {err}");
        assert!(err.contains("recorded as `plain`"), "{arguments:?}: {err}");
        assert!(err.contains(&format!("--renamed {number}")), "{arguments:?}: {err}");
    }
    let (_, out, _) = ran(app_on(&fresh, &["status"])).await;
    assert!(out.contains("recorded as `plain`"), "{out}");
    let repair = ["repair", "--renamed", &number, "--yes"];
    let (code, out, err) = ran(app_on(&fresh, &repair)).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1 name recorded"), "{out}");
    assert_eq!(ran(app_on(&fresh, &["check"])).await.0, 0);

    let pending = ["resolve", &number, "--as", "pending", "--yes"];
    let (code, _, err) = ran(app_on(&fresh, &pending)).await;
    assert_eq!(code, 65, "{err}");
    assert!(err.contains("--as undone"), "{err}");
    let undone = ["resolve", &number, "--as", "undone", "--yes"];
    assert_eq!(ran(app_on(&fresh, &undone)).await.0, 0);
    assert_eq!(ran(app_on(&fresh, &["check"])).await.0, 3);
    fresh.pass().await;
}
