//! *Feature `http`.* The verbs over HTTP, as an [`axum::Router`] that an app mounts where it likes,
//! with a dashboard. It decides nothing: requests in, one call of the library, its report out.
//!
//! ```no_run
//! use mongrate::{
//!     Migrator,
//!     http::{Auth, Scope, Token},
//! };
//!
//! # async fn example(db: mongrate::mongodb::Database) -> Result<(), Box<dyn std::error::Error>> {
//! let auth = Auth::bearer([
//!     Token::new("dashboard", Scope::Read, std::env::var("READ_TOKEN")?)?,
//!     Token::new("ops", Scope::Write, std::env::var("WRITE_TOKEN")?)?,
//! ])?;
//! let app = axum::Router::new()
//!     .route("/", axum::routing::get(async || "the shop"))
//!     .merge(mongrate::http::router(Migrator::new(&db).app("shop 1.4.0"), auth));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The routes are below `/api/migrations`, or another [`prefix`](Api::prefix); the dashboard is at
//! the prefix itself. The guide `docs/http.md` shows every endpoint.
//!
//! # Safe by default
//!
//! - There is no router without a choice of [`Auth`]. A request that changes something needs a
//!   token that may [write](Scope::Write), JSON that is declared as such, and must not come from a
//!   page of another site.
//! - An answer holds what is on a list, and nothing else: no addresses of servers, no texts of
//!   servers, drivers or migrations, unless [`show_failures`](Api::show_failures) allows the
//!   latter.
//! - Sizes, times and numbers are bounded: a body has 16 KiB, an address 4 KiB, headers 16 KiB, an
//!   answer 30 s (and up to 60 s that the client likes to wait for a run); 128 requests are worked
//!   on at once, 1,000 streams of events are open at once. An address that tries too many tokens
//!   which are not known has to wait.
//! - Whoever changes something is in the log (target `mongrate::audit`), in the lock and in the
//!   history, by the name of the token.
//!
//! # Runs
//!
//! `POST up` and `POST down` start a run, and answer 202 as soon as it has the lock, or say why it
//! was refused. A client that goes away does not stop it. Cancelling the migrator's token
//! ([`Migrator::cancel_on`]) does, in order; [`Api::shutdown`] cancels it and waits for its end:
//! call it before `main` ends.
//!
//! The observer of a dry run's commands is the migrator's ([`Migrator::observer`]).

mod act;
mod answer;
mod ask;
pub(crate) mod auth;
mod feed;
mod guard;
mod guesses;
mod history;
mod impatient;
mod openapi;
mod page;
mod peer;
mod problem;
mod read;
mod run_id;
mod runs;
mod seats;
mod server;
mod shared;
mod wire;
mod words;

use std::{path::PathBuf, sync::Arc};

