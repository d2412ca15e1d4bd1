//! A run whose commands the server makes fail, by name, with its fail point `failCommand`.

use std::time::Duration;

use mongodb::{
    Database as Driver,
    bson::{Document, doc},
};

use super::{database::Database, error::TestError, server};
use crate::{Migrator, mongo::reply::number};

/// The database in which tests take turns: a server has only one such fail point.
const TURNS: &str = "mongrate_testing";

/// How long the other tests wait for a test that was killed during its turn.
const TURN_MS: i64 = 60_000;

const POLL: Duration = Duration::from_millis(20);

const DUPLICATE_KEY: i32 = 11_000;

/// Which commands fail, and how. Default: the first of that name, by a closed connection.
#[derive(Clone, Debug)]
pub struct Fail {
    command: String,
    fault: Fault,
    affected: Affected,
    labels: Vec<String>,
}

/// Which of the commands fail. The server cannot combine both.
#[derive(Clone, Copy, Debug)]
enum Affected {
    First(u32),
    After(u32),
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Close,
    Code(i32),
    WriteConcern(i32),
}

impl Fail {
    /// Makes commands of this name fail, such as `insert` or `commitTransaction`.
    pub fn command(name: impl Into<String>) -> Self {
        let (fault, affected) = (Fault::Close, Affected::First(1));
        Self { command: name.into(), fault, affected, labels: Vec::new() }
    }

    /// Fails with this error code, before the server does anything.
    #[must_use]
    pub fn code(mut self, code: i32) -> Self {
        self.fault = Fault::Code(code);
        self
    }

    /// Adds this label to the error, such as `TransientTransactionError`. Needs a
    /// [`code`](Self::code).
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.labels.push(label.into());
        self
    }

    /// Fails with a write concern error of this code: the command is done, but not by a majority.
    #[must_use]
    pub fn write_concern(mut self, code: i32) -> Self {
        self.fault = Fault::WriteConcern(code);
        self
    }

    /// The first `commands` fail, later ones succeed. Default: 1.
    #[must_use]
    pub fn times(mut self, commands: u32) -> Self {
        self.affected = Affected::First(commands);
        self
    }

    /// The first `commands` succeed, all later ones fail.
    #[must_use]
    pub fn all_after(mut self, commands: u32) -> Self {
        self.affected = Affected::After(commands);
        self
    }

    fn data(&self, app: &str) -> Document {
        let mut data = doc! { "failCommands": [&self.command], "appName": app };
        match self.fault {
            Fault::Close => data.insert("closeConnection", true),
            Fault::Code(code) => data.insert("errorCode", code),
            Fault::WriteConcern(code) => {
                let error = doc! { "code": code, "errmsg": "made to fail by a test" };
                data.insert("writeConcernError", error)
            }
        };
        if !self.labels.is_empty() {
            data.insert("errorLabels", self.labels.clone());
        }
        data
    }
}

/// Runs `work` with a migrator on a client of its own, some of whose commands fail.
///
/// The server has to be started with `--setParameter enableTestCommands=1`, as the embedded one of
/// the tests is. A server has one such fault at a time, so tests that use it take turns.
///
/// ```no_run
/// use mongrate::testing::{Database, Fail, TestError, fail};
///
/// #[mongrate::test(at = 20250122002)]
/// async fn a_lost_reply_is_no_harm(db: Database) -> Result<(), TestError> {
///     let lost = Fail::command("commitTransaction").times(2);
///     let report = fail(&db, lost, async |migrator| migrator.up().await).await?;
///     assert!(report.is_ok(), "{report:?}");
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// [`TestError::SetUp`]: the server does not allow the fault, or cannot be reached.
pub async fn fail<T>(
    database: &Database,
    fail: Fail,
    work: impl AsyncFnOnce(Migrator) -> T,
) -> Result<T, TestError> {
    let act = "make commands fail";
    let app = format!("{}_{:08x}", database.name(), fastrand::u32(..));
    let client = server::client(database.uri(), &app, |_| {});
    let client = client.await.map_err(TestError::driver(act))?;
    let migrator = database.over(client.database(database.name())).migrator();
    let admin = database.client().database("admin");
    let turn = Turn::take(&database.client().database(TURNS)).await?;
    let mode = match fail.affected {
        Affected::First(times) => doc! { "times": i64::from(times) },
        Affected::After(skip) => doc! { "skip": i64::from(skip) },
    };
    let on = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": fail.data(&app) };
    if let Err(error) = admin.run_command(on).await {
        turn.give_back().await?;
        let error = crate::ServerError::from(error);
        let problem = match error.code() {
            Some(59) => format!(
                "{error}; the server has to be started with `--setParameter enableTestCommands=1`"
            ),
            _ => error.to_string(),
        };
        return Err(TestError::set_up(act, problem));
    }
    let value = work(migrator).await;
    let off = doc! { "configureFailPoint": "failCommand", "mode": "off" };
    admin.run_command(off).await.map_err(TestError::driver(act))?;
    turn.give_back().await?;
    Ok(value)
}

/// The right to use the fail point, until it is given back or expires.
struct Turn {
    database: Driver,
    owner: i64,
}

impl Turn {
    async fn take(database: &Driver) -> Result<Self, TestError> {
        let owner = fastrand::i64(1..);
        loop {
            let free = doc! { "$or": [
                { "$lte": [{ "$ifNull": ["$until", "$$NOW"] }, "$$NOW"] },
                { "$eq": ["$owner", owner] },
            ] };
            let set = |key: &str, value| {
                (key.to_owned(), doc! { "$cond": [&free, value, format!("${key}")] })
            };
            let until = doc! { "$add": ["$$NOW", TURN_MS] };
            let [(owner_key, owner_value), (until_key, until_value)] =
                [set("owner", doc! { "$literal": owner }), set("until", until)];
            let command = doc! {
                "findAndModify": "turns",
                "query": { "_id": "failCommand" },
                "update": [{ "$set": { owner_key: owner_value, until_key: until_value } }],
                "upsert": true,
                "new": true,
            };
            match database.run_command(command).await {
                Ok(reply) => {
                    let found = reply.get_document("value").ok();
                    if found.and_then(|found| number(found, "owner")) == Some(owner) {
                        return Ok(Self { database: database.clone(), owner });
                    }
                }
                Err(error) if crate::mongo::driver::code(&error) == Some(DUPLICATE_KEY) => continue,
                Err(error) => return Err(TestError::driver("take the turn for a fault")(error)),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn give_back(self) -> Result<(), TestError> {
        let turns = self.database.collection::<Document>("turns");
        let ended = turns.delete_one(doc! { "_id": "failCommand", "owner": self.owner }).await;
        ended.map(drop).map_err(TestError::driver("give the turn for a fault back"))
    }
}
