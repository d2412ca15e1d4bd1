//! `resolve`: an operator's word for what no process can find out.

use mongrate_seal::GROUP_DEFAULT;

use crate::{
    model::{
        error::Error,
        identity::Identity,
        named::Named,
        report::operator::RecordReport,
        state::{Resolution, State},
        version::Version,
    },
    protocol::{
        engine::Engine,
        history::History,
        record::{Record, Stored},
        record_change::RecordChange,
    },
    registry::migration::Migration,
    run::{
        Runner,
        own_thread::on_own_thread,
        plan::{self, squash::Standing},
        stand::{stand, stood_for, withdraw},
    },
};

impl Runner {
    pub(crate) async fn resolve(
        &self,
        version: Version,
        answer: Resolution,
    ) -> Result<RecordReport, Error> {
        let Some(migration) = self.registry.get(version).copied() else {
            return match answer {
                Resolution::Undone | Resolution::Pending if version.is_repeatable() => {
                    self.forget(version, answer).await
                }
                _ => Err(Error::UnknownVersion { version }),
            };
        };
        self.refuse_caller("resolve").await?;
        let (engine, history) = self.enter_own_history().await?;
        let record = history.get(version);
        let is_other =
            record.is_some_and(|record| plan::squash::is_of_the_other(record, &migration));
        let applied = record.is_some_and(Record::is_applied) && !is_other;
        if let Some((state, hint)) = left_to_a_squash(record, &migration, is_other, answer) {
            engine.close().await;
            return Err(Error::WrongState { version, state: state.as_str(), hint });
        }
        let mut digest = engine.applied();
        let (change, state) = match answer {
            Resolution::Applied if applied => {
                engine.close().await;
                return Err(already(version, State::Applied));
            }
            Resolution::Applied
                if self.registry.squash().is_some_and(|squash| {
                    squash.migration.version() == version
                        && plan::squash::standing(squash, &history) != Standing::New
                }) =>
            {
                return self.stand_for(engine, history, migration).await;
            }
            Resolution::Applied => {
                digest.add(version, &migration.checksum());
                (RecordChange::Applied { batch: engine.batch, event: "resolved" }, State::Applied)
            }
            Resolution::Pending if applied => {
                engine.close().await;
                return Err(Error::WrongState {
                    version,
                    state: State::Applied.as_str(),
                    hint: "`down` rolls it back; if its effects are gone already, because you undid \
                           them by hand or restored a backup, run `resolve --as undone`",
                });
            }
            Resolution::Undone if !applied => {
                engine.close().await;
                let state = record.map_or(State::Pending, |record| record.state.shown());
                let hint = match state {
                    State::Pending => "there is nothing to resolve",
                    _ => {
                        "it is not applied; if nothing of it is in the database, run `resolve --as pending`"
                    }
                };
                return Err(Error::WrongState { version, state: state.as_str(), hint });
            }
            Resolution::Pending
                if record.is_none_or(|record| {
                    matches!(record.state, Stored::Reverted | Stored::Cancelled | Stored::Skipped)
                }) =>
            {
                engine.close().await;
                return Err(already(version, State::Pending));
            }
            Resolution::Undone if record.is_some_and(|record| record.replaces.is_some()) => {
                return self.withdraw(engine, history, migration).await;
            }
            Resolution::Pending | Resolution::Undone => {
                if let Some(record) = record.filter(|record| record.is_applied()) {
                    digest.remove(version, &record.checksum);
                }
                (RecordChange::Withdrawn, State::Pending)
            }
        };
        self.write(engine, digest, vec![(migration.identity(), change)]).await?;
        Ok(self.recorded(state, vec![migration.named()]))
    }

    /// Records, by an operator's word, that a squash stands for what is applied.
    async fn stand_for(
        &self,
        mut engine: Box<Engine>,
        history: History,
        migration: Migration,
    ) -> Result<RecordReport, Error> {
        let Some(squash) = self.registry.squash().copied() else {
            engine.close().await;
            return Err(already(migration.version(), State::Applied));
        };
        let ended = on_own_thread(move || async move {
            let stood = stand(&mut engine, &squash, &history).await;
            engine.close().await;
            stood
        });
        ended.await.map_err(|stop| self.stopped(stop))?;
        Ok(self.recorded(State::Applied, vec![migration.named()]))
    }

    /// Records that a squash does not stand for what was applied, which is in force again.
    async fn withdraw(
        &self,
        mut engine: Box<Engine>,
        history: History,
        migration: Migration,
    ) -> Result<RecordReport, Error> {
        let version = migration.version();
        let own = history.get(version).cloned();
        let restored = own.as_ref().and_then(|own| stood_for(own, &history));
        let (Some(own), Some(restored)) = (own, restored) else {
            engine.close().await;
            return Err(Error::WrongState {
                version,
                state: State::Applied.as_str(),
                hint: "it stands for others that cannot be put in force again: the last one had this \
                       number, or one of them was half-done",
            });
        };
        let ended = on_own_thread(move || async move {
            let done = withdraw(&mut engine, &migration, &own, &restored, &history).await;
            engine.close().await;
            done
        });
        ended.await.map_err(|stop| self.stopped(stop))?;
        Ok(self.recorded(State::Pending, vec![migration.named()]))
    }

    /// Records that a repeatable migration that this build no longer has is not applied, or not
    /// half-done: every start would look for it otherwise.
    async fn forget(&self, version: Version, answer: Resolution) -> Result<RecordReport, Error> {
        self.refuse_caller("resolve").await?;
        let (engine, history) = self.enter_own_history().await?;
        let is_meant = |record: &&Record| match record.state {
            Stored::Applied => answer == Resolution::Undone,
            Stored::Running | Stored::Failed => answer == Resolution::Pending,
            _ => false,
        };
        let Some(record) = history.get(version).filter(is_meant) else {
            engine.close().await;
            return Err(Error::UnknownVersion { version });
        };
        let mut digest = engine.applied();
        if record.is_applied() {
            digest.remove(version, &record.checksum);
        }
        let named = Named { version, name: record.name.clone() };
        let identity = Identity {
            version,
            name: record.name.clone().into(),
            group: self.registry.iter().next().map_or(GROUP_DEFAULT, Migration::group),
            kind: record.kind,
            checksum: record.checksum.clone().into(),
        };
        self.write(engine, digest, vec![(identity, RecordChange::Withdrawn)]).await?;
        Ok(self.recorded(State::Pending, vec![named]))
    }
}

/// Why there is no answer for a migration that a squash stands for, or whose number a squash has.
fn left_to_a_squash(
    record: Option<&Record>,
    migration: &Migration,
    is_other: bool,
    answer: Resolution,
) -> Option<(State, &'static str)> {
    let record = record?;
    match record.state {
        Stored::Replaced => {
            Some((State::Replaced, "a squash stands for it, and its record stays as it is"))
        }
        _ if is_other && !migration.is_squash() => {
            Some((State::Replaced, "a squash has taken its number, and stands for it"))
        }
        _ if is_other && answer != Resolution::Applied => Some((
            record.state.shown(),
            "the record is that of the last migration that the squash stands for; `resolve` that one \
             with a build that has it",
        )),
        _ => None,
    }
}

fn already(version: Version, state: State) -> Error {
    Error::WrongState { version, state: state.as_str(), hint: "there is nothing to resolve" }
}
