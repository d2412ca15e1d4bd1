//! *Feature `http`.* The verbs over HTTP, as an [`axum::Router`] that an app mounts where it likes,
//! with a dashboard. The router decides nothing: it turns a request into one call of the library,
//! and answers with the library's report.
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
//! - An answer holds only the fields on an allow-list: no addresses of servers, and no texts of
//!   servers, drivers or migrations. [`show_failures`](Api::show_failures) adds the texts of
//!   migrations.
//! - Sizes, times and numbers are bounded: a body has 16 KiB (a plan 1 MiB), an address 4 KiB, headers 16 KiB, an
//!   answer 30 s (and up to 60 s more if the client waits for a run); 128 requests are worked on
//!   at once, 1,000 streams of events are open at once. A client address that tries too many
//!   unknown tokens has to wait.
//! - Each change is in the log (target `mongrate::audit`), in the lock and in the history, with
//!   the name of the token.
//!
//! # Runs
//!
//! `POST up` and `POST down` start a run, and answer 202 as soon as the run has the lock, or say
//! why the run was refused. A client that disconnects does not stop its run. Cancelling the
//! migrator's token ([`Migrator::cancel_on`]) stops the run in order. [`Api::shutdown`] cancels the
//! run and waits for its end: call it before `main` ends.
//!
//! The commands of a dry run are observed by the migrator's observer ([`Migrator::observer`]).

mod act;
mod answer;
mod ask;
mod audit;
pub(crate) mod auth;
mod back;
mod changed;
mod deltas;
mod etag;
mod feed;
mod guard;
mod guesses;
mod history;
mod impatient;
mod listed;
mod look;
mod openapi;
mod page;
mod peer;
mod plans;
mod problem;
mod read;
mod run_id;
mod runs;
mod seats;
mod server;
mod shared;
mod steer;
mod tags;
mod told;
mod watch;
#[cfg(feature = "webhook")]
mod webhooks;
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
use tower_http::compression::{
    CompressionLayer, Predicate,
    predicate::{NotForContentType, SizeAbove},
};

pub use self::auth::{Auth, Identity, Scope, Token};
use self::{
    guesses::Guesses, problem::Problem, run_id::Instance, runs::Runs, shared::Shared,
    wire::texts::Texts,
};
use crate::{Error, Kind, Migrator};

/// Smaller answers are not compressed: it would not pay.
const COMPRESSED_BYTES_MIN: u16 = 512;

/// The default prefix of the routes.
pub const PREFIX: &str = "/api/migrations";

/// The routes, below [`PREFIX`], with every default: [`Api::new`]`(migrator, auth).router()`.
pub fn router(migrator: Migrator, auth: Auth) -> Router {
    Api::new(migrator, auth).router()
}

