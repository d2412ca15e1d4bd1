//! From the arguments to a database: which server, which database, which settings.

use std::time::Duration;

use mongodb::{Client, Database, options::ClientOptions};
use tokio_util::sync::CancellationToken;

use super::{app::Cli, args::CliArgs, error::CliError, uri};
#[cfg(feature = "embedded")]
use crate::embedded::Embedded as Server;
use crate::{
    Migrator, Observer,
    model::{config, labels},
    telemetry::redact,
};

/// How long to look for a server, unless the URI says: the driver's 30 s are long for a user who
/// waits at a terminal.
const SERVER_SELECTION: Duration = Duration::from_secs(10);

/// The longest name of a user, in bytes.
const USER_BYTES_MAX: usize = 128;

/// The fewest connections: with one, the heartbeat of the lock would wait for a long operation of a
/// migration, and the lease would be lost.
const POOL_MIN: u32 = 8;

/// How long the connections may take to close at the end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(2);

/// A database that the arguments name, with the server behind it if this process runs it.
///
/// [`close`](Self::close) it at the end.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    database: Database,
    #[cfg(feature = "embedded")]
    server: Option<crate::embedded::Embedded>,
}

impl Connection {
    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Closes the connections, and stops the embedded server if this process runs it.
    pub async fn close(self) {
        let Self { client, database, .. } = self;
        drop(database);
        let _ = tokio::time::timeout(SHUTDOWN_MAX, client.shutdown().immediate(true)).await;
        #[cfg(feature = "embedded")]
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

impl Cli {
    /// Connects to the server and database that the arguments name, as the verbs do. For an app's
    /// own subcommands.
    ///
    /// Nothing is sent yet: if the server cannot be reached, the first use fails.
    ///
    /// # Errors
    ///
    /// A [`CliError`] of kind [`Kind::Usage`](crate::Kind::Usage) when no server or no database is
    /// named, or the URI is not one; of kind [`Kind::Unavailable`](crate::Kind::Unavailable) when
    /// the embedded server does not start, or the name in a `mongodb+srv` URI cannot be looked up.
    pub async fn connect(&self, args: &CliArgs) -> Result<Connection, CliError> {
        self.connect_observed(args, None).await
    }

    /// [`connect`](Self::connect), with an observer of the client's commands.
    pub(super) async fn connect_observed(
        &self,
        args: &CliArgs,
        observer: Option<&Observer>,
    ) -> Result<Connection, CliError> {
        // An empty variable counts as unset. A variable that is read from a file ends with a
        // newline.
        let given = args.uri.as_ref().map(|uri| uri.expose().trim()).filter(|uri| !uri.is_empty());
        if let Some(uri) = given {
            redact::learn(uri);
            let mut options = uri::parse(uri).await?;
            observe(observer, &mut options);
            return self.open(args, options, None);
        }
        let server = self.start_embedded().await?;
        let mut options = uri::parse(server.uri()).await?;
        observe(observer, &mut options);
        self.open(args, options, Some(server))
    }

    fn open(
        &self,
        args: &CliArgs,
        mut options: ClientOptions,
        server: Option<Server>,
    ) -> Result<Connection, CliError> {
        options.server_selection_timeout.get_or_insert(SERVER_SELECTION);
        options.app_name.get_or_insert_with(|| "mongrate".to_owned());
        if let Some(size @ 1..POOL_MIN) = options.max_pool_size {
            tracing::debug!(target: "mongrate", size, "maxPoolSize is too small; it is {POOL_MIN}");
            options.max_pool_size = Some(POOL_MIN);
        }
        let name = self.database_name(args, options.default_database.as_deref())?;
        let client = Client::with_options(options).map_err(|error| {
            let message = crate::mongo::driver::describe(&error);
            CliError::usage("bad_uri", format!("the URI cannot be used: {message}"))
        })?;
        let database = client.database(&name);
        #[cfg(not(feature = "embedded"))]
        let _ = server;
        Ok(Connection {
            client,
            database,
            #[cfg(feature = "embedded")]
            server,
        })
    }

    /// The database's name: from `--database` or its variable, else from the URI, else the app's.
    fn database_name(&self, args: &CliArgs, in_uri: Option<&str>) -> Result<String, CliError> {
        let given = args.database.as_deref().map(str::trim).filter(|name| !name.is_empty());
        if let (None, Some(name @ ("admin" | "config" | "local"))) = (given, in_uri) {
            return Err(CliError::usage(
                "reserved_database",
                format!(
                    "the URI names the database `{name}`, which is MongoDB's own; in a URI it \
                     usually means where the user signs in. Name the app's database with \
                     `--database NAME` or MONGODB_DATABASE (the sign-in stays as it is), or write \
                     `/NAME?authSource={name}` in the URI; if `{name}` is really meant, \
                     `--database {name}` says so. Nothing was sent"
                ),
            ));
        }
        let name = given.or(in_uri).or(self.database.as_deref()).ok_or_else(|| {
            CliError::usage(
                "no_database",
                "no database is named; pass --database, set MONGODB_DATABASE, or add it to the \
                 URI: mongodb://host/DATABASE",
            )
        })?;
        config::check_database_name(name)?;
        Ok(name.to_owned())
    }

    /// The migrator that the verbs use: the app's settings, then those of the arguments.
    pub fn migrator(&self, args: &CliArgs, database: &Database) -> Migrator {
        let mut migrator = Migrator::new(database).user(system_user());
        if !self.app.is_empty() {
            migrator = migrator.app(&self.app);
        }
        if let Some(configure) = &self.configure {
            migrator = configure(migrator);
        }
        if let Some(group) = &args.group {
            migrator = migrator.group(group);
        }
        let (labels, has_gap) = labels::listed(args.labels.iter().map(String::as_str));
        if has_gap {
            tracing::warn!(target: "mongrate", "{}", labels::GAP);
        }
        migrator = migrator.labels(labels);
        if let Some(collection) = &args.collection {
            migrator = migrator.collection(collection);
        }
        if args.audit_log {
            migrator = migrator.keep_audit_log(true);
        }
        #[cfg(feature = "audit-signature")]
        if let Some(key) = &args.audit_key {
            migrator = migrator.sign_audit(key.clone());
        }
        migrator
    }

    #[cfg(feature = "embedded")]
    async fn start_embedded(&self) -> Result<Server, CliError> {
        let Some(dir) = &self.embedded else { return Err(no_uri()) };
        Server::builder().data_dir(dir).start().await.map_err(|error| {
            CliError::new(
                crate::Kind::Unavailable,
                "embedded",
                format!("the embedded MongoDB did not start: {}", chain(&error)),
            )
        })
    }

    #[cfg(not(feature = "embedded"))]
    #[expect(clippy::unused_async, reason = "its other half waits for a server")]
    async fn start_embedded(&self) -> Result<Server, CliError> {
        Err(no_uri())
    }
}

/// The user of the operating system, for the audit log: as the environment names it, or else the system's
/// list of users, or else its number.
fn system_user() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|name| !name.trim().is_empty()));
    let mut name = named.unwrap_or_else(|| {
        #[cfg(unix)]
        let number = {
            let number = rustix::process::getuid().as_raw();
            let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            listed_user(&users, number).unwrap_or_else(|| format!("uid {number}"))
        };
        #[cfg(not(unix))]
        let number = String::new();
        number
    });
    let end = (0..=USER_BYTES_MAX.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
    name.truncate(end.unwrap_or(0));
    name
}

