//! The broken variants of the guard and the commit: see `protocol/mutant.rs`.

use mongodb::bson::{Document, doc};

use super::{Engine, attempts::Attempts};
use crate::{
    mongo::{reply, server_error::ServerError},
    protocol::{
        fence,
        mutant::{self, Mutant},
        record_change,
    },
};

impl Engine {
    /// Breaks the guard. `false`: the broken guard did not match.
    pub(super) async fn guard_mutated(
        &mut self,
        statements: &mut Vec<Document>,
    ) -> Result<bool, ServerError> {
        let mine = doc! { "_id": fence::ID, "fence": self.lease.fence };
        if mutant::is(Mutant::NoFence) {
            statements.clear();
        } else if mutant::is(Mutant::FenceOnlyRead) {
            statements.clear();
            let find = doc! { "find": &self.control.collection, "filter": mine, "limit": 1 };
            let reply = self.control.once(Some(&mut self.session), find).await?;
            return Ok(reply::first_batch(&reply).next().is_some());
        } else if mutant::is(Mutant::GuardGoesOn) {
            statements[0].remove("upsert");
        } else if mutant::is(Mutant::FenceNoOpSet) {
            let same = doc! { "$set": { "fence": self.lease.fence } };
            *statements = vec![doc! { "q": mine, "u": same }];
        }
        Ok(true)
    }

    /// Writes what the broken guard left out, after the commit.
    pub(super) async fn committed_mutated(&mut self, attempts: &Attempts<'_>) {
        let without = [Mutant::NoFence, Mutant::FenceOnlyRead, Mutant::FenceNoOpSet]
            .into_iter()
            .any(mutant::is);
        let mut statements = Vec::new();
        if without {
            statements.push(doc! {
                "q": { "_id": fence::ID, "fence": self.lease.fence },
                "u": { "$inc": { "guards": 1_i64 }, "$set": { "applied": attempts.change.digest.to_document() } },
            });
        }
        if let (true, Some((migration, change))) =
            (mutant::is(Mutant::HistoryOutside), attempts.change.records.first())
        {
            statements.push(record_change::statement(migration, change, &self.stamp()));
        }
        if !statements.is_empty() {
            let command = self.control.majority_update(statements);
            let _ = self.control.retrying(None, command).await;
        }
    }
}
