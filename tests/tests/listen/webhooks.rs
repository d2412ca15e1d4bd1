//! Webhooks over a real socket: signed, in order, again after what passes, and never for ever.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    time::{Duration, Instant},
};

use mongrate::{Error, Migrator, webhook::Webhook};
use mongrate_tests::{
    TestDb,
    effects::TWENTY,
    receiver::{Receiver, Reply},
};
use serde_json::{Value, json};

use super::failing;

const SECRET: &str = "whsec_bW9uZ3JhdGUgc2lnbnMgd2hhdCBpdCBzZW5kcw==";

async fn run_with(fresh: &TestDb, hook: Webhook) -> Migrator {
    let migrator = fresh.migrator(TWENTY[..2].to_vec()).app("shop 1.3.9");
    let migrator = migrator.listen(hook.listener()).listener_wait(Duration::from_secs(60));
    assert_eq!(migrator.up().await.unwrap().done().count(), 2);
    migrator
}

#[tokio::test]
async fn events_arrive_in_order_signed_and_complete() {
    let fresh = TestDb::new("webhook_order").await;
    let receiver = Receiver::start([]);
    let hook = Webhook::new(&receiver.url("/in?a=b")).unwrap().events("all").unwrap();
    let hook = hook.secret(SECRET).unwrap().authorization("Bearer of-good-news").unwrap();
    run_with(&fresh, hook).await;
    let names = receiver.names();
    let (began, ended) = ("migration.began", "migration.ended");
    assert_eq!(names, ["run.began", began, ended, began, ended, "run.ended"]);
    let received = receiver.received();
    let mut ids = BTreeSet::new();
    for (at, request) in received.iter().enumerate() {
        assert_eq!(request.line, "POST /in?a=b HTTP/1.1");
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(request.header("authorization"), "Bearer of-good-news");
        assert!(request.header("user-agent").starts_with("mongrate/"));
        assert!(request.header("webhook-signature").starts_with("v1,"), "{request:?}");
        assert!(request.header("webhook-timestamp").parse::<i64>().unwrap() > 1_700_000_000);
        let data = request.json()["data"].clone();
        assert_eq!(data["number"], json!(at + 1));
        assert_eq!(data["id"], json!(request.header("webhook-id")));
        assert!(!request.header("webhook-id").contains('.'), "it would blur what is signed");
        ids.insert(request.header("webhook-id").to_owned());
    }
    assert_eq!(ids.len(), 6);
    let began = received[0].json();
    assert_eq!(began["data"]["version"], json!(1));
    assert_eq!(began["data"]["run"]["database"], json!(fresh.db.name()));
    assert_eq!(began["data"]["run"]["app"], json!("shop 1.3.9"));
    assert_eq!(
        began["data"]["migrations"][1],
        json!({ "version": "2", "name": "effect_2", "direction": "up" })
    );
    let ended = received[5].json();
    assert_eq!((&ended["data"]["outcome"], &ended["data"]["done"]), (&json!("done"), &json!(2)));
    fresh.pass().await;
}

#[tokio::test]
async fn what_passes_is_tried_again_with_the_same_id() {
    let fresh = TestDb::new("webhook_again").await;
    let soon = || Reply::With(429, "retry-after", "1".to_owned());
    let receiver =
        Receiver::start([Reply::Status(500), Reply::Status(503), Reply::Status(200), soon()]);
    let hook = Webhook::new(&receiver.url("/")).unwrap();
    let begun = Instant::now();
    run_with(&fresh, hook).await;
    assert_eq!(receiver.names(), ["run.began", "run.began", "run.began", "run.ended", "run.ended"]);
    let received = receiver.received();
    let id = |at: usize| received[at].header("webhook-id");
    assert!(id(0) == id(1) && id(1) == id(2) && id(2) != id(3) && id(3) == id(4));
    assert_eq!(received[0].body, received[2].body);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it was asked to wait");
    fresh.pass().await;
}

