//! A signal ends a migration in order; a killed process leaves it interrupted.

use std::time::Duration;

use mongrate::bson::doc;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Child,
    time::timeout,
};

use super::{ALL, Clinic, FAIL_POINT, Ran, text};

/// A process that is stopped by a signal.
pub(crate) struct Signalled {
    child: Child,
    stderr: BufReader<tokio::process::ChildStderr>,
    read: String,
}

impl Signalled {
    /// Starts it, and waits until it says `text` on stderr.
    pub(crate) async fn start(clinic: &Clinic, args: &[&str], text: &str) -> Self {
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

    /// Until it says this, too.
    pub(crate) async fn says(&mut self, text: &str) {
        while !self.read.contains(text) {
            let line = self.stderr.read_line(&mut self.read);
            let count = timeout(Duration::from_secs(60), line).await.expect("it says so").unwrap();
            assert_ne!(count, 0, "it ended without saying `{text}`: {}", self.read);
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().expect("running").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) async fn ended(mut self) -> Ran {
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
    let cancelled = run.ended().await.ends(130).complains("ending in order");
    fail.off().await;
    cancelled.says("✗  20250122001  initialize_migrations  interrupted").says("8 not run");
    let status = clinic.json(&["status"]).await.ends(0).json();
    assert_eq!(status.get("applied").unwrap(), 0, "{status:#}");
    assert_eq!(status.pointer("/lock/held").unwrap(), false, "{status:#}");
    clinic.run(&["up"]).await.ends(0).says("9 applied");
    clinic.pass().await;
}

#[tokio::test]
async fn a_second_signal_quits_at_once_and_says_what_it_leaves() {
    let clinic = Clinic::new("signal_twice").await;
    let _turn = FAIL_POINT.lock().await;
    let stuck = doc! {
        "failCommands": ["insert", "abortTransaction"], "blockConnection": true,
        "blockTimeMS": 20_000,
    };
    let fail = clinic.fresh.fail(doc! { "times": 2 }, stuck).await;
    let mut run = Signalled::start(&clinic, &["up", "-v"], "applying").await;
    run.signal("INT");
    run.says("ending in order").await;
    run.signal("INT");
    let quit = run.ended().await.ends(130).complains("quit at once: nothing that was committed");
    fail.off().await;
    quit.complains("until its lease runs out");
    // On this machine the next run takes the lock at once.
    clinic.run(&["up"]).await.ends(0).says("9 applied");
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
