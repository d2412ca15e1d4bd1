//! What has to be true of the database after a round, whatever happened in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use mongrate::{
    Migrator, Wait,
    bson::{Bson, Document, Timestamp, doc},
    mongodb::{
        Client, Database,
        error::{Error, ErrorKind},
    },
};

use crate::history::{EFFECTS, History, LOG, ROWS, Rows, THINGS, alone};

const CONTROL: &str = "migrations";

/// How long a command may still be at the server after its process has ended.
const LATE_MAX: Duration = Duration::from_secs(3);

/// The expected outcome of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Everything applied.
    Up,
    /// Everything applied, and then rolled back.
    Down,
    /// Everything applied, and then the second migration alone rolled back.
    Only,
}

/// The database of a round, and what is checked in it.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// The database.
    pub db: &'a Database,
    /// The migrations.
    pub history: &'a History,
    /// The expected outcome.
    pub goal: Goal,
    /// The lease of its runners.
    pub lease: Duration,
    /// When the round began; the oplog is read from there.
    pub since: Timestamp,
    /// Whether the indexes count: a DDL command of a frozen process may go out whenever it
    /// resumes, and the database cannot hold it back.
    pub indexes: bool,
}

impl Check<'_> {
    /// Everything that is not as it should be; empty when all is well.
    ///
    /// # Errors
    ///
    /// When the server cannot be read.
    pub async fn run(&self) -> Result<Vec<String>, Error> {
        let mut wrong = Vec::new();
        // First, as it would write: a final run ends with nothing pending.
        self.final_run(&mut wrong).await;
        self.effects(&mut wrong).await?;
        self.rows(&mut wrong).await?;
        self.records(&mut wrong).await?;
        self.audit(&mut wrong).await?;
        self.oplog(&mut wrong).await?;
        self.open_transactions(&mut wrong).await?;
        if self.indexes {
            self.index_names(&mut wrong).await?;
        }
        Ok(wrong)
    }

    async fn final_run(&self, wrong: &mut Vec<String>) {
        let migrator = Migrator::with(self.db, (self.history.migrations)()).wait(Wait::No);
        let ended = match self.goal {
            Goal::Up => migrator.up().await,
            Goal::Down => migrator.down().all().await,
            Goal::Only => alone(&migrator).await,
        };
        match ended {
            Ok(report) if report.is_empty() => {}
            Ok(report) => wrong.push(format!(
                "pending after a run that reported success: {:?}",
                report.versions()
            )),
            Err(error) => wrong.push(format!("stuck: a final run fails: {error}")),
        }
    }

    /// Each effect exactly once, and each saw exactly those before it.
    async fn effects(&self, wrong: &mut Vec<String>) -> Result<(), Error> {
        let expected = match self.goal {
            Goal::Up => self.history.up(),
            Goal::Down => self.history.up_down(),
            Goal::Only => self.history.up_only(),
        };
        let mut found: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for effect in all(self.db, EFFECTS).await? {
            let label = effect.get_str("label").unwrap_or_default().to_owned();
            let mut saw: Vec<String> = effect
                .get_array("saw")
                .into_iter()
                .flatten()
                .filter_map(|id| id.as_str().map(str::to_owned))
                .collect();
            saw.sort_unstable();
            found.entry(label).or_default().push(saw);
        }
        for (at, label) in expected.iter().enumerate() {
            match found.remove(label).as_deref() {
                None => wrong.push(format!("effects: {label} is missing")),
                Some([saw]) => {
                    let mut before = expected[..at].to_vec();
                    before.sort_unstable();
                    if *saw != before {
                        wrong.push(format!("order: {label} saw {saw:?}, not {before:?}"));
                    }
                }
                Some(many) => wrong.push(format!("effects: {label} is there {} times", many.len())),
            }
        }
        for label in found.keys() {
            wrong.push(format!("effects: {label} should not be there"));
        }
        Ok(())
    }

    /// Each document changed exactly once.
    async fn rows(&self, wrong: &mut Vec<String>) -> Result<(), Error> {
        if self.history.rows == Rows::None {
            return Ok(());
        }
        let fields = |row: &Document| -> BTreeMap<String, Bson> {
            row.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        let mut found: Vec<_> = all(self.db, ROWS).await?.iter().map(fields).collect();
        for row in self.history.rows.expected(self.goal == Goal::Up) {
            let row = fields(&row);
            match found.iter().position(|found| found["_id"] == row["_id"]) {
                None => wrong.push(format!("rows: {} is missing", row["_id"])),
                Some(at) => {
                    let found = found.swap_remove(at);
                    if found != row {
                        wrong.push(format!("rows: {found:?}, not {row:?}"));
                    }
                }
            }
        }
        for row in found {
            wrong.push(format!("rows: {} should not be there", row["_id"]));
        }
        Ok(())
    }

    /// The log is whole, and each migration that was applied, or rolled back, has exactly one entry that says
    /// so.
    async fn audit(&self, wrong: &mut Vec<String>) -> Result<(), Error> {
        if !self.history.audited {
            return Ok(());
        }
        match Migrator::with(self.db, (self.history.migrations)()).verify_audit().await {
            Ok(found) => {
                wrong.extend(found.breaks.iter().map(|broken| format!("audit: {broken}")));
                wrong.extend(found.gaps.iter().map(|gap| format!("audit: a gap: {}", gap.text)));
            }
            Err(error) => wrong.push(format!("audit: cannot be verified: {error}")),
        }
        let mut counts: BTreeMap<(i64, String), usize> = BTreeMap::new();
        for entry in all(self.db, LOG).await? {
            let event = entry.get_str("event").unwrap_or_default().to_owned();
            if let Ok(version) = entry.get_i64("version") {
                *counts.entry((version, event)).or_default() += 1;
            }
        }
        for migration in (self.history.migrations)() {
            let version = migration.version().get();
            let events: &[&str] = match self.goal {
                Goal::Up => &["applied"],
                Goal::Only if version != 2 => &["applied"],
                Goal::Down | Goal::Only => &["applied", "reverted"],
            };
            for event in events {
                let count = counts.remove(&(version, (*event).to_owned())).unwrap_or(0);
                if count != 1 {
                    wrong.push(format!("audit: {version} has {count} entries `{event}`"));
                }
            }
        }
        Ok(())
    }

    /// The history says what is there, fence numbers rise in the order of application, and
    /// the lock is free after a lease at the latest.
    async fn records(&self, wrong: &mut Vec<String>) -> Result<(), Error> {
        let wanted = |version: i64| match self.goal {
            Goal::Up => "applied",
            Goal::Only if version != 2 => "applied",
            Goal::Down | Goal::Only => "reverted",
        };
        let both = (self.history.migrations)().into_iter().chain((self.history.before)());
        let mut expected: BTreeSet<i64> = both.map(|migration| migration.version().get()).collect();
        let mut ordered = Vec::new();
        let mut whole = true;
        let now = self.server_time().await?;
        for record in all(self.db, CONTROL).await? {
            match record.get("_id") {
                Some(Bson::Int64(version)) => {
                    let fixed = (self.history.fixed)(*version);
                    let found = record.get_str("state").unwrap_or("none");
                    let state = fixed.unwrap_or_else(|| wanted(*version));
                    whole &= found == state;
                    if found != state {
                        wrong.push(format!("history: {version} is {found}, not {state}"));
                    }
                    if !expected.remove(version) {
                        wrong.push(format!("history: {version} is in it, unknown"));
                    }
                    if fixed.is_some() {
                        continue;
                    }
                    let number = |key: &str| record.get_i64(key).unwrap_or(-1);
                    ordered.push((*version, number("sequence"), number("fence")));
                }
                Some(Bson::String(id)) if id == "lock" => {
                    // A process that was killed just before its release leaves the lock to its lease.
                    let end = record.get_datetime("expiresAt").map(|at| at.timestamp_millis());
                    let owned = record.get_str("owner").is_ok();
                    let limit = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
                    if owned && end.unwrap_or(i64::MAX) > now.saturating_add(limit) {
                        wrong.push("lock: owned for longer than a lease".to_owned());
                    }
                }
                _ => {}
            }
        }
        for version in expected {
            wrong.push(format!("history: {version} has no record"));
        }
        ordered.sort_unstable_by_key(|(version, ..)| match self.goal {
            Goal::Up => *version,
            Goal::Down => -version,
            Goal::Only if *version == 2 => i64::MAX,
            Goal::Only => *version,
        });
        // Half-way there are two orders.
        for pair in ordered.windows(2).filter(|_| whole) {
            let ((first, sequence, fence), (second, next_sequence, next_fence)) =
                (pair[0], pair[1]);
            if sequence >= next_sequence || fence > next_fence {
                wrong.push(format!(
                    "fences: {first} has sequence {sequence}, fence {fence}; after it {second} \
                     has {next_sequence}, {next_fence}"
                ));
            }
        }
        Ok(())
    }

    /// In ms since the epoch, by the server's clock.
    async fn server_time(&self) -> Result<i64, Error> {
        let reply = self.db.run_command(doc! { "hello": 1 }).await?;
        Ok(reply.get_datetime("localTime").map_or(0, |time| time.timestamp_millis()))
    }

    /// From the oplog: whatever changed a record was committed under the fence that was in
    /// force at its place in the oplog.
    async fn oplog(&self, wrong: &mut Vec<String>) -> Result<(), Error> {
        let control = format!("{}.{CONTROL}", self.db.name());
        let filter = doc! {
            "ts": { "$gte": self.since },
            "$or": [{ "ns": &control }, { "o.applyOps.ns": &control }],
        };
        let oplog = self.db.client().database("local").collection::<Document>("oplog.rs");
        let mut entries = oplog.find(filter).await?;
        let (mut raised, mut stamps) = (0_i64, BTreeMap::<i64, i64>::new());
        let mut marks = BTreeMap::<String, i64>::new();
        while entries.advance().await? {
            let entry = entries.deserialize_current()?;
            let body = entry.get_document("o");
            let many = body.ok().and_then(|body| body.get_array("applyOps").ok());
            let writes: Vec<&Document> = match many {
                Some(many) => many.iter().filter_map(Bson::as_document).collect(),
                None => vec![&entry],
            };
            for write in writes {
                if write.get_str("ns").is_ok_and(|ns| ns != control) {
                    continue;
                }
                let Ok(body) = write.get_document("o") else { continue };
                let id = write.get_document("o2").ok().and_then(|key| key.get("_id"));
                let fence = written(body, "fence");
                match (id.or(body.get("_id")), fence) {
                    (Some(Bson::String(id)), Some(fence)) if id == "fence" => {
                        if fence < raised {
                            wrong.push(format!("fences: lowered from {raised} to {fence}"));
                        }
                        raised = fence;
                    }
                    (Some(Bson::Int64(version)), fence) => {
                        let touches = fence.is_some() || written(body, "sequence").is_some();
                        if let Some(fence) = fence {
                            stamps.insert(*version, fence);
                        }
                        let stamp = stamps.get(version).copied().unwrap_or(raised);
                        if touches && raised > 0 && stamp != raised {
                            wrong.push(format!(
                                "fences: {version} was committed under {stamp} when {raised} \
                                 was in force"
                            ));
                        }
                    }
                    // A backfill's checkpoint: it is raised before the fence is.
                    (Some(Bson::String(id)), fence) if id.starts_with("backfill") => {
                        let stamp = marks.entry(id.clone()).or_insert(raised);
                        *stamp = fence.unwrap_or(*stamp);
                        if written(body, "batches").is_some() && *stamp != raised {
                            wrong.push(format!(
                                "fences: a batch of `{id}` was committed under {stamp} when \
                                 {raised} was in force"
                            ));
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// One that is left stays for a minute; what a process sent at its very end may still be about
    /// to be refused, on a busy machine.
    async fn open_transactions(&self, wrong: &mut Vec<String>) -> Result<(), Error> {
        let (client, app) = (self.db.client(), self.db.name());
        let mut left = open_transactions(client, app).await?;
        let begun = Instant::now();
        while !left.is_empty() && begun.elapsed() < LATE_MAX {
            tokio::time::sleep(LATE_MAX / 20).await;
            let now = open_transactions(client, app).await?;
            left.retain(|open| now.contains(open));
        }
        for open in left {
            wrong.push(format!("open: a transaction is left: {open}"));
        }
        Ok(())
    }

    async fn index_names(&self, wrong: &mut Vec<String>) -> Result<(), Error> {
        let expected: BTreeSet<String> = match self.goal {
            Goal::Up => self.history.indexes.iter().map(|&name| name.to_owned()).collect(),
            Goal::Down | Goal::Only => BTreeSet::new(),
        };
        let things = self.db.collection::<Document>(THINGS);
        let found = match things.list_index_names().await {
            Ok(found) => found.into_iter().filter(|name| name != "_id_").collect(),
            // NamespaceNotFound.
            Err(error) if matches!(&*error.kind, ErrorKind::Command(one) if one.code == 26) => {
                BTreeSet::new()
            }
            Err(error) => return Err(error),
        };
        if found != expected {
            wrong.push(format!("indexes: {found:?}, not {expected:?}"));
        }
        Ok(())
    }
}

/// The transactions that clients with this app name have open.
///
/// # Errors
///
/// When the server cannot be read.
pub async fn open_transactions(client: &Client, app: &str) -> Result<Vec<String>, Error> {
    let pipeline = [
        doc! { "$currentOp": { "allUsers": true, "idleSessions": true } },
        doc! { "$match": { "appName": app, "transaction.parameters.txnNumber": { "$exists": true },
        "transaction.parameters.autocommit": false } },
    ];
    let mut found = client.database("admin").aggregate(pipeline).await?;
    let mut open = Vec::new();
    while found.advance().await? {
        let session = found.deserialize_current()?;
        open.push(format!("{:?}", session.get("lsid")));
    }
    Ok(open)
}

/// The value that an oplog entry writes to a field: inserted, replaced, or a delta.
fn written(body: &Document, key: &str) -> Option<i64> {
    let diff = body.get_document("diff").ok();
    let parts = [
        diff.and_then(|diff| diff.get_document("u").ok()),
        diff.and_then(|diff| diff.get_document("i").ok()),
        body.get_document("$set").ok(),
        diff.is_none().then_some(body),
    ];
    parts.into_iter().flatten().find_map(|part| match part.get(key)? {
        Bson::Int64(number) => Some(*number),
        Bson::Int32(number) => Some(i64::from(*number)),
        _ => None,
    })
}

/// Every document of a collection.
///
/// # Errors
///
/// When the server cannot be read.
pub async fn all(db: &Database, collection: &str) -> Result<Vec<Document>, Error> {
    let mut cursor = db.collection::<Document>(collection).find(doc! {}).await?;
    let mut found = Vec::new();
    while cursor.advance().await? {
        found.push(cursor.deserialize_current()?);
    }
    Ok(found)
}
