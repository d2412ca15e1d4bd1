//! Webhooks of the command line: where they are set, what they send, and what no output holds.

use mongrate_tests::receiver::{Receiver, Reply};
use serde_json::{Value, json};

use super::{Clinic, command, ran, text};

/// The path of a chat's address, a secret and an authorization: each with the canary.
const PATH: &str = "/services/T00000000/B00000000/canary-of-a-chat";
const AUTHORIZATION: &str = "GenieKey canary-authorization";

/// `mongrate canary, never shown!!`
const SECRET: &str = "whsec_bW9uZ3JhdGUgY2FuYXJ5LCBuZXZlciBzaG93biEh";

#[tokio::test]
async fn up_and_down_tell_the_address_in_the_environment() {
    let clinic = Clinic::new("cli_webhook").await;
    let receiver = Receiver::start([]);
    let env = |args: &[&str]| {
        let mut command = clinic.command(args);
        command.env("MONGRATE_WEBHOOK", receiver.url(PATH));
        command.env("MONGRATE_WEBHOOK_SECRET", SECRET);
        command.env("MONGRATE_WEBHOOK_AUTHORIZATION", AUTHORIZATION);
        command
    };
    ran(&mut env(&["up", "--steps", "2"])).await.ends(0);
    assert_eq!(receiver.names(), ["run.began", "run.ended"]);
    let first = &receiver.received()[0];
    assert_eq!(first.line, format!("POST {PATH} HTTP/1.1"));
    assert_eq!(first.header("authorization"), AUTHORIZATION);
    assert!(first.header("webhook-signature").starts_with("v1,"));
    let run = first.json()["data"]["run"].clone();
    assert!(text(&run, "app").starts_with("clinic "), "{run}");
    assert_eq!(text(&run, "database"), clinic.fresh.db.name());

    ran(&mut env(&["down", "--yes", "--webhook-events", "all"])).await.ends(0);
    let names = receiver.names();
    assert_eq!(names[2..], ["run.began", "migration.began", "migration.ended", "run.ended"]);
    // What only looks tells nothing.
    for quiet in [&["up", "--dry-run"][..], &["up", "--dry-run=plan"], &["status"], &["plan"]] {
        ran(&mut env(quiet)).await.ends(0);
    }
    assert_eq!(receiver.received().len(), 6);
    clinic.pass().await;
}

#[tokio::test]
async fn a_webhook_that_fails_is_said_once_and_not_with_its_address() {
    let clinic = Clinic::new("cli_webhook_fails").await;
    let receiver = Receiver::start(vec![Reply::Status(404); 20]);
    let mut command = clinic.command(&["-vv", "up", "--webhook-events", "all"]);
    command.env("MONGRATE_WEBHOOK", receiver.url(PATH));
    command.env("MONGRATE_WEBHOOK_SECRET", SECRET);
    command.env("MONGRATE_WEBHOOK_AUTHORIZATION", AUTHORIZATION);
    // `Ran` refuses the canary in both outputs.
    let ran_loudly = ran(&mut command).await.ends(0);
    assert!(ran_loudly.stderr.contains("could not be delivered"), "{ran_loudly:#?}");
    for secret in [SECRET, "bW9uZ3JhdGUg"] {
        assert!(!ran_loudly.stderr.contains(secret), "{ran_loudly:#?}");
    }
    assert_eq!(receiver.received().len(), 20, "all of them were tried, once each");

    let again = Receiver::start(vec![Reply::Status(404); 20]);
    let mut command = clinic.command(&["down", "--steps", "2", "--yes", "--webhook-events", "all"]);
    command.env("MONGRATE_WEBHOOK", again.url(PATH));
    let ran = ran(&mut command).await.ends(0);
    assert_eq!(ran.stderr.matches("could not be delivered").count(), 1, "{ran:#?}");
    assert!(ran.stderr.contains(&format!("http://127.0.0.1:{}", again.port)), "{ran:#?}");
    assert!(ran.stderr.contains("the run is not affected"), "{ran:#?}");
    clinic.pass().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_said_before_anything_is_run() {
    let clinic = Clinic::new("cli_webhook_wrong").await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), r#"{"text": "{{sumary}}"}"#).unwrap();
    let template = file.path().to_str().unwrap();
    for (variable, value, args, wrong) in [
        ("MONGRATE_WEBHOOK", "canary-without-scheme", &[][..], "begins neither with"),
        ("MONGRATE_WEBHOOK_SECRET", "canary-secret", &[], "openssl rand"),
        ("MONGRATE_WEBHOOK_SECRET_FILE", "/nowhere/secret", &[], "/nowhere/secret"),
        ("MONGRATE_WEBHOOK_EVENTS", "migration.faild", &[], "is no event"),
        ("MONGRATE_WEBHOOK_TEMPLATE", "slak", &[], "ready-made are slack"),
        ("X", "", &["--webhook-template", template], "`sumary` is no placeholder"),
        ("X", "", &["--webhook-template", "pagerduty"], "PAGERDUTY_ROUTING_KEY"),
        ("X", "", &["--webhook-wait", "1"], "expected a duration"),
    ] {
        let mut command = clinic.command(&[&["up", "--json"], args].concat());
        command.env("MONGRATE_WEBHOOK", "http://127.0.0.1:9/").env(variable, value);
        command.env_remove("PAGERDUTY_ROUTING_KEY");
        let ran = ran(&mut command).await.ends(64);
        let error = ran.json();
        let message = text(&error["error"], "message");
        assert!(message.contains(wrong), "{variable}: {message}");
    }
    let status = clinic.json(&["status"]).await.ends(0).json();
    assert_eq!(status["applied"], json!(0));
    clinic.pass().await;
}