#[tokio::test]
async fn a_server_that_is_down_hangs_or_does_not_read_harms_nothing() {
    let fresh = TestDb::new("webhook_down").await;
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let down = Webhook::new(&format!("http://127.0.0.1:{port}/")).unwrap();
    run_with(&fresh, down.give_up_after(Duration::from_secs(1))).await;

    for script in [Reply::Hang, Reply::Deaf] {
        let migrator = fresh.migrator(TWENTY[..2].to_vec());
        migrator.down().all().await.unwrap();
        let receiver = Receiver::start([script.clone(), script.clone(), script]);
        let hook = Webhook::new(&receiver.url("/")).unwrap().events("all").unwrap();
        let hook = hook.timeout(Duration::from_millis(200)).give_up_after(Duration::from_secs(1));
        run_with(&fresh, hook).await;
        // The first event was given up, and the others were tried once each until one arrived.
        let names = receiver.names();
        assert_eq!(names.last().map(String::as_str), Some("run.ended"), "{names:?}");
        assert!(names.len() <= 8, "bounded: {names:?}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_refusal_is_not_repeated() {
    let fresh = TestDb::new("webhook_redirect").await;
    let other = Receiver::start([]);
    let lead = |status| Reply::With(status, "location", other.url("/stolen"));
    let receiver = Receiver::start([lead(302), lead(307)]);
    let hook = Webhook::new(&receiver.url("/")).unwrap().secret(SECRET).unwrap();
    run_with(&fresh, hook).await;
    assert_eq!(receiver.names(), ["run.began", "run.ended"], "once each");
    assert!(other.received().is_empty(), "nobody else gets it");

    let answer = |status: u16| async move {
        let receiver = Receiver::start([Reply::Status(status)]);
        Webhook::new(&receiver.url("/")).unwrap().send_sample("run.ended").await.unwrap()
    };
    for (status, problem) in [
        (204, None),
        (301, Some("redirects are not followed")),
        (401, Some("MONGRATE_WEBHOOK_AUTHORIZATION")),
        (404, Some("which no retry changes")),
        (500, Some("has the status 500")),
    ] {
        let answer = answer(status).await;
        assert_eq!((answer.status, answer.delivered), (Some(status), problem.is_none()));
        let said = answer.problem.clone().unwrap_or_default();
        assert!(said.contains(problem.unwrap_or_default()), "{answer:?}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn texts_of_migrations_are_sent_only_if_that_is_asked_for() {
    let fresh = TestDb::new("webhook_texts").await;
    let receiver = Receiver::start([]);
    for (show, count) in [(false, 3), (true, 6)] {
        let hook = Webhook::new(&receiver.url("/")).unwrap().show_failures(show);
        let migrator = fresh.migrator([failing(1)]).listen(hook.listener());
        migrator.up().await.unwrap_err();
        let received = receiver.wait(count).await;
        let (failed, ended) = (received[count - 2].json(), received[count - 1].json());
        assert_eq!(failed["type"], json!("migration.failed"));
        assert!(failed["data"]["way_out"].as_str().unwrap().contains("run `up` again"));
        assert_eq!(failed["data"]["severity"], json!("error"));
        let error = &ended["data"]["error"];
        assert_eq!(error["code"], json!("migration_failed"));
        let texts = format!("{failed} {ended}");
        assert_eq!(texts.contains("it does not fit"), show, "{texts}");
    }
    // What is Mongrate's own text says the way out, and is always sent.
    let hook = Webhook::new(&receiver.url("/")).unwrap();
    let migrator = fresh.migrator([TWENTY[2]]).listen(hook.listener());
    assert!(matches!(migrator.up().to(99).await, Err(Error::UnknownVersion { .. })));
    let refused = receiver.wait(7).await[6].json();
    assert_eq!(refused["type"], json!("run.refused"));
    assert!(refused["data"]["error"]["message"].as_str().unwrap().contains("99"), "{refused}");
    fresh.pass().await;
}

#[tokio::test]
async fn a_template_makes_the_body_and_chooses_the_events() {
    let fresh = TestDb::new("webhook_template").await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let own = r#"{"$mongrate": {"events": "run.ended"}, "msg": "{{database}} \"{{outcome}}\"", "n": "{{json:done}}"}"#;
    std::fs::write(file.path(), own).unwrap();
    let (receiver, slack) = (Receiver::start([]), Receiver::start([]));
    let hook = Webhook::new(&receiver.url("/")).unwrap();
    let hook = hook.template(file.path().to_str().unwrap()).unwrap();
    let chat = Webhook::new(&slack.url("/")).unwrap().template("slack").unwrap();
    let chat = chat.events("migration.failed").unwrap();
    let migrator = fresh.migrator([TWENTY[0], failing(2)]).listen(hook.listener());
    migrator.listen(chat.listener()).up().await.unwrap_err();
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    let msg = format!("{} \"failed\"", fresh.db.name());
    assert_eq!(received[0].json(), json!({ "msg": msg, "n": 1 }));
    let received = slack.received();
    assert_eq!(received.len(), 1);
    let text = received[0].json()["text"].clone();
    assert_eq!(text, json!(format!("✖ {}: 2 failing failed", fresh.db.name())));
    let blocks = received[0].json()["blocks"].clone();
    assert_eq!(blocks[1]["text"]["type"], json!("plain_text"), "no text can mention a channel");
    assert!(matches!(blocks, Value::Array(blocks) if blocks.len() == 3));
    fresh.pass().await;
}

/// Two webhooks: one that hangs keeps the other from nothing.
#[tokio::test]
async fn a_webhook_that_hangs_does_not_hold_up_another() {
    let fresh = TestDb::new("webhook_two").await;
    let (hangs, works) = (Receiver::start(vec![Reply::Hang; 20]), Receiver::start([]));
    let hanging = Webhook::new(&hangs.url("/")).unwrap().timeout(Duration::from_secs(30));
    let working = Webhook::new(&works.url("/")).unwrap();
    let migrator = fresh.migrator(TWENTY[..2].to_vec()).listen(hanging.listener());
    let migrator = migrator.listen(working.listener()).listener_wait(Duration::from_millis(500));
    migrator.up().await.unwrap();
    works.wait(2).await;
    assert_eq!(works.names(), ["run.began", "run.ended"]);
    fresh.pass().await;
}
