//! Pause, resume, tune, cancel, and a status that is watched.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};

use super::{Clinic, text};

#[tokio::test]
async fn a_history_is_paused_and_resumed() {
    let clinic = Clinic::new("steer").await;
    let paused = clinic.run(&["pause", "--why", "the sale begins"]).await.ends(0);
    let paused = paused.says("✓ paused: nothing more begins until `resume`");
    paused.says("no run is under way; a run that would begin waits");
    let again = clinic.json(&["pause"]).await.ends(0).json();
    assert_eq!(again.get("changed"), Some(&Value::Bool(false)), "{again:#}");

    let refused = clinic.run(&["up", "--wait", "no"]).await.ends(75);
    let refused = refused.complains("the history is paused by").complains("the sale begins");
    refused.complains("next: clinic resume");
    assert_eq!(clinic.json(&["up", "--wait", "100ms"]).await.ends(75).error_code(), "paused");
    clinic.run(&["up", "--wait", "300ms"]).await.ends(75).complains("waiting for `resume`");
    clinic.run(&["status"]).await.ends(0).says("paused by").says("the sale begins");
    let status = clinic.json(&["status"]).await.ends(0).json();
    let why = status.pointer("/lock/paused/why").unwrap();
    assert_eq!(why, "the sale begins", "{status:#}");

    clinic.run(&["resume"]).await.ends(0).says("✓ resumed");
    clinic.run(&["resume"]).await.ends(0).says("it was not paused");
    clinic.run(&["up", "--workers", "2"]).await.ends(0).says("9 applied");
    let history = clinic.run(&["history"]).await.ends(0);
    history.says("paused").says("· the sale begins").says("resumed");
    clinic.pass().await;
}

#[tokio::test]
async fn what_cannot_be_steered_is_refused_with_the_way_out() {
    let clinic = Clinic::new("steer_refused").await;
    for args in [&["cancel"][..], &["tune", "--workers", "2"]] {
        let refused = clinic.run(args).await.ends(65).complains("no run is under way");
        refused.complains("next: clinic status");
        assert_eq!(clinic.json(args).await.ends(65).error_code(), "no_run");
    }
    assert_eq!(
        clinic.json(&["pause", "--fence", "7"]).await.ends(65).error_code(),
        "fence_mismatch"
    );
    for args in [
        &["tune"][..],
        &["tune", "--workers", "0"],
        &["tune", "--workers", "many"],
        &["tune", "--batch-bytes", "1GB"],
        &["tune", "--batch-bytes", "1"],
        &["tune", "--per-second", "fast"],
        &["tune", "--between", "at night"],
        &["tune", "--max-lag", "2h"],
        &["up", "--not-before", "tomorrow"],
        &["up", "--per-second", "0"],
        &["status", "--every", "1s"],
    ] {
        clinic.run(args).await.ends(64);
    }
    let refused = clinic.run(&["up", "--not-before", "tomorrow"]).await.ends(64);
    refused.complains("2026-12-01T22:00:00Z");
    clinic.pass().await;
}

#[tokio::test]
async fn a_status_is_watched_until_a_signal_or_until_nobody_reads() {
    let clinic = Clinic::new("watch").await;
    let mut watch = clinic.command(&["status", "--watch", "--every", "50ms", "--json"]);
    let mut watch = watch.spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = timeout(Duration::from_secs(60), lines.next_line()).await.expect("it says more");
        serde_json::from_str::<Value>(&line.unwrap().expect("it goes on")).unwrap()
    };
    assert_eq!(next().await.get("applied").unwrap(), 0);
    clinic.run(&["pause"]).await.ends(0);
    let report = next().await;
    assert!(report.pointer("/lock/paused").is_some(), "a line for each change: {report:#}");
    clinic.run(&["resume"]).await.ends(0);
    clinic.run(&["up"]).await.ends(0);
    while next().await.get("applied").unwrap() != 9 {}
    let pid = watch.id().unwrap().to_string();
    let status = std::process::Command::new("kill").args(["-s", "INT", &pid]).status().unwrap();
    assert!(status.success());
    let output = timeout(Duration::from_secs(60), watch.wait_with_output()).await.unwrap().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));

    // `| head -1`
    let mut watch = clinic.command(&["status", "--watch", "--every", "50ms"]).spawn().unwrap();
    drop(watch.stdout.take());
    clinic.run(&["pause"]).await.ends(0);
    let output = timeout(Duration::from_secs(60), watch.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let status = clinic.json(&["status"]).await.ends(0).json();
    assert_ne!(text(status.pointer("/lock/paused/by").unwrap(), "host"), "");
    clinic.pass().await;
}
