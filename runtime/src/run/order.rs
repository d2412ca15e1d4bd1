//! The order across groups, by what is applied when a run begins.

use std::collections::{BTreeMap, BTreeSet};

use mongodb::bson::{Bson, Document, doc};

use super::{Runner, plan::Step};
use crate::{
    model::{
        error::Error,
        named::{ComesAfter, Named},
        state::Direction,
        version::Version,
    },
    mongo::reply::number,
    protocol::{control::Control, record::Stored},
    registry::{after, migration::Migration},
};

impl Runner {
    /// Refuses steps up that come after migrations of other groups that are not applied, and steps
    /// down that applied migrations of other groups come after. One read for each group that is named;
    /// none if no migration names one.
    ///
    /// The other groups are not locked: a process that rolls back what is looked at here, just then,
    /// breaks the order.
    pub(crate) async fn refuse_out_of_order_across(&self, steps: &[Step]) -> Result<(), Error> {
        if self.settings.unthrottled {
            return Ok(());
        }
        for direction in [Direction::Up, Direction::Down] {
            let steps = steps.iter().filter(|step| step.direction == direction);
            let orders: Vec<ComesAfter> = match direction {
                Direction::Up => steps.flat_map(|step| self.before(step)).collect(),
                Direction::Down => steps.flat_map(|step| self.behind(step)).collect(),
            };
            let broken = self.broken_orders(orders, direction).await?;
            if !broken.is_empty() {
                let groups = self.registry.groups();
                return Err(Error::ComesAfter { orders: broken, direction, groups });
            }
        }
        Ok(())
    }

    fn before(&self, step: &Step) -> Vec<ComesAfter> {
        let firsts = after::firsts(&step.migration).into_iter();
        let order = |(other_group, other_version)| ComesAfter {
            group: step.migration.group().to_owned(),
            migration: step.migration.named(),
            other_group,
            other_version,
        };
        firsts.map(order).collect()
    }

    fn behind(&self, step: &Step) -> Vec<ComesAfter> {
        let later = self.registry.later_than(&step.migration).into_iter();
        // What is repeatable is never rolled back, so nobody could make room.
        let later = later.filter(|later| !later.is_repeatable());
        let order = |later: Migration| ComesAfter {
            group: later.group().to_owned(),
            migration: later.named(),
            other_group: step.migration.group().to_owned(),
            other_version: step.migration.version(),
        };
        later.map(order).collect()
    }

    /// Those of the orders that the records of the other groups break.
    async fn broken_orders(
        &self,
        orders: Vec<ComesAfter>,
        direction: Direction,
    ) -> Result<Vec<ComesAfter>, Error> {
        let mut asked: BTreeMap<&str, BTreeSet<Version>> = BTreeMap::new();
        for order in &orders {
            let (group, version) = other(order, direction);
            asked.entry(group).or_default().insert(version);
        }
        let mut applied: BTreeSet<(String, Version)> = BTreeSet::new();
        for (group, versions) in asked {
            let control = Control::new(
                &self.control.database,
                self.settings.collection_of(group),
                self.settings.retries,
            );
            let ids: Vec<Bson> = versions.iter().map(|version| version.get().into()).collect();
            let filter = doc! { "_id": { "$in": ids }, "$or": counted(direction) };
            let found = control.find(None, filter, doc! { "_id": 1 }).await;
            let found =
                found.map_err(|error| Error::server("read the history of another group", error))?;
            let found = found.iter().filter_map(|record| number(record, "_id"));
            applied.extend(found.map(|version| (group.to_owned(), Version::new(version))));
        }
        let is_broken = |order: &ComesAfter| {
            let (group, version) = other(order, direction);
            applied.contains(&(group.to_owned(), version)) == (direction == Direction::Down)
        };
        Ok(orders.into_iter().filter(is_broken).collect())
    }
}

/// The records that count: what a squash stands for is there. Going up, one that the labels of its
/// group leave out has had its turn. Going down, of one that runs, or that failed after a step, a part
/// is there.
fn counted(direction: Direction) -> Vec<Document> {
    let states = |states: &[Stored]| -> Document {
        let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
        doc! { "state": { "$in": states } }
    };
    match direction {
        Direction::Up => vec![states(&[Stored::Applied, Stored::Replaced, Stored::Skipped])],
        Direction::Down => vec![
            states(&[Stored::Applied, Stored::Replaced, Stored::Running]),
            doc! { "state": Stored::Failed.as_str(), "steps.0": { "$exists": true } },
        ],
    }
}

/// The migration of the other group that a run in this direction looks for.
fn other(order: &ComesAfter, direction: Direction) -> (&str, Version) {
    let ComesAfter { group, migration: Named { version, .. }, other_group, other_version } = order;
    match direction {
        Direction::Up => (other_group, *other_version),
        Direction::Down => (group, *version),
    }
}
