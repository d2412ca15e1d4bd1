//! The function as a process, and the runtime API of Lambda in this one: it hands out events, and takes the answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderName, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use mongrate::bson::{Document, doc};
use mongrate_tests::{
    TestDb, effect, on_servers,
    service::{HeldUp, signal},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{Mutex, mpsc},
};

/// How long an answer may take. A function that has ended gives none.
const PATIENCE: Duration = Duration::from_secs(120);

/// The runtime API: `/invocation/next` waits for an event, `/invocation/{id}/response` and `/error` take the answer.
#[derive(Clone)]
struct Lambda {
    address: String,
    next: Arc<AtomicUsize>,
    events: Arc<Mutex<mpsc::Receiver<Value>>>,
    send_event: mpsc::Sender<Value>,
    send_answer: mpsc::Sender<(bool, Value)>,
    answers: Arc<Mutex<mpsc::Receiver<(bool, Value)>>>,
}

impl Lambda {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (send_event, events) = mpsc::channel(8);
        let (send_answer, answers) = mpsc::channel(8);
        let lambda = Self {
            address: listener.local_addr().unwrap().to_string(),
            next: Arc::default(),
            events: Arc::new(Mutex::new(events)),
            send_event,
            send_answer,
            answers: Arc::new(Mutex::new(answers)),
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{how}", post(answered))
            .with_state(lambda.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        lambda
    }

    /// Starts the function. Nothing of AWS is needed: only these variables.
    fn function(&self, uri: &str, fresh: &TestDb) -> Child {
        self.command(uri, fresh).spawn().unwrap()
    }

    fn command(&self, uri: &str, fresh: &TestDb) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mongrate-example-aws-lambda"));
        command
            .env("AWS_LAMBDA_RUNTIME_API", &self.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "shop")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "test")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "test")
            .env("MONGODB_URI", uri)
            .env("MONGODB_DATABASE", fresh.db.name())
            .env_remove("MIGRATE_ON_START")
            .kill_on_drop(true);
        command
    }

    async fn send(&self, event: Value) {
        self.send_event.send(event).await.unwrap();
    }

    /// Whether the function succeeded, and what it answered.
    async fn answer(&self) -> (bool, Value) {
        let answer = async { self.answers.lock().await.recv().await.unwrap() };
        tokio::time::timeout(PATIENCE, answer).await.expect("the function does not answer")
    }

    async fn invoke(&self, event: Value) -> (bool, Value) {
        self.send(event).await;
        self.answer().await
    }
}

async fn next(State(lambda): State<Lambda>) -> impl IntoResponse {
    let event = lambda.events.lock().await.recv().await.unwrap();
    let id = lambda.next.fetch_add(1, Ordering::Relaxed);
    let headers = [
        (HeaderName::from_static("lambda-runtime-aws-request-id"), format!("request-{id}")),
        (HeaderName::from_static("lambda-runtime-deadline-ms"), "9999999999999".to_owned()),
        (
            HeaderName::from_static("lambda-runtime-invoked-function-arn"),
            "arn:aws:lambda:eu-west-1:1:function:shop".to_owned(),
        ),
    ];
    (headers, Json(event))
}

async fn answered(
    State(lambda): State<Lambda>,
    Path((_, how)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap();
    lambda.send_answer.send((how == "response", body)).await.unwrap();
    StatusCode::ACCEPTED
}

#[tokio::test]
async fn it_migrates_when_it_is_asked_to() {
    let fresh = TestDb::new("lambda").await;
    let lambda = Lambda::start().await;
    let _function = lambda.function(&fresh.uri, &fresh);
    assert_eq!(lambda.invoke(json!({})).await, (true, json!({ "text": null })));
    for no in [json!({ "migrate": false }), json!({ "migrate": "true" })] {
        assert_eq!(lambda.invoke(no).await, (true, json!({ "text": null })));
    }
    assert_eq!(lambda.invoke(json!({ "migrate": true })).await, (true, json!({ "applied": 1 })));
    assert_eq!(lambda.invoke(json!({ "migrate": true })).await, (true, json!({ "applied": 0 })));
    assert_eq!(lambda.invoke(json!({})).await, (true, json!({ "text": "hello" })));
    fresh.pass().await;
}

/// The start asks the database, and the environment says what for: here to migrate.
#[tokio::test]
async fn what_it_does_at_its_start_is_for_the_environment_to_say() {
    let fresh = TestDb::new("lambda_start").await;
    let lambda = Lambda::start().await;
    let mut command = lambda.command(&fresh.uri, &fresh);
    let _function = command.env("MIGRATE_ON_START", "true").spawn().unwrap();
    assert_eq!(lambda.invoke(json!({})).await, (true, json!({ "text": "hello" })));
    fresh.pass().await;
}

/// A call times out while its migration runs, and Lambda freezes the process. Another process takes over when the
/// lease has ended. The frozen process wakes up, and can commit nothing.
#[tokio::test]
async fn a_frozen_process_loses_its_lease_and_nothing_is_doubled() {
    // A fail point is a whole server's.
    on_servers(1, async |uri| {
        let fresh = TestDb::on(uri, "lambda_frozen").await;
        let greetings = fresh.db.collection::<Document>("greetings");
        let frozen = Lambda::start().await;
        // The server holds its transaction up at the insert.
        let held_up = HeldUp::insert_of("frozen", &fresh).await;
        let function = frozen.function(&held_up.uri, &fresh);
        assert!(frozen.invoke(json!({})).await.0);

        frozen.send(json!({ "migrate": true })).await;
        held_up.is_there().await;
        // A short lease: the others do not wait long for a process that is frozen.
        let lock = fresh.migrator([effect!(1)]).lock_status().await.unwrap();
        assert!(lock.held && lock.remaining_ms <= 6_000, "{lock:?}");
        signal(&function, "-STOP").await;

        let other = Lambda::start().await;
        let _other_function = other.function(uri, &fresh);
        let answer = other.invoke(json!({ "migrate": true })).await;
        assert_eq!(answer, (true, json!({ "applied": 1 })));

        signal(&function, "-CONT").await;
        // Either it learns of the loss in the run, or the run finds that nothing is left to do.
        match frozen.answer().await {
            (true, answer) => assert_eq!(answer, json!({ "applied": 0 })),
            (false, answer) => {
                let message = answer["errorMessage"].as_str().unwrap();
                assert!(message.contains("the lease was lost"), "{message}");
            }
        }
        assert_eq!(greetings.count_documents(doc! {}).await.unwrap(), 1);
        fresh.pass().await;
    })
    .await;
}
