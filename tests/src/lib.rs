//! Support shared by the integration tests: a database per test on one real `mongod`, and
//! a record of every command that went over the wire.

pub mod app;
pub mod between;
pub mod clock;
pub mod effects;
pub mod imports;
pub mod layers;
pub mod lookalike;
pub mod mongos;
pub mod process;
pub mod receiver;
pub mod service;
pub mod snapshot;
pub mod whole;
pub mod wire;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mongrate::{
    Migration, Migrator, Observer,
    bson::{Document, doc},
    embedded::Embedded,
    mongodb::{
        Client, Database,
        event::{EventHandler, command::CommandEvent},
        options::{ClientOptions, DatabaseOptions, WriteConcern},
    },
};
use tokio::sync::OnceCell;

/// The shared server: `MONGODB_URI`, or one that starts itself and ends after its last user.
///
/// # Panics
///
/// When no server can be had.
pub async fn server() -> &'static str {
    static SERVER: OnceCell<(String, Option<Embedded>)> = OnceCell::const_new();
    let (uri, _) = SERVER
        .get_or_init(|| async {
            if let Ok(uri) = std::env::var("MONGODB_URI") {
                return (uri, None);
            }
            let embedded = Embedded::builder()
                .test_commands()
                .start()
                .await
                .unwrap_or_else(|error| panic!("{error}"));
            (embedded.uri().to_owned(), Some(embedded))
        })
        .await;
    uri
}

/// The first host and port of a connection string: what a proxy stands in front of.
///
/// # Panics
///
/// When it is no connection string.
pub fn host(uri: &str) -> &str {
    let (_, rest) = uri.split_once("://").expect("a connection string");
    let hosts = rest.split(['/', '?']).next().unwrap_or_default();
    let hosts = hosts.rsplit('@').next().unwrap_or_default();
    hosts.split(',').next().unwrap_or_default()
}

/// Whether the server is a mongos, or a look-alike of one: what only a member of a replica set tells, such
/// as its name or its election, is not known then.
///
/// # Panics
///
/// When the server cannot be reached.
pub async fn is_mongos(db: &Database) -> bool {
    let hello = db.run_command(doc! { "hello": 1 }).await.expect("a server");
    hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid")
}

/// Runs the same on several servers of the test's own, side by side. A fail point is a whole
/// server's, so cases that set one take turns on each server; most of such a case is waiting.
///
/// # Panics
///
/// When a server cannot be started.
pub async fn on_servers(count: usize, run: impl AsyncFn(&str)) {
    let servers = (0..count).map(async |_| {
        let server = Embedded::builder().test_commands().private().quiet(true).start().await;
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        run(server.uri()).await;
        server.stop().await;
    });
    futures_util::future::join_all(servers).await;
}

/// Every command that a client sent, without those of the driver's own monitoring.
#[derive(Clone, Debug, Default)]
pub struct Wire(Arc<Mutex<Vec<(String, Document)>>>);

impl Wire {
    fn handler(&self) -> EventHandler<CommandEvent> {
        let wire = self.clone();
        EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                let sent = (started.command_name, started.command);
                wire.0.lock().unwrap().push(sent);
            }
        })
    }

    /// The names of the commands since the last call.
    pub fn take(&self) -> Vec<String> {
        self.take_full().into_iter().map(|(name, _)| name).collect()
    }

    /// Waits until this command was sent so many times since the last call, for a minute at most; returns
    /// the names of all commands since then. Two heartbeats (`findAndModify`) after something was asked of a run, it
    /// knows: the reply to the first one tells it, and the second is sent when that was read.
    ///
    /// # Panics
    ///
    /// When they do not come.
    pub async fn more(&self, command: &str, times: usize) -> Vec<String> {
        let begun = Instant::now();
        let mut sent = self.take();
        while sent.iter().filter(|name| *name == command).count() < times {
            assert!(begun.elapsed() < Duration::from_secs(60), "no {command}: {sent:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
            sent.extend(self.take());
        }
        sent
    }

    /// The commands since the last call.
    pub fn take_full(&self) -> Vec<(String, Document)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A database of its own per test, dropped when the test passes and kept when it fails.
#[derive(Debug)]
pub struct TestDb {
    /// The database.
    pub db: Database,
    /// The server's URI.
    pub uri: String,
    /// The commands that this client sends.
    pub wire: Wire,
}

impl TestDb {
    /// Creates a database, named for the test.
    pub async fn new(test: &str) -> Self {
        Self::on(server().await, test).await
    }

    /// Creates one on a server of the test's own.
    pub async fn on(uri: &str, test: &str) -> Self {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let name: String = format!("t_{nanos:x}_{test}").chars().take(63).collect();
        Self::named(uri, &name, None).await
    }

    /// Creates one with an observer in its client.
    pub async fn observed(test: &str) -> (Self, Observer) {
        let (fresh, observer) = (Self::new(test).await, Observer::new());
        (Self::named(&fresh.uri, fresh.db.name(), Some(&observer)).await, observer)
    }

    /// Another client of the same database.
    pub async fn again(&self) -> Self {
        Self::named(&self.uri, self.db.name(), None).await
    }

    async fn named(uri: &str, name: &str, observer: Option<&Observer>) -> Self {
        let wire = Wire::default();
        let mut options = ClientOptions::parse(uri).await.unwrap();
        options.command_event_handler = Some(wire.handler());
        options.app_name = Some(name.to_owned());
        options.server_selection_timeout = Some(Duration::from_secs(20));
        if let Some(observer) = observer {
            observer.install(&mut options);
        }
        // A server before 5.0 does not wait for a majority by itself, and what a test has just written would
        // not be seen by what reads only what a majority has.
        let majority = DatabaseOptions::builder().write_concern(WriteConcern::majority()).build();
        let db = Client::with_options(options).unwrap().database_with_options(name, majority);
        Self { db, uri: uri.to_owned(), wire }
    }

    /// A migrator over a list.
    pub fn migrator(&self, list: impl IntoIterator<Item = Migration>) -> Migrator {
        Migrator::with(&self.db, list)
    }

    /// Makes the server fail commands of this test's clients (`failCommand`).
    pub async fn fail(&self, mode: Document, mut data: Document) -> FailPoint {
        data.insert("appName", self.db.name());
        let admin = self.db.client().database("admin");
        let command = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
        admin.run_command(command).await.unwrap();
        FailPoint { admin }
    }

    /// The server's version, as `(6, 0)`.
    pub async fn version(&self) -> (i32, i32) {
        let reply = self.db.run_command(doc! { "buildInfo": 1 }).await.unwrap();
        let parts = reply.get_array("versionArray").unwrap();
        let part = |at: usize| parts.get(at).and_then(mongrate::bson::Bson::as_i32).unwrap_or(0);
        (part(0), part(1))
    }

    /// Drops the database: the test passed.
    pub async fn pass(self) {
        self.db.drop().await.unwrap();
        self.db.client().clone().shutdown().await;
    }
}

/// A fail point that is on. There is one per server, so tests that use it take turns.
#[derive(Debug)]
pub struct FailPoint {
    admin: Database,
}

impl FailPoint {
    /// Turns the fail point off.
    pub async fn off(self) {
        let off = doc! { "configureFailPoint": "failCommand", "mode": "off" };
        self.admin.run_command(off).await.unwrap();
    }
}
