//! The verbs that run no migration: they read the history, or only write records.
//!
//! Imports: mongo, model, telemetry, protocol, kinds, registry, run.

pub(crate) mod audit;
pub(crate) mod detail;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod purge;
mod resolve;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod schema_at;
pub(crate) mod status;
pub(crate) mod steer;
pub(crate) mod tag;
pub(crate) mod wait;

use mongodb::bson::Document;

use crate::{
    model::{
        digest::Digest,
        error::Error,
        identity::Identity,
        named::{Named, Renamed},
        report::{
            operator::{RecordReport, RepairReport, UnlockReport},
            plan::CheckReport,
            status::LockReport,
        },
        state::State,
        version::Version,
    },
    protocol::{
        audit::{self as protocol_audit, entry::Note, noted},
        engine::Engine,
        fence,
        history::History,
        lease,
        read::read_all,
        record_change::{self, RecordChange},
        stop::StopReason,
    },
    registry::migration::Migration,
    run::{
        Runner,
        own_thread::on_own_thread,
        plan::{self, Goal, Step, UpTarget},
    },
    telemetry::{IN_THE_REPORT, metrics},
};

impl Runner {
    pub(crate) async fn check(
        &self,
        strict: bool,
        allow_pending: bool,
    ) -> Result<CheckReport, Error> {
        let (report, steps) = self.compared().await?;
        self.refuse_denied(&steps).await?;
        if strict {
            let lints = self.lints(&steps).await?;
            if !lints.is_empty() {
                return Err(Error::Lints(lints));
            }
        }
        if allow_pending { Ok(report) } else { refuse_pending(report) }
    }

    /// What a start checks. Lints are nothing to it: it applies nothing.
    pub(crate) async fn check_at_start(&self) -> Result<CheckReport, Error> {
        refuse_pending(self.compared().await?.0)
    }

    /// The same without the look at whose collection it is.
    pub(in crate::verbs) async fn check_history(&self) -> Result<CheckReport, Error> {
        refuse_pending(self.compared_history().await?.0)
    }

    /// How the history compares with this build, and what `up` would run.
    async fn compared(&self) -> Result<(CheckReport, Vec<Step>), Error> {
        self.peek().await?;
        self.compared_history().await
    }

