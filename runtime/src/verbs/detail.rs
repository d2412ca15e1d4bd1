//! One migration: all that this build and the database know of it.

use mongodb::bson::doc;

use crate::{
    kinds::change::{declared, footprint::Footprint},
    model::{
        error::Error,
        lint::Lint,
        report::detail::{BackfillDetail, MigrationDetail, OperationDetail, Touched},
        state::{Direction, State},
        version::Version,
    },
    protocol::{
        checkpoint::{partition::Partition, progress::is_of},
        history::History,
        read::read_all,
        record::Record,
    },
    registry::migration::Migration,
    run::{Runner, plan::Step},
};

/// How many places of a backfill are named.
const POSITIONS_MAX: usize = 20;

impl Runner {
    /// All that is known of the migration with this version, or of the repeatable migration with this
    /// name; `None`: neither this build nor the database has it. Three round trips, and those of its
    /// lints.
    pub(crate) async fn detail(&self, which: &str) -> Result<Option<MigrationDetail>, Error> {
        let lock = self.peek().await?.lock;
        let (history, _) = read_all(&self.control, None).await?;
        let Some(version) = self.find(&history, which) else { return Ok(None) };
        let status = self.all(&history, &lock).into_iter().find(|one| one.version == version);
        let Some(status) = status else { return Ok(None) };
        let events = self.events(doc! { "_id": version.get() }).await?;
        let linked = self.registry.get(version);
        let record = history.get(version);
        let texts = |names: Vec<&'static str>| names.into_iter().map(str::to_owned).collect();
        let declare = linked.and_then(Migration::declaration);
        let found = record.map(Record::undo).unwrap_or_default();
        Ok(Some(MigrationDetail {
            database: self.database_name(),
            crate_name: linked
                .map(|one| one.crate_name().to_owned())
                .filter(|name| !name.is_empty()),
            checksum: linked.map(|one| one.checksum().into_owned()),
            recorded_checksum: record.map(|one| one.checksum.clone()),
            out_of_order: linked.is_some_and(Migration::is_out_of_order),
            writes: linked
                .map(|one| texts(one.descriptor.hints.writes.to_vec()))
                .unwrap_or_default(),
            allows: linked
                .map(|one| texts(one.descriptor.hints.allow.to_vec()))
                .unwrap_or_default(),
            operations: declare.map(operations).unwrap_or_default(),
            footprint: declare
                .and_then(|declare| Footprint::of_applied(declare, &found))
                .map(|footprint| touched(&footprint))
                .unwrap_or_default(),
            backfills: record
                .map(|record| {
                    let progress = status.progress.iter();
                    progress.map(|far| backfill(&history.backfills, record, far)).collect()
                })
                .unwrap_or_default(),
            tags: record
                .map(|one| one.tags.iter().map(|tag| tag.name.clone()).collect())
                .unwrap_or_default(),
            lints: self.lints_of_pending(linked, status.state).await?,
            events,
            status,
        }))
    }

    /// The version that a text names: a version, or the name of a repeatable migration.
    fn find(&self, history: &History, which: &str) -> Option<Version> {
        if let Ok(version) = which.parse::<Version>() {
            return (version.get() > 0).then_some(version);
        }
        let linked = self.registry.repeatable().find(|one| one.name() == which);
        let linked = linked.map(Migration::version);
        linked.or_else(|| {
            let mut records = history.records();
            let found = records.find(|one| one.version.is_repeatable() && one.name == which);
            found.map(|record| record.version)
        })
    }

    /// What a run of a pending migration could do better. What is applied already shows nothing of that.
    async fn lints_of_pending(
        &self,
        linked: Option<&Migration>,
        state: State,
    ) -> Result<Vec<Lint>, Error> {
        match (linked, state) {
            (Some(&migration), State::Pending | State::Failed) => {
                self.lints(&[Step { migration, direction: Direction::Up, resumes: false }]).await
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn operations(declare: declared::ChangeFn) -> Vec<OperationDetail> {
    let all = declared::operations(declare, Direction::Up).into_iter();
    all.map(|one| OperationDetail { forward: one.operation, back: one.undo }).collect()
}

/// What is touched, each part once.
fn touched(footprint: &Footprint) -> Vec<Touched> {
    let mut all: Vec<Touched> = Vec::new();
    for (collection, what, writes) in footprint.touched() {
        let collection = collection.map(str::to_owned);
        match all.iter_mut().find(|one| one.collection == collection && one.what == what) {
            Some(known) => known.writes |= writes,
            None => all.push(Touched { collection, what, writes }),
        }
    }
    all
}

fn backfill(
    partitions: &[Partition],
    record: &Record,
    far: &crate::model::report::status::StepProgress,
) -> BackfillDetail {
    let of_it = partitions.iter().filter(|one| {
        is_of(one, record.version, record.direction, record.started) && one.key.name == far.name
    });
    let all: Vec<&Partition> = of_it.collect();
    let open = all.iter().filter(|one| !one.done);
    let batches: i64 = all.iter().map(|one| one.batches).sum();
    BackfillDetail {
        progress: far.clone(),
        batches: u64::try_from(batches).unwrap_or(0),
        parts: all.len(),
        parts_done: all.iter().filter(|one| one.done).count(),
        positions: open
            .filter_map(|one| one.at.as_ref())
            .map(ToString::to_string)
            .take(POSITIONS_MAX)
            .collect(),
    }
}
