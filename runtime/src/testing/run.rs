//! Runs a test with the attribute: prepares its database, runs the body, and drops the database or
//! prints its name.

use std::{fmt, panic::AssertUnwindSafe, path::Path};

use futures_util::FutureExt as _;

use super::{
    database::Database,
    error::TestError,
    fixtures,
    image::{self, Key},
    scratch,
    server::{self, Server},
    slot,
};
use crate::Error;

/// The attribute's arguments.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// The test's name with its modules.
    pub name: &'static str,
    /// The directory of its `Cargo.toml`.
    pub package: &'static str,
    /// `at`.
    pub at: Option<i64>,
    /// `group`.
    pub group: Option<&'static str>,
    /// The names and texts of `fixtures`.
    pub fixtures: &'static [(&'static str, &'static str)],
}

/// What a test returns.
#[diagnostic::on_unimplemented(
    message = "a test returns nothing, or a `Result` whose error can be shown (`Debug`)"
)]
pub trait Outcome {
    /// Whether it passed.
    fn passed(&self) -> bool;
}

impl Outcome for () {
    fn passed(&self) -> bool {
        true
    }
}

impl<T, E: fmt::Debug> Outcome for Result<T, E> {
    fn passed(&self) -> bool {
        self.is_ok()
    }
}

/// Runs a test.
///
/// # Panics
///
/// When its database cannot be had, and when it panics.
pub fn run<A, R>(test: Test, body: impl AsyncFnOnce(A) -> R) -> R
where
    A: From<Database>,
    R: Outcome,
{
    let server = server::get().unwrap_or_else(|error| panic!("{error}"));
    server.runtime.handle().block_on(in_database(test, server, body))
}

async fn in_database<A, R>(test: Test, server: &Server, body: impl AsyncFnOnce(A) -> R) -> R
where
    A: From<Database>,
    R: Outcome,
{
    let taken = slot::take(&server.uri, test.name, test.package).await;
    let slot = taken.unwrap_or_else(|error| panic!("{error}"));
    let database = server.client.database(&slot.name);
    let database = Database::new(database, &server.uri, test.group, Path::new(test.package));
    if let Err(error) = prepare(test, server, &database).await {
        say_kept(&database, server);
        panic!("{error}");
    }
    let ended = AssertUnwindSafe(body(A::from(database.clone()))).catch_unwind().await;
    if ended.as_ref().is_ok_and(Outcome::passed) {
        let dropped = scratch::clear(&database).await;
        dropped.unwrap_or_else(|error| panic!("the test passed, but: {error}"));
    } else {
        say_kept(&database, server);
    }
    drop(slot);
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

async fn prepare(test: Test, server: &Server, database: &Database) -> Result<(), TestError> {
    // Drop what the same test left when it failed.
    scratch::clear(database).await?;
    if test.at != Some(0) {
        let migrate = async || migrate(test, database).await;
        let key = Key { group: test.group, at: test.at };
        let (image, made) = image::get(key, &server.uri, database, migrate).await?;
        match image {
            _ if made => {}
            Some(image) => image.fill(database, &database.control()).await?,
            None => self::migrate(test, database).await?,
        }
    }
    for (name, text) in test.fixtures {
        fixtures::load(database, name, text).await?;
    }
    Ok(())
}

async fn migrate(test: Test, database: &Database) -> Result<(), TestError> {
    let migrator = database.migrator();
    let up = match test.at {
        None => migrator.up(),
        Some(version) => migrator.up().to(version),
    };
    match up.await {
        Ok(_) => Ok(()),
        Err(Error::UnknownVersion { version }) => {
            let known: Vec<String> = migrator
                .migrations()
                .unwrap_or_default()
                .iter()
                .map(|migration| format!("{} {}", migration.version(), migration.name()))
                .collect();
            let problem = format!("no such migration is linked; there are: {}", known.join(", "));
            Err(TestError::set_up(format!("migrate to {version} (`at`)"), problem))
        }
        Err(source) => {
            Err(TestError::Migration { act: "migrate the test's database".to_owned(), source })
        }
    }
}

/// Prints where the database of the failed test is.
#[expect(clippy::print_stderr, reason = "the harness shows it with the test's own output")]
fn say_kept(database: &Database, server: &Server) {
    let name = database.name();
    match server.linger {
        None => eprintln!("the database is kept as `{name}`; the next run of the test drops it"),
        Some(linger) => eprintln!(
            "the database is kept as `{name}` on {}, until {} s after the last test; for longer: \
             MONGRATE_TEST_LINGER=600 cargo test",
            server.uri,
            linger.as_secs()
        ),
    }
}