    async fn compared_history(&self) -> Result<(CheckReport, Vec<Step>), Error> {
        let (history, _) = read_all(&self.control, None).await?;
        let pending: Vec<Named> =
            plan::pending(&self.registry, &history).map(Migration::named).collect();
        let applied = history.records().filter(|record| record.is_applied()).count();
        // Before the plan, so that a history that is refused is counted, too.
        let database = self.control.database.name();
        metrics::counted(&self.settings.group, database, applied, pending.len());
        let goal = &Goal::Up(UpTarget::default());
        let plan = plan::plan(goal, &self.registry, &history, self.tolerances())?;
        self.warn_ahead(&plan.ahead);
        let report = CheckReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            pending,
            applied,
            ahead: plan.ahead,
        };
        Ok((report, plan.steps))
    }

    pub(crate) async fn baseline(&self, version: Version) -> Result<RecordReport, Error> {
        if !self.registry.has_version(version) {
            return Err(Error::UnknownVersion { version });
        }
        self.refuse_caller("baseline").await?;
        let (engine, history) = self.enter_own_history().await?;
        let chosen = match plan::baseline::baseline(&self.registry, &history, version) {
            Ok(chosen) => chosen,
            Err(error) => {
                engine.close().await;
                return Err(error);
            }
        };
        let mut digest = engine.applied();
        for one in &chosen {
            digest.add(one.version(), &one.checksum());
        }
        let batch = engine.batch;
        // What the labels leave out has had its turn.
        let note = self.registry.labels().note();
        let skipped = plan::skipped(&self.registry, &history, chosen.last());
        let skip = |one: &Migration| (one.identity(), RecordChange::Skipped { note: &note });
        let apply =
            |one: &Migration| (one.identity(), RecordChange::Applied { batch, event: "baseline" });
        let changes: Vec<(Identity, RecordChange<'_>)> =
            skipped.iter().map(skip).chain(chosen.iter().map(apply)).collect();
        self.write(engine, digest, changes).await?;
        Ok(self.recorded(State::Applied, chosen.iter().map(Migration::named).collect()))
    }

    pub(crate) async fn repair(
        &self,
        renamed: &[Version],
        write: bool,
    ) -> Result<RepairReport, Error> {
        let report = |renamed, checksums, digest_rebuilt, written| RepairReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            checksums,
            renamed,
            digest_rebuilt,
            written,
        };
        if !write {
            self.peek().await?;
            let (history, fence) = read_all(&self.control, None).await?;
            let renamed = self.renamed(&history, renamed)?;
            let rebuild = damaged(&history, fence.applied);
            return Ok(report(renamed, plan::drift(&self.registry, &history), rebuild, false));
        }
        self.refuse_caller("repair").await?;
        let (engine, history) = self.enter_to_record().await?;
        let renamed = match self.renamed(&history, renamed) {
            Ok(renamed) => renamed,
            Err(error) => {
                engine.close().await;
                return Err(error);
            }
        };
        let drift = plan::drift(&self.registry, &history);
        let rebuild = damaged(&history, engine.found);
        let mut digest = history.digest();
        for one in &drift {
            digest.remove(one.version, &one.applied);
            digest.add(one.version, &one.linked);
        }
        let is_renamed = |version| renamed.iter().any(|one| one.version == version);
        let edited = drift.iter().map(|one| one.version).filter(|version| !is_renamed(*version));
        let changes: Vec<(Identity, RecordChange<'static>)> = renamed
            .iter()
            .map(|one| one.version)
            .chain(edited)
            .filter_map(|version| {
                let change = RecordChange::Checksum { renamed: is_renamed(version) };
                Some((self.registry.get(version)?.identity(), change))
            })
            .collect();
        if changes.is_empty() && !rebuild {
            engine.close().await;
        } else {
            self.write(engine, digest, changes).await?;
        }
        Ok(report(renamed, drift, rebuild, true))
    }

    /// The migrations that were renamed. Refused unless they are exactly those that the caller
    /// named.
    fn renamed(&self, history: &History, named: &[Version]) -> Result<Vec<Renamed>, Error> {
        let (renamed, others): (Vec<Renamed>, Vec<Renamed>) =
            plan::renamed(&self.registry, history)
                .into_iter()
                .partition(|renamed| named.contains(&renamed.version));
        if !others.is_empty() {
            return Err(Error::Renamed(others));
        }
        for version in named {
            if self.registry.get(*version).is_none() {
                return Err(Error::UnknownVersion { version: *version });
            }
            if !renamed.iter().any(|one| one.version == *version) {
                return Err(Error::WrongState {
                    version: *version,
                    state: "recorded under the name that it has in this build, or not at all",
                    hint: "there is nothing to rename",
                });
            }
        }
        Ok(renamed)
    }

    /// Takes the lock for the verbs that only record, if the history belongs to this build.
    pub(crate) async fn enter_own_history(&self) -> Result<(Box<Engine>, History), Error> {
        let (engine, history) = self.enter_to_record().await?;
        match plan::refuse_renamed(&self.registry, &history) {
            Ok(()) => {
                self.warn_unlogged(&engine);
                Ok((engine, history))
            }
            Err(error) => {
                engine.close().await;
                Err(error)
            }
        }
    }

    pub(crate) async fn lock_status(&self) -> Result<LockReport, Error> {
        Ok(self.peek().await?.lock)
    }

    pub(crate) async fn force_unlock(&self, fence: i64) -> Result<UnlockReport, Error> {
        self.refuse_caller("force_unlock").await?;
        let lock = self.peek().await?.lock;
        let mismatch = |lock: &LockReport| Error::FenceMismatch {
            asked: fence,
            found: match &lock.holder {
                Some(holder) => format!("it is at fence {}, held by {holder}", lock.fence),
                None => format!("it is free, last at fence {}", lock.fence),
            },
        };
        if lock.fence != fence || lock.holder.is_none() {
            return Err(mismatch(&lock));
        }
        if !lease::force_release(
            &self.control,
            &self.who,
            self.settings.audit.user.as_deref(),
            fence,
        )
        .await?
        {
            return Err(mismatch(&self.peek().await?.lock));
        }
        tracing::warn!(name: IN_THE_REPORT, target: "mongrate", fence, "the lock was taken away by an operator");
        Ok(UnlockReport { fence, was_live: lock.held, holder: lock.holder })
    }

    pub(crate) async fn write(
        &self,
        engine: Box<Engine>,
        digest: Digest,
        changes: Vec<(Identity, RecordChange<'_>)>,
    ) -> Result<(), Error> {
        let stamp = engine.stamp();
        let all = changes.iter();
        let statements = all
            .clone()
            .map(|(migration, change)| record_change::statement(migration, change, &stamp))
            .collect();
        let mut notes: Vec<Note> =
            all.filter_map(|(migration, change)| noted::note(migration, change, &stamp)).collect();
        if changes.is_empty() {
            notes.push(Note::new(protocol_audit::DIGEST_REBUILT));
        }
        self.write_all(engine, digest, statements, notes).await
    }

    /// Writes statements of records in one guarded transaction, and gives the lock back.
    pub(crate) async fn write_all(
        &self,
        mut engine: Box<Engine>,
        digest: Digest,
        statements: Vec<Document>,
        notes: Vec<Note>,
    ) -> Result<(), Error> {
        let ended = on_own_thread(move || async move {
            let ended = engine.write_all(digest, statements, notes).await;
            match &ended {
                Err(StopReason::Server(error)) => engine.give_up(error).await,
                _ => engine.close().await,
            }
            ended
        })
        .await;
        ended.map_err(|stop| self.stopped(stop))
    }

    pub(crate) fn stopped(&self, stop: StopReason) -> Error {
        match stop {
            StopReason::Server(error) | StopReason::Unknown(error) => error,
            StopReason::Body(error) => {
                match error.downcast::<crate::mongo::server_error::ServerError>() {
                    Ok(error) => Error::server("write the records", *error),
                    Err(error) => Error::Corrupt {
                        collection: None,
                        id: fence::ID.to_owned(),
                        problem: error.to_string(),
                    },
                }
            }
            StopReason::Cancelled | StopReason::Lost | StopReason::TakenBack => {
                let report = Box::new(self.empty_report());
                match stop {
                    StopReason::Cancelled => Error::Cancelled { report },
                    _ => Error::LockLost { report, taken_by: None },
                }
            }
        }
    }

    pub(in crate::verbs) fn recorded(&self, state: State, migrations: Vec<Named>) -> RecordReport {
        let group = self.settings.group.clone();
        RecordReport { group, database: self.database_name(), state, migrations }
    }
}

fn refuse_pending(report: CheckReport) -> Result<CheckReport, Error> {
    if report.pending.is_empty() {
        return Ok(report);
    }
    Err(Error::Pending { versions: report.pending })
}

/// Whether the digest in the fence differs from that of the records.
fn damaged(history: &History, stored: Option<Digest>) -> bool {
    stored.unwrap_or_default() != history.digest()
}
