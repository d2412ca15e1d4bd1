//! Bodies of HTTP requests: each is answered with a status that fits, as JSON, and none breaks the router.

use mongrate::{
    Migrator,
    http::{
        Api, Auth, PREFIX, Scope, Token,
        axum::{
            body::{Body, to_bytes},
            http::{Request, StatusCode, header},
        },
    },
    mongodb::{Client, options::ClientOptions},
};
use mongrate_tests::effect;
use tower::ServiceExt as _;

use crate::{Fuzz, Outcome};

const WRITE: &str = "writer-0123456789abcdef";

/// Endpoints with a body that they take.
const BODIES: [(&str, &str); 12] = [
    ("/up", r#"{"to": 20250122001, "steps": 3, "atomic": true, "continue_on_error": false}"#),
    ("/up", r#"{"out_of_order": "allow", "database_ahead": "refuse"}"#),
    ("/down", r#"{"steps": 2, "why": "a bug"}"#),
    ("/down", r#"{"to": 20250122001}"#),
    ("/down", r#"{"all": true}"#),
    ("/plan/file", r#"{"verb": "up"}"#),
    ("/plan/run", include_str!("../../stored/0.1.0/plan.json")),
    ("/lock/release", r#"{"fence": 7}"#),
    ("/runs/1/pause", r#"{"why": "the office moves"}"#),
    ("/runs/1/resume", "{}"),
    ("/runs/1/tune", r#"{"batch_size": 100, "per_second": 1000}"#),
    ("/runs/1/cancel", r#"{"why": "enough"}"#),
];

#[tokio::test]
async fn bodies() {
    // A server that cannot be asked: what is accepted ends there.
    let mut options = ClientOptions::builder().hosts(Vec::new()).build();
    options.server_selection_timeout = Some(std::time::Duration::from_millis(1));
    let db = Client::with_options(options).unwrap().database("none");
    let auth = Auth::bearer([Token::new("ops", Scope::Write, WRITE).unwrap()]).unwrap();
    let router = Api::new(Migrator::with(&db, [effect!(1)]), auth).router();
    let mut fuzz = Fuzz::new("HTTP body", BODIES.map(|(_, body)| body.to_owned()));
    while fuzz.goes_on() {
        let body = match fuzz.mutator.one_in(2) {
            true => fuzz.mutator.json(),
            false => fuzz.mutator.text(),
        };
        // Mostly its own endpoint, and at times another one.
        let own = BODIES.iter().find(|(_, valid)| *valid == body);
        let (path, _) = match own {
            Some(own) => *own,
            None => BODIES[fuzz.mutator.index(BODIES.len())],
        };
        let request = Request::post(format!("{PREFIX}{path}"))
            .header(header::HOST, "migrations.test")
            .header(header::AUTHORIZATION, format!("Bearer {WRITE}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.clone()))
            .unwrap();
        let router = router.clone();
        let answered = tokio::spawn(async move {
            let answer = router.oneshot(request).await.unwrap();
            let status = answer.status();
            let bytes = to_bytes(answer.into_body(), 10 << 20).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{text}");
            let problem: serde_json::Value = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{status}, and no JSON: {error}: {text}"));
            match status {
                _ if status.is_success() => Outcome::Accepted,
                // The body was taken, and the server could not be asked.
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => Outcome::Accepted,
                _ => {
                    assert!(status.is_client_error(), "{status}: {text}");
                    assert!(problem["code"].is_string() && problem["detail"].is_string(), "{text}");
                    Outcome::Refused
                }
            }
        });
        let ended = answered.await.map_err(tokio::task::JoinError::into_panic);
        fuzz.note(&format!("{path} {body}"), ended);
    }
    fuzz.done();
}
