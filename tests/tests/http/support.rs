//! A router over a database of the test's own, and a client that speaks to it.

use std::fmt::Display;

use mongrate::{
    Migration, Migrator,
    http::{
        Api, Auth, Scope, Token,
        axum::{
            Router,
            body::{Body, to_bytes},
            http::{HeaderMap, Method, Request, StatusCode, header},
            response::Response,
        },
    },
};
use mongrate_tests::TestDb;
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) const READ: &str = "reader-0123456789abcdef";
pub(crate) const WRITE: &str = "writer-0123456789abcdef";
pub(crate) const PREFIX: &str = mongrate::http::PREFIX;

/// The auth of the tests: `dashboard` may read, `ops` may write.
pub(crate) fn auth() -> Auth {
    Auth::bearer([
        Token::new("dashboard", Scope::Read, READ).unwrap(),
        Token::new("ops", Scope::Write, WRITE).unwrap(),
    ])
    .unwrap()
}

/// A client that calls the router without a network.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    pub(crate) api: Api,
    pub(crate) router: Router,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl HttpClient {
    pub(crate) fn over(fresh: &TestDb, list: impl IntoIterator<Item = Migration>) -> Self {
        Self::of(Api::new(fresh.migrator(list).app("test 1.0"), auth()))
    }

    pub(crate) fn with(migrator: Migrator) -> Self {
        Self::of(Api::new(migrator, auth()))
    }

    pub(crate) fn of(api: Api) -> Self {
        Self { router: api.router(), api }
    }

    /// Sends it as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// `GET`, with the token that may read.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, READ).body(Body::empty()).unwrap()).await
    }

    /// `POST`, with the token that may write.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.post_with(path, body, &[]).await
    }

    /// The same, with more headers.
    pub(crate) async fn post_with(
        &self,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut builder = request(Method::POST, path, WRITE);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder = builder.header(header::CONTENT_TYPE, "application/json");
        self.send(builder.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// `POST`, and waits for the end of the run.
    pub(crate) async fn run(&self, path: &str, body: &str) -> Value {
        let answer = self.post_with(path, body, &[("prefer", "wait=60")]).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }
}

/// A request below the prefix, signed in.
pub(crate) fn request(
    method: Method,
    path: &str,
    token: &str,
) -> mongrate::http::axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("{PREFIX}{path}"))
        .header(header::HOST, "migrations.test")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 10 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Self { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// That it is a problem with this status and code; with all that a problem has.
    pub(crate) fn is_problem(&self, status: u16, code: impl Display) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["code"], code.to_string(), "{problem}");
        assert_eq!(problem["type"], format!("urn:mongrate:error:{code}"), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        for text in ["title", "detail", "kind"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem
    }
}