/// The verbs of a migrator over HTTP, and the rules for requests.
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
    /// Creates the interface of a migrator, with an explicit choice of how requests are
    /// authenticated.
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

    /// Sets the prefix of the routes. Default: [`PREFIX`]. `/` or an empty text: the root.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`]: the prefix has other characters than letters, digits, `_`, `-`, `.` and
    /// `~` between its slashes.
    pub fn prefix(mut self, prefix: &str) -> Result<Self, Error> {
        let parts = || prefix.trim_matches('/').split('/');
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.~".contains(&byte);
        let is_root = prefix.trim_matches('/').is_empty();
        if !is_root && !parts().all(|part| !part.is_empty() && part.bytes().all(legal)) {
            let problem = format!(
                "`{}` has other characters than letters, digits, `_`, `-`, `.` and `~` between \
                 single slashes",
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

    /// Allows the pages of another site, such as `https://admin.example.org`, to send state
    /// changes. These requests still need a token. Default: only pages from the same host.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into().trim_end_matches('/').to_ascii_lowercase());
        self
    }

    /// Adds a host name of this server, with or without a port. Once a name is given, requests with
    /// any other `Host` are refused, so a foreign DNS name that points here cannot lead a browser
    /// to this server. Default: any name.
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into().to_ascii_lowercase());
        self
    }

    /// Lets `POST /` write migration files into this directory. For development only: never on a
    /// server that others can reach. Default: refused, with 403.
    #[must_use]
    pub fn create_in(mut self, dir: impl Into<PathBuf>) -> Self {
        self.create_in = Some(dir.into());
        self
    }

    /// Sets whether answers hold the texts of failed migrations and the details of lints, which may
    /// quote documents. Default: no, only codes.
    #[must_use]
    pub fn show_failures(mut self, yes: bool) -> Self {
        self.texts = Texts { shown: yes };
        self
    }

    /// Returns the routes, for an app to merge into its own router or to nest below a path. Several
    /// routers share the runs, but each counts its own requests.
    ///
    /// The router answers everything at and below the prefix; the app answers all other paths, with
    /// its own 404. At the root (a [`prefix`](Self::prefix) of `/`) the router answers only its
    /// routes.
    pub fn router(&self) -> Router {
        self.build(false)
    }

    /// Builds the routes. `alone`: no app is around them, so they answer unknown paths as well.
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
            .route(&at("/migrations/{version}"), get(read::migration))
            .route(&at("/plan"), get(read::plan))
            .route(&at("/plan/file"), get(plans::plan_file))
            .route(&at("/plan/run"), post(plans::plan_run))
            .route(&at("/history"), get(read::history))
            .route(&at("/audit"), get(audit::audit))
            .route(&at("/audit/verify"), get(audit::verify))
            .route(&at("/audit/enable"), post(audit::enable))
            .route(&at("/audit/disable"), post(audit::disable))
            .route(&at("/audit/prune"), post(audit::prune))
            .route(&at("/doctor"), get(read::doctor))
            .route(&at("/drift"), get(read::drift))
            .route(&at("/lock/status"), get(read::lock_status))
            .route(&at("/lock/release"), post(act::lock_release))
            .route(&at("/runs"), get(told::runs))
            .route(&at("/runs/{id}"), get(told::run))
            .route(&at("/runs/{id}/pause"), post(steer::pause))
            .route(&at("/runs/{id}/resume"), post(steer::resume))
            .route(&at("/runs/{id}/tune"), post(steer::tune))
            .route(&at("/runs/{id}/cancel"), post(steer::cancel))
            .route(&at("/tags"), get(tags::tags).post(tags::tag))
            .route(&at("/events"), get(read::events))
            .route(&at("/openapi.json"), get(openapi::openapi_json))
            .route(&at("/up"), post(act::up))
            .route(&at("/down"), post(act::down));
        if !self.prefix.is_empty() {
            routes = routes.route(&at("/{*nothing}"), any(not_found));
        }
        routes =
            routes.method_not_allowed_fallback(method_not_allowed).route_layer(guarded.clone());
        // The page is the only route without the guard, and only for `GET`.
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
        routes = routes.route_layer(compression());
        if alone {
            routes = routes.fallback(not_found.layer(guarded));
        }
        routes.with_state(shared)
    }

    /// Cancels the run in flight, and waits for its end: the transaction is aborted, the outcome
    /// is recorded, the lock is released. Streams of events end after the last event of that run,
    /// and no further run can start.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the run still ends by itself, as long as the runtime lives.
    pub async fn shutdown(&self) {
        self.cancel.cancel();
        self.runs.idle().await;
    }
}

/// Compresses answers for clients that accept it. Never the stream of events, which would be held back
/// until there is enough to compress.
fn compression() -> CompressionLayer<impl Predicate> {
    let large = SizeAbove::new(COMPRESSED_BYTES_MIN);
    CompressionLayer::new().compress_when(large.and(NotForContentType::SSE))
}

async fn not_found() -> Problem {
    Problem::not_found("no endpoint has this address; `openapi.json` lists the endpoints")
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Kind::Usage,
        "method_not_allowed",
        "this endpoint does not accept this method; `openapi.json` lists the methods",
    )
}
