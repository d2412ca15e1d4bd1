//! Asks the server. Reads only; what the user may not read is an answer, too.

use std::time::{Duration, Instant};

use mongodb::{
    Database,
    bson::{DateTime, Document, doc, spec::BinarySubtype, uuid::Uuid},
    options::{Acknowledgment, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};

use super::facts::{Answer, Facts, Pending, Rewrites};
use crate::{
    kinds::{change, effect::Operation},
    model::{error::Error, policies::PolicyRefusal, state::Direction},
    mongo::{privileges::Privileges, reply::number, server_error::ServerError},
    protocol::{
        audit, fence,
        read::{read_all, read_fence},
    },
    registry::migration::Migration,
    run::{
        Runner,
        plan::{self, Goal, Step, UpTarget},
    },
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
        let (state, plan, pending) = self.to_come().await;
        let (plan, refusals) = match plan {
            Ok(steps) => (Ok(()), self.refusals(&steps).await?),
            Err(error) => (Err(error), Vec::new()),
        };
        let log = match state {
            Ok(()) => self.log().await,
            Err(_) => None,
        };
        Ok(Facts {
            database: self.database_name(),
            control: self.control.collection.clone(),
            hello,
            build_info,
            config: self.config(&admin).await,
            round_trip,
            clock_ahead_ms,
            privileges,
            parameters: parameters(&admin).await,
            defaults: answered(&admin, doc! { "getDefaultRWConcern": 1 }).await,
            kill_sessions: kill_sessions(&admin).await,
            majority: self.majority().await,
            status: answered(&admin, server_status()).await,
            oplog_bytes: self.oplog_bytes().await,
            search: self.search(pending.as_deref().unwrap_or_default()).await,
            state,
            log,
            plan,
            policies: self.policies_in_force(),
            refusals,
            pending,
        })
    }

    async fn config(&self, admin: &Database) -> Answer<Document> {
        let reply = answered(admin, doc! { "replSetGetConfig": 1 }).await?;
        let none = || ServerError::in_reply("it has no configuration", None);
        reply.get_document("config").cloned().map_err(|_| none())
    }

    async fn oplog_bytes(&self) -> Answer<u64> {
        let local = self.control.database.client().database("local");
        let reply = answered(&local, doc! { "collStats": "oplog.rs" }).await?;
        let none = || ServerError::in_reply("it tells no size", None);
        number(&reply, "maxSize").and_then(|bytes| u64::try_from(bytes).ok()).ok_or_else(none)
    }

    /// How long the commit of a transaction takes that reads one document: the server answers when a
    /// majority has the entry of that commit in its oplog. It changes no document.
    async fn majority(&self) -> Answer<Duration> {
        let mut all = Vec::with_capacity(MAJORITY_TRIES);
        for _ in 0..MAJORITY_TRIES {
            let mut session = self.control.database.client().start_session().await?;
            let concern =
                WriteConcern::builder().w(Acknowledgment::Majority).w_timeout(MAJORITY_MAX);
            // The client's own concerns do not count, as they do not in a run.
            session
                .start_transaction()
                .read_concern(ReadConcern::local())
                .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
                .write_concern(concern.build())
                .await?;
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
            Operation::Search { collection, .. } => Some(collection.clone()),
            _ => None,
        };
        let Some(collection) = operations.filter_map(needs).next() else { return Ok(()) };
        let command = doc! {
            "aggregate": collection, "pipeline": [{ "$listSearchIndexes": {} }], "cursor": {},
        };
        self.control.once(None, command).await.map(drop)
    }

    /// The collection of the audit log, if runs of this migrator write into one.
    async fn log(&self) -> Option<String> {
        let fence = read_fence(&self.control).await.ok();
        let is_on = fence.and_then(|fence| fence.audit).is_some_and(|head| head.on);
        (is_on || self.settings.audit.wanted).then(|| audit::collection(&self.control.collection))
    }

    /// Why policies refuse these steps.
    async fn refusals(&self, steps: &[Step]) -> Result<Vec<PolicyRefusal>, Error> {
        match self.refuse_by_policy(&Goal::Up(UpTarget::default()), steps).await {
            Err(Error::Policy(refusals)) => Ok(refusals),
            // A policy file that cannot be read is a finding of its own.
            Err(Error::Registry { .. }) | Ok(_) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Whether the state can be read, the steps of `up` or why it would refuse the history, and what is
    /// pending.
    async fn to_come(&self) -> (Result<(), Error>, Result<Vec<Step>, Error>, Option<Vec<Pending>>) {
        if let Err(error) = self.peek().await {
            return (Err(error), Ok(Vec::new()), None);
        }
        let history = match read_all(&self.control, None).await {
            Ok((history, _)) => history,
            Err(error) => return (Err(error), Ok(Vec::new()), None),
        };
        let goal = &Goal::Up(UpTarget::default());
        let plan = plan::plan(goal, &self.registry, &history, self.tolerances());
        let plan = plan.map(|plan| plan.steps);
        let mut pending = Vec::new();
        for migration in plan::pending(&self.registry, &history) {
            pending.push(self.pending(migration).await);
        }
        (Ok(()), plan, Some(pending))
    }

    async fn pending(&self, migration: &Migration) -> Pending {
        let operations = migration.declaration().map(change::effects::operations);
        let mut rewrites = Vec::new();
        for operation in self.operations(migration, Direction::Up).await {
            let Some(collection) = operation.collection else { continue };
            let stats = self.control.once(None, doc! { "collStats": &collection }).await.ok();
            let bytes = stats.and_then(|stats| number(&stats, "avgObjSize"));
            rewrites.push(Rewrites {
                documents: operation.documents,
                bytes_each: bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            });
        }
        let operations = operations.unwrap_or_default();
        Pending { version: migration.version(), name: migration.name(), operations, rewrites }
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
