//! `doctor`: what the server is, what this user may do, and what that means for the migrations.

mod ask;
mod facts;
mod finding;
mod judge;
mod tested;

use std::time::Duration;

use self::{
    facts::Facts,
    judge::{feature_version, oplog_window_s},
};
use crate::{
    model::{
        error::{Error, kind::Kind},
        report::doctor::{DoctorCheck, DoctorReport, DoctorServer},
    },
    mongo::{
        product::Product,
        reply::{cache_bytes, number},
    },
    run::Runner,
};

impl Runner {
    pub(crate) async fn doctor(&self) -> Result<DoctorReport, Error> {
        let facts = match self.facts().await {
            Ok(facts) => facts,
            // The driver does not speak to it.
            Err(Error::UnsupportedServer { reason }) => return Ok(self.too_old(reason)),
            Err(error) => return Err(error),
        };
        Ok(DoctorReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            findings: judge::judge(&facts),
            server: server(&facts),
        })
    }
}

impl Runner {
    fn too_old(&self, reason: String) -> DoctorReport {
        let found = finding::error(DoctorCheck::Server, Kind::Unavailable, reason);
        DoctorReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            server: DoctorServer {
                product: Product::MongoDb.name().to_owned(),
                ..DoctorServer::default()
            },
            findings: vec![
                found
                    .means("migrations are refused before the first write")
                    .way_out("MongoDB 4.4 or newer"),
            ],
        }
    }
}

fn server(facts: &Facts) -> DoctorServer {
    let version = facts.build_info.get_str("version").unwrap_or_default().to_owned();
    let lifetime = facts.parameters.as_ref().ok();
    let lifetime = lifetime.and_then(|it| number(it, "transactionLifetimeLimitSeconds"));
    let status = facts.status.as_ref().ok();
    DoctorServer {
        product: Product::recognise(&facts.hello, &facts.build_info).name().to_owned(),
        version,
        feature_version: feature_version(facts),
        user: facts.privileges.as_ref().ok().and_then(|user| user.users.first().cloned()),
        round_trip_ms: milliseconds(facts.round_trip),
        majority_ms: facts.majority.as_ref().ok().copied().map(milliseconds),
        clock_ahead_ms: facts.clock_ahead_ms,
        transaction_lifetime_s: lifetime.and_then(|seconds| u64::try_from(seconds).ok()),
        oplog_window_s: status.and_then(oplog_window_s),
        oplog_bytes: facts.oplog_bytes.as_ref().ok().copied(),
        cache_bytes: status.and_then(cache_bytes),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
