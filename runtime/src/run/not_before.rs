//! A run that waits for its hour, without the lock: `up --not-before`.

use chrono::{DateTime, Utc};
use mongodb::bson::doc;

use super::{Runner, SAY_EVERY, plan::Goal};
use crate::{
    model::{error::Error, report::run::RunReport, time_of_day::NotBefore},
    protocol::documents::date,
    telemetry::progress::RunEvent,
};

impl Runner {
    /// Returns when it is time by the server's clock, or as soon as nothing is pending.
    pub(crate) async fn wait_until(
        &self,
        not_before: NotBefore,
        goal: &Goal,
        report: &RunReport,
    ) -> Result<(), Error> {
        let until = not_before.resolve(self.server_time().await?);
        loop {
            let remaining = (until - self.server_time().await?).to_std().unwrap_or_default();
            if remaining.is_zero() {
                return Ok(());
            }
            // Another process may apply everything meanwhile.
            if matches!(goal, Goal::Up(_)) && self.is_current().await? {
                return Ok(());
            }
            tracing::info!(target: "mongrate", %until, remaining_s = remaining.as_secs(), "waiting until it is time to begin");
            self.progress.emit(|| RunEvent::NotYet { until });
            tokio::select! {
                // Asked again, as clocks may run apart.
                () = tokio::time::sleep(remaining.min(SAY_EVERY)) => {}
                () = self.cancel.cancelled() => {
                    return Err(Error::Cancelled { report: Box::new(report.clone()) });
                }
            }
        }
    }

    pub(crate) async fn server_time(&self) -> Result<DateTime<Utc>, Error> {
        let act = "ask the server for its time";
        let reply = self.control.retrying(None, doc! { "hello": 1 }).await;
        let reply = reply.map_err(|error| Error::server(act, error))?;
        date(&reply, "localTime").ok_or_else(|| Error::UnsupportedServer {
            reason: "it does not tell its time".to_owned(),
        })
    }
}
