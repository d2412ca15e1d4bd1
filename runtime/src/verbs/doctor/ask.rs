//! Asks the server. Reads only; what the user may not read is an answer, too.

use std::time::{Duration, Instant};

use mongodb::{
    Database,
    bson::{DateTime, Document, doc, spec::BinarySubtype, uuid::Uuid},
    options::{Acknowledgment, WriteConcern},
};

use super::facts::{Answer, Facts, Pending};
use crate::{
    kinds::{change, effect::Operation},
    model::{error::Error, state::Direction},
    mongo::{privileges::Privileges, server_error::ServerError},
    protocol::{fence, read::read_all},
    registry::migration::Migration,
    run::{Runner, plan},
};

/// How often the clock and the round trip are measured.
const CLOCK_TRIES: u32 = 3;

/// How often the wait for a majority is measured.
const MAJORITY_TRIES: usize = 3;

/// How long the server may wait for a majority.
const MAJORITY_MAX: Duration = Duration::from_secs(10);

const MEASURE: &str = "ask the server what it is";

impl Runner {
    pub(super) async fn facts(&self) -> Result<Facts, Error> {
        let admin = self.control.database.client().database("admin");
        let (hello, round_trip, clock_ahead_ms) = clock(&admin).await?;
        let build_info = answered(&admin, doc! { "buildInfo": 1 }).await.unwrap_or_default();
        let status = doc! { "connectionStatus": 1, "showPrivileges": true };
        let privileges = answered(&admin, status).await.and_then(|reply| {
            let none = || ServerError::in_reply("it does not list privileges", None);
            Privileges::parse(&reply).ok_or_else(none)
        });
        let state = self.peek().await.map(drop);
        let pending = self.to_come(state.is_ok()).await;
        Ok(Facts {
            database: self.database_name(),
            control: self.control.collection.clone(),
            hello,
            build_info,
            round_trip,
            clock_ahead_ms,
            privileges,
            parameters: parameters(&admin).await,
            defaults: answered(&admin, doc! { "getDefaultRWConcern": 1 }).await,
            kill_sessions: kill_sessions(&admin).await,
            majority: self.majority().await,
            status: answered(&admin, server_status()).await,
            search: self.search(&pending).await,
            pending,
            state,
        })
    }

    /// How long the commit of a transaction takes that reads one document: the server answers when a
    /// majority has confirmed that it is the primary. It changes no document.
    async fn majority(&self) -> Answer<Duration> {
        let mut all = Vec::with_capacity(MAJORITY_TRIES);
        for _ in 0..MAJORITY_TRIES {
            let mut session = self.control.database.client().start_session().await?;
            let concern =
                WriteConcern::builder().w(Acknowledgment::Majority).w_timeout(MAJORITY_MAX);
            session.start_transaction().write_concern(concern.build()).await?;
            let command = doc! {
                "find": &self.control.collection, "filter": { "_id": fence::ID }, "limit": 1,
                "projection": { "_id": 1 }, "singleBatch": true,
            };
            self.control.once(Some(&mut session), command).await?;
            let begun = Instant::now();
            session.commit_transaction().await?;
            all.push(begun.elapsed());
        }
        all.sort_unstable();
        Ok(all.get(MAJORITY_TRIES / 2).copied().unwrap_or_default())
    }

    async fn search(&self, pending: &[Pending]) -> Answer<()> {
        let operations = pending.iter().flat_map(|pending| &pending.operations);
        let needs = |operation: &Operation| match operation {
            Operation::Search { collection } => Some(collection.clone()),
            _ => None,
        };
        let Some(collection) = operations.filter_map(needs).next() else { return Ok(()) };
        let command = doc! {
            "aggregate": collection, "pipeline": [{ "$listSearchIndexes": {} }], "cursor": {},
        };
        self.control.once(None, command).await.map(drop)
    }

    /// What is pending; everything, if the history cannot be read.
    async fn to_come(&self, is_readable: bool) -> Vec<Pending> {
        let history = match is_readable {
            true => read_all(&self.control, None).await.ok().map(|(history, _)| history),
            false => None,
        };
        let migrations: Vec<&Migration> = match &history {
            Some(history) => plan::pending(&self.registry, history).collect(),
            None => self.registry.iter().collect(),
        };
        let mut all = Vec::with_capacity(migrations.len());
        for migration in migrations {
            let declared = migration.declaration().map(change::effects::operations);
            let mut pending = Pending {
                version: migration.version(),
                name: migration.name(),
                operations: declared.unwrap_or_default(),
                documents: 0,
            };
            if history.is_some() {
                let counted = self.operations(migration, Direction::Up).await;
                pending.documents = counted.iter().filter_map(|one| one.documents).sum();
            }
            all.push(pending);
        }
        all
    }
}

/// The server's own words, the shortest round trip, and by how much the clock here is ahead of the
/// server's in that round trip.
async fn clock(admin: &Database) -> Result<(Document, Duration, Option<i64>), Error> {
    let mut best: Option<(Document, Duration, Option<i64>)> = None;
    for _ in 0..CLOCK_TRIES {
        let (begun, sent_at) = (Instant::now(), DateTime::now());
        let hello = match answered(admin, doc! { "hello": 1 }).await {
            // `hello` came with 4.4.2.
            Err(error) if error.code().is_some() => answered(admin, doc! { "isMaster": 1 }).await,
            answer => answer,
        };
        let hello = hello.map_err(|error| Error::server(MEASURE, error))?;
        let took = begun.elapsed();
        let half = i64::try_from(took.as_millis() / 2).unwrap_or(i64::MAX);
        let ahead = hello.get_datetime("localTime").ok().map(|server| {
            sent_at
                .timestamp_millis()
                .saturating_add(half)
                .saturating_sub(server.timestamp_millis())
        });
        if best.as_ref().is_none_or(|(_, least, _)| took < *least) {
            best = Some((hello, took, ahead));
        }
    }
    Ok(best.unwrap_or_default())
}

/// Both are parameters of the server, but a mongos has not the first.
async fn parameters(admin: &Database) -> Answer<Document> {
    let (feature, lifetime) = ("featureCompatibilityVersion", "transactionLifetimeLimitSeconds");
    let both = answered(admin, doc! { "getParameter": 1, feature: 1, lifetime: 1 }).await;
    match both {
        Err(error) if error.code().is_some() => {
            answered(admin, doc! { "getParameter": 1, lifetime: 1 }).await.map_err(|_| error)
        }
        answer => answer,
    }
}

/// Ends a session that was never used: whether the server lets this user end one.
async fn kill_sessions(admin: &Database) -> Answer<()> {
    let id =
        mongodb::bson::Binary { subtype: BinarySubtype::Uuid, bytes: Uuid::new().bytes().to_vec() };
    answered(admin, doc! { "killSessions": [{ "id": id }] }).await.map(drop)
}

fn server_status() -> Document {
    let mut command = doc! { "serverStatus": 1, "oplog": 1 };
    let others = [
        "asserts",
        "connections",
        "electionMetrics",
        "extra_info",
        "flowControl",
        "globalLock",
        "locks",
        "logicalSessionRecordCache",
        "metrics",
        "mirroredReads",
        "network",
        "opLatencies",
        "opcounters",
        "opcountersRepl",
        "readConcernCounters",
        "repl",
        "security",
        "tcmalloc",
        "transactions",
        "transportSecurity",
        "twoPhaseCommitCoordinator",
    ];
    command.extend(others.map(|other| (other.to_owned(), 0.into())));
    command
}

async fn answered(admin: &Database, command: Document) -> Answer<Document> {
    admin.run_command(command).await.map_err(ServerError::from)
}