/// The name of the user with this number, in the form of `/etc/passwd`.
#[cfg(unix)]
fn listed_user(users: &str, number: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.trim().is_empty())?;
        let found: u32 = fields.nth(1)?.parse().ok()?;
        (found == number).then(|| name.to_owned())
    })
}

fn observe(observer: Option<&Observer>, options: &mut ClientOptions) {
    if let Some(observer) = observer {
        observer.install(options);
    }
}

/// Runs `work`, unless a signal comes first. For work that leaves nothing behind.
pub(super) async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    tokio::select! {
        done = work => done,
        () = cancel.cancelled() => Err(CliError::cancelled()),
    }
}

/// Without the feature there is no embedded server.
#[cfg(not(feature = "embedded"))]
enum Server {}

#[cfg(not(feature = "embedded"))]
impl Server {
    fn uri(&self) -> &str {
        match *self {}
    }
}

fn no_uri() -> CliError {
    CliError::usage(
        "no_uri",
        "no server is named; pass --uri or set MONGODB_URI, such as \
         mongodb://localhost:27017/?replicaSet=rs0",
    )
}

/// An error with those of its causes that its own text does not include.
#[cfg(feature = "embedded")]
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text += ": ";
            text += &cause;
        }
    }
    text
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_name_in_the_environment_is_looked_up() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\n\nbroken\n:x:7::\nanna:x:1000:1000:Anna:/:/bin/sh\n";
        for (number, name) in [(0, Some("root")), (1000, Some("anna")), (7, None), (8, None)] {
            assert_eq!(listed_user(users, number).as_deref(), name, "{number}");
        }
    }
}
