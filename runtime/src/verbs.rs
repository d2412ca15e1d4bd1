//! The verbs that run no migration: they read the history, or only write records.

use mongodb::bson::doc;

use crate::{
    Direction, Error, Migration, Resolution, Version, backfill,
    change::turn::{HalfWay, half_way},
    checksum::Digest,
    engine::{Engine, Stop, on_own_thread, read_all},
    error::Named,
    fence,
    history::{self, Change, History, Record, Stored},
    lease, meter,
    plan::{self, Goal, UpTarget},
    report::{
        CheckReport, HalfDone, HistoryReport, LockReport, MigrationStatus, RecordReport,
        RepairReport, State, StatusReport, UnlockReport,
    },
    runner::Runner,
};

impl Runner {
    pub(crate) async fn status(&self) -> Result<StatusReport, Error> {
        let peek = self.peek().await?;
        let (history, _) = read_all(&self.control, None).await?;
        let mut migrations: Vec<MigrationStatus> = self
            .registry
            .iter()
            .map(|one| shown(Some(one), history.get(one.version()), &history))
            .collect();
        migrations.extend(
            history
                .records()
                .filter(|record| self.registry.get(record.version).is_none())
                .map(|record| shown(None, Some(record), &history)),
        );
        migrations.sort_by_key(|one| one.version);
        let applied = migrations.iter().filter(|one| one.state == State::Applied).count();
        let pending = plan::pending(&self.registry, &history).count();
        meter::counted(&self.settings.group, self.control.database.name(), applied, pending);
        Ok(StatusReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            collection: self.control.collection.clone(),
            applied,
            pending,
            migrations,
            lock: peek.lock,
        })
    }

    pub(crate) async fn history(&self) -> Result<HistoryReport, Error> {
        self.peek().await?;
        let found = self
            .control
            .find(None, doc! { "events": { "$exists": true } }, doc! { "name": 1, "events": 1 })
            .await
            .map_err(|error| Error::server("read the history", error))?;
        let mut events: Vec<_> = found.iter().flat_map(history::events).collect();
        // One run may record several in the same millisecond: then the older version first.
        events.sort_by_key(|event| (event.at, event.fence, event.version));
        let group = self.settings.group.clone();
        Ok(HistoryReport { group, database: self.database_name(), events })
    }

    pub(crate) async fn check(
        &self,
        strict: bool,
        allow_pending: bool,
    ) -> Result<CheckReport, Error> {
        self.peek().await?;
        let (history, _) = read_all(&self.control, None).await?;
        let goal = Goal::Up(UpTarget::default());
        let plan = plan::plan(goal, &self.registry, &history, self.policies())?;
        self.warn_ahead(&plan.ahead);
        let pending: Vec<Named> = plan::pending(&self.registry, &history).map(named).collect();
        if strict {
            let lints = self.lints(&plan.steps).await?;
            if !lints.is_empty() {
                return Err(Error::Lints(lints));
            }
        }
        if !pending.is_empty() && !allow_pending {
            return Err(Error::Pending { versions: pending });
        }
        Ok(CheckReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            pending,
            applied: history.records().filter(|record| record.is_applied()).count(),
            ahead: plan.ahead,
        })
    }

    pub(crate) async fn baseline(&self, version: Version) -> Result<RecordReport, Error> {
        if self.registry.get(version).is_none() {
            return Err(Error::UnknownVersion { version });
        }
        let (engine, history) = self.enter_to_record().await?;
        let chosen: Vec<Migration> = plan::pending(&self.registry, &history)
            .filter(|one| one.version() <= version)
            .copied()
            .collect();
        let mut digest = engine.applied();
        for one in &chosen {
            digest.add(one.version(), &one.checksum());
        }
        let batch = engine.batch;
        let changes: Vec<(Migration, Change<'static>)> =
            chosen.iter().map(|one| (*one, Change::Applied { batch, event: "baseline" })).collect();
        self.write(engine, digest, changes).await?;
        Ok(self.recorded(State::Applied, chosen.iter().map(named).collect()))
    }

    pub(crate) async fn resolve(
        &self,
        version: Version,
        answer: Resolution,
    ) -> Result<RecordReport, Error> {
        let Some(migration) = self.registry.get(version).copied() else {
            return Err(Error::UnknownVersion { version });
        };
        let (engine, history) = self.enter_to_record().await?;
        let record = history.get(version);
        let applied = record.is_some_and(Record::is_applied);
        let mut digest = engine.applied();
        let (change, state) = match answer {
            Resolution::Applied if applied => {
                engine.close().await;
                return Err(already(version, State::Applied));
            }
            Resolution::Applied => {
                digest.add(version, &migration.checksum());
                (Change::Applied { batch: engine.batch, event: "resolved" }, State::Applied)
            }
            Resolution::Pending
                if record.is_none_or(|record| {
                    matches!(record.state, Stored::Reverted | Stored::Cancelled)
                }) =>
            {
                engine.close().await;
                return Err(already(version, State::Pending));
            }
            Resolution::Pending => {
                if let Some(record) = record.filter(|record| record.is_applied()) {
                    digest.remove(version, &record.checksum);
                }
                (Change::Withdrawn, State::Pending)
            }
        };
        self.write(engine, digest, vec![(migration, change)]).await?;
        Ok(self.recorded(state, vec![named(&migration)]))
    }

    pub(crate) async fn repair(&self, write: bool) -> Result<RepairReport, Error> {
        let report = |checksums, digest_rebuilt, written| RepairReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            checksums,
            digest_rebuilt,
            written,
        };
        if !write {
            self.peek().await?;
            let (history, fence) = read_all(&self.control, None).await?;
            let rebuild = damaged(&history, fence.applied);
            return Ok(report(plan::drift(&self.registry, &history), rebuild, false));
        }
        let (engine, history) = self.enter_to_record().await?;
        let drift = plan::drift(&self.registry, &history);
        let rebuild = damaged(&history, engine.found);
        let mut digest = history.digest();
        for one in &drift {
            digest.remove(one.version, &one.applied);
            digest.add(one.version, &one.linked);
        }
        let changes: Vec<(Migration, Change<'static>)> = drift
            .iter()
            .filter_map(|one| Some((*self.registry.get(one.version)?, Change::Checksum)))
            .collect();
        if changes.is_empty() && !rebuild {
            engine.close().await;
        } else {
            self.write(engine, digest, changes).await?;
        }
        Ok(report(drift, rebuild, true))
    }

    pub(crate) async fn lock_status(&self) -> Result<LockReport, Error> {
        Ok(self.peek().await?.lock)
    }

    pub(crate) async fn force_unlock(&self, fence: i64) -> Result<UnlockReport, Error> {
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
        if !lease::force_release(&self.control, &self.who, fence).await? {
            return Err(mismatch(&self.peek().await?.lock));
        }
        tracing::warn!(target: "mongrate", fence, "the lock was taken away by an operator");
        Ok(UnlockReport { fence, was_live: lock.held, holder: lock.holder })
    }

    pub(crate) async fn write(
        &self,
        mut engine: Box<Engine>,
        digest: Digest,
        changes: Vec<(Migration, Change<'static>)>,
    ) -> Result<(), Error> {
        let ended = on_own_thread(move || async move {
            let ended = engine.record_all(digest, &changes).await;
            engine.close().await;
            ended
        })
        .await;
        ended.map_err(|stop| self.stopped(stop))
    }

    fn stopped(&self, stop: Stop) -> Error {
        match stop {
            Stop::Server(error) | Stop::Unknown(error) => error,
            Stop::Body(error) => match error.downcast::<crate::ServerError>() {
                Ok(error) => Error::server("write the records", *error),
                Err(error) => {
                    Error::Corrupt { id: fence::ID.to_owned(), problem: error.to_string() }
                }
            },
            Stop::Cancelled | Stop::Lost | Stop::TakenBack => {
                let report = Box::new(self.empty_report());
                match stop {
                    Stop::Cancelled => Error::Cancelled { report },
                    _ => Error::LockLost { report },
                }
            }
        }
    }

    fn recorded(&self, state: State, migrations: Vec<Named>) -> RecordReport {
        let group = self.settings.group.clone();
        RecordReport { group, database: self.database_name(), state, migrations }
    }
}

/// What can be done about a migration that is half-way.
fn half_done(linked: &Migration, record: &Record) -> Option<HalfDone> {
    let half_way = half_way(linked, record)?;
    let has_rollback = linked.is_reversible();
    Some(match half_way {
        HalfWay::Up { can_go_back } => HalfDone {
            direction: Direction::Up,
            up: true,
            gives_up_rollback: false,
            down: can_go_back && has_rollback,
        },
        HalfWay::FailedRollback { can_go_forward } => HalfDone {
            direction: Direction::Down,
            up: true,
            gives_up_rollback: can_go_forward,
            down: has_rollback,
        },
        HalfWay::Rollback => HalfDone {
            direction: Direction::Down,
            up: true,
            gives_up_rollback: false,
            down: has_rollback,
        },
    })
}

/// Whether the fence's digest is not that of the records.
fn damaged(history: &History, stored: Option<Digest>) -> bool {
    stored.unwrap_or_default() != history.digest()
}

fn already(version: Version, state: State) -> Error {
    Error::WrongState { version, state: state.as_str(), hint: "there is nothing to resolve" }
}

fn named(one: &Migration) -> Named {
    Named { version: one.version(), name: one.name().to_owned() }
}

fn shown(
    linked: Option<&Migration>,
    record: Option<&Record>,
    history: &History,
) -> MigrationStatus {
    let applied = record.filter(|record| record.is_applied());
    let name = linked.map(|one| one.name().to_owned());
    MigrationStatus {
        version: linked
            .map(Migration::version)
            .or(record.map(|one| one.version))
            .unwrap_or(Version::new(0)),
        name: name.or_else(|| record.map(|one| one.name.clone())).unwrap_or_default(),
        state: record.map_or(State::Pending, |record| {
            // A rollback that failed is no run that is at work.
            let has_failed = record.is_interrupted_rollback() && record.failure.is_some();
            if has_failed { State::Failed } else { record.state.shown() }
        }),
        kind: linked
            .map(Migration::kind)
            .or(record.map(|one| one.kind))
            .unwrap_or(crate::MigrationKind::Transaction),
        reversible: linked.is_some_and(Migration::is_reversible),
        linked: linked.is_some(),
        drifted: match (linked, applied) {
            (Some(linked), Some(applied)) => linked.checksum() != applied.checksum,
            _ => false,
        },
        batch: applied.and_then(|one| one.batch),
        applied_at: applied.and_then(|one| one.applied_at),
        duration_ms: applied.and_then(|one| one.duration_ms),
        by: applied.and_then(|one| one.by.clone()),
        failure: record.and_then(|one| one.failure.clone()),
        half_done: linked.zip(record).and_then(|(linked, record)| half_done(linked, record)),
        finished_steps: record
            .filter(|one| one.state != Stored::Applied)
            .map(|one| one.steps.clone())
            .unwrap_or_default(),
        progress: record
            .filter(|one| !matches!(one.state, Stored::Applied | Stored::Reverted))
            .map(|one| {
                let Record { version, direction, started, .. } = one;
                backfill::progress(&history.backfills, *version, *direction, *started)
            })
            .unwrap_or_default(),
        source: linked.map(Migration::source),
    }
}