#[tokio::test]
async fn a_webhook_is_tried_without_a_database() {
    let receiver = Receiver::start([Reply::Status(202), Reply::Status(302)]);
    let tried = |args: &[&str]| {
        let mut command = command(&[&["webhook"], args].concat());
        command.env("MONGRATE_WEBHOOK", receiver.url(PATH));
        command.env("PAGERDUTY_ROUTING_KEY", "canary-routing-key");
        command
    };
    let said = ran(&mut tried(&[])).await.ends(0);
    let said = said.says("accepted a sample of `migration.failed` (status 202");
    said.says("answer: seen");
    let refused = ran(&mut tried(&["--event", "run.ended", "--json"])).await.ends(69);
    let answer = refused.json();
    assert_eq!((&answer["status"], &answer["delivered"]), (&json!(302), &json!(false)));
    assert!(text(&answer, "problem").contains("redirects are not followed"), "{answer}");
    assert_eq!(receiver.names(), ["migration.failed", "run.ended"]);

    // It says what it is, in every form.
    for template in ["slack", "teams", "discord", "pagerduty", "opsgenie"] {
        let shown = ran(&mut tried(&["--print", "--webhook-template", template])).await;
        let shown = shown.ends(0).says("✖ TEST: ");
        assert!(
            shown.stdout.contains("clinic 1") || shown.stdout.contains("clinic 0"),
            "{shown:?}"
        );
    }

    // Only shown: nothing arrives, and the key is masked.
    let shown = ran(&mut tried(&["--print", "--webhook-template", "pagerduty"])).await.ends(0);
    let body: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(body["payload"]["severity"], json!("error"));
    assert_eq!(receiver.received().len(), 2);

    let none = ran(&mut command(&["webhook", "--json"])).await.ends(64);
    assert_eq!(none.error_code(), "no_webhook");
    ran(&mut tried(&["--event", "run.exploded"])).await.ends(64).complains("is no event");
}

/// The first attempt that fails is told, with whom and why; and at the end how many events are lost, of
/// those that were chosen.
#[tokio::test]
async fn a_webhook_that_fails_is_named_at_once_and_at_the_end() {
    let clinic = Clinic::new("cli_webhook_named").await;
    let receiver = Receiver::start(vec![Reply::Status(500); 50]);
    let mut command = clinic.command(&["up", "--steps", "3", "--webhook-wait", "1s"]);
    command.env("MONGRATE_WEBHOOK", receiver.url(PATH));
    let up = ran(&mut command).await.ends(0);
    let first = "a webhook did not accept an event; it is sent again";
    assert_eq!(up.stderr.matches(first).count(), 1, "{up:#?}");
    let place = format!("http://127.0.0.1:{}", receiver.port);
    let up = up.complains(&place).complains("status 500").complains("run.began");
    up.complains(&format!("webhook {place} has not accepted 2 events within 1s"));
    clinic.pass().await;
}

/// Whoever waits for the result does not wait for the webhook.
#[tokio::test]
async fn the_result_comes_before_the_wait() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    let clinic = Clinic::new("cli_webhook_last").await;
    let receiver = Receiver::start(vec![Reply::Status(503); 50]);
    let mut command = clinic.command(&["up", "--steps", "1", "--json", "--webhook-wait", "10m"]);
    command.env("MONGRATE_WEBHOOK", receiver.url(PATH));
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(std::time::Duration::from_secs(120), lines.next_line()).await;
    let report: Value = serde_json::from_str(&line.unwrap().unwrap().unwrap()).unwrap();
    assert_eq!(report["steps"][0]["outcome"], "applied", "{report:#}");
    assert!(child.try_wait().unwrap().is_none(), "it still waits for the webhook");
    child.kill().await.unwrap();
    clinic.pass().await;
}