pub use axum;
use axum::{
    Router,
    handler::Handler as _,
    http::StatusCode,
    middleware,
    routing::{any, get, post},
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use self::auth::{Auth, Identity, Scope, Token};
use self::{
    guesses::Guesses, problem::Problem, run_id::Instance, runs::Runs, shared::Shared,
    wire::texts::Texts,
};
use crate::{Error, Kind, Migrator};

/// Where the routes are, unless they are told otherwise.
pub const PREFIX: &str = "/api/migrations";

/// The routes, below [`PREFIX`], with every default: [`Api::new`]`(migrator, auth).router()`.
pub fn router(migrator: Migrator, auth: Auth) -> Router {
    Api::new(migrator, auth).router()
}

/// The verbs of a migrator over HTTP, and what is allowed there.
///
/// Clones share the runs.
#[derive(Clone, Debug)]
pub struct Api {
    migrator: Migrator,
    cancel: CancellationToken,
    auth: Auth,
    prefix: String,
    origins: Vec<String>,
    hosts: Vec<String>,
    create_in: Option<PathBuf>,
    texts: Texts,
    runs: Arc<Runs>,
}

impl Api {
    /// Over a migrator, with an explicit choice of who may do what.
    pub fn new(migrator: Migrator, auth: Auth) -> Self {
        let cancel = migrator.cancel_token().child_token();
        let who = migrator.who();
        let here = Instance::new(&who.host, who.pid);
        Self {
            migrator: migrator.cancel_on(cancel.clone()),
            cancel,
            auth,
            prefix: PREFIX.to_owned(),
            origins: Vec::new(),
            hosts: Vec::new(),
            create_in: None,
            texts: Texts::default(),
            runs: Arc::new(Runs::new(here)),
        }
    }

    /// Where the routes are. Default: [`PREFIX`]. `/` or nothing: at the root.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: other than letters, digits, `_`, `-`, `.` and `~` between its slashes.
    pub fn prefix(mut self, prefix: &str) -> Result<Self, Error> {
        let parts = || prefix.trim_matches('/').split('/');
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.~".contains(&byte);
        let is_root = prefix.trim_matches('/').is_empty();
        if !is_root && !parts().all(|part| !part.is_empty() && part.bytes().all(legal)) {
            let problem = format!(
                "`{}` is not one: letters, digits, `_`, `-`, `.` and `~` between slashes",
                prefix.escape_debug()
            );
            return Err(Error::Settings { setting: "prefix", problem });
        }
        self.prefix = match is_root {
            true => String::new(),
            false => format!("/{}", prefix.trim_matches('/')),
        };
        Ok(self)
    }

    /// Another site whose pages may send state changes, as `https://admin.example.org`. They need
    /// a token all the same. Default: only pages from the same host.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into().trim_end_matches('/').to_ascii_lowercase());
        self
    }

    /// A name that this server goes by, with or without a port. Once one is given, requests with
    /// any other `Host` are refused: it keeps somebody else's DNS from leading a browser here.
    /// Default: any name.
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into().to_ascii_lowercase());
        self
    }

    /// Lets `POST /` write migration files into this directory. For development only: never where
    /// others can reach it. Default: refused, with 403.
    #[must_use]
    pub fn create_in(mut self, dir: impl Into<PathBuf>) -> Self {
        self.create_in = Some(dir.into());
        self
    }

    /// Whether texts of failed migrations, and details of lints, are in answers: they may quote
    /// documents. Default: no, only codes.
    #[must_use]
    pub fn show_failures(mut self, yes: bool) -> Self {
        self.texts = Texts { shown: yes };
        self
    }

    /// The routes, to be merged into an app's, or nested below a path of it. Where several are
    /// made, they share the runs, but count requests each by itself.
    ///
    /// Everything at and below the prefix is answered here; what lies elsewhere is the app's, also
    /// its own 404. At the root (a [`prefix`](Self::prefix) of `/`) only the routes themselves are
    /// answered here.
    pub fn router(&self) -> Router {
        self.build(false)
    }

    /// The routes. `alone`: there is no app around them, so what is no route is answered as well.
    fn build(&self, alone: bool) -> Router {
        let shared = Arc::new(Shared {
            migrator: self.migrator.clone(),
            auth: self.auth.clone(),
            origins: self.origins.clone(),
            hosts: self.hosts.clone(),
            create_in: self.create_in.clone(),
            texts: self.texts,
            runs: Arc::clone(&self.runs),
            guesses: Guesses::default(),
            places: Arc::new(Semaphore::new(guard::AT_ONCE_MAX)),
            queue: Semaphore::new(guard::QUEUE_MAX),
            waits: Semaphore::new(guard::WAITS_MAX),
            streams: Arc::new(Semaphore::new(guard::STREAMS_MAX)),
        });
        let guarded = middleware::from_fn_with_state(Arc::clone(&shared), guard::guard);
        let open = middleware::from_fn_with_state(Arc::clone(&shared), guard::open);
        let at = |path: &str| format!("{}{path}", self.prefix);
        let mut routes = Router::new()
            .route(&at("/status"), get(read::status))
            .route(&at("/plan"), get(read::plan))
            .route(&at("/history"), get(read::history))
            .route(&at("/lock/status"), get(read::lock_status))
            .route(&at("/lock/release"), post(act::lock_release))
            .route(&at("/runs/{id}"), get(read::run))
            .route(&at("/events"), get(read::events))
            .route(&at("/openapi.json"), get(openapi::openapi_json))
            .route(&at("/up"), post(act::up))
            .route(&at("/down"), post(act::down));
        if !self.prefix.is_empty() {
            routes = routes.route(&at("/{*nothing}"), any(not_found));
        }
        routes =
            routes.method_not_allowed_fallback(method_not_allowed).route_layer(guarded.clone());
        // The page is the one route that is not guarded, and `GET` the one method of it.
        let root = || {
            get(page::page)
                .route_layer(open.clone())
                .merge(post(act::create).route_layer(guarded.clone()))
                .fallback(method_not_allowed.layer(guarded.clone()))
        };
        routes = routes.route(&at("/"), root());
        if !self.prefix.is_empty() {
            routes = routes.route(&self.prefix, root());
        }
        if alone {
            routes = routes.fallback(not_found.layer(guarded));
        }
        routes.with_state(shared)
    }

    /// Cancels the run in flight, and waits for its end: the transaction is aborted, the outcome
    /// recorded, the lock released. Streams of events end after the last event of that run, and no
    /// run can be started any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the run to end by itself, as long as the runtime lives.
    pub async fn shutdown(&self) {
        self.cancel.cancel();
        self.runs.idle().await;
    }
}

async fn not_found() -> Problem {
    Problem::not_found("there is nothing at this address; `openapi.json` lists what there is")
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Kind::Usage,
        "method_not_allowed",
        "this address does not take this method; `openapi.json` says which it takes",
    )
}
