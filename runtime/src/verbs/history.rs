//! `history`: the last events of the migrations and of the lock.

use mongodb::bson::{Document, doc};

use crate::{
    model::{
        error::Error,
        report::history::{HistoryEvent, HistoryReport},
        version::Version,
    },
    protocol::{audit, record},
    run::Runner,
};

/// Which events are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct HistoryFilter {
    pub release: Option<String>,
    pub version: Option<Version>,
    pub event: Option<String>,
}

impl Runner {
    /// The events that the filter lets through. An answer without events would not tell a name that is
    /// misspelt from one of which nothing happened, so a name that does not exist is refused.
    pub(crate) async fn history(&self, filter: &HistoryFilter) -> Result<HistoryReport, Error> {
        if let Some(event) = &filter.event {
            known_event(event)?;
        }
        self.peek().await?;
        let events = self.events(doc! { "events": { "$exists": true } }).await?;
        let group = self.settings.group.clone();
        let mut report = HistoryReport { group, database: self.database_name(), events };
        if let Some(release) = &filter.release {
            let known: Vec<String> = report.releases().into_iter().map(str::to_owned).collect();
            report = report.of_release(release);
            if report.events.is_empty() && !known.is_empty() {
                return Err(Error::ReleaseWithoutEvent { release: release.clone(), known });
            }
        }
        if let Some(version) = filter.version {
            let was_empty = report.events.is_empty();
            report.events.retain(|event| event.version == Some(version));
            if report.events.is_empty() && !was_empty {
                self.refuse_unknown(version).await?;
            }
        }
        if let Some(name) = &filter.event {
            report.events.retain(|event| event.event == *name);
        }
        Ok(report)
    }

    /// Refuses a version that neither this build nor the history has.
    pub(in crate::verbs) async fn refuse_unknown(&self, version: Version) -> Result<(), Error> {
        let is_known = self.registry.get(version).is_some()
            || !self.events(doc! { "_id": version.get() }).await?.is_empty();
        if is_known { Ok(()) } else { Err(Error::UnknownVersion { version }) }
    }

    /// The events of these records, and of the lock if it is among them, oldest first. One round trip.
    pub(in crate::verbs) async fn events(
        &self,
        filter: Document,
    ) -> Result<Vec<HistoryEvent>, Error> {
        let found = self
            .control
            .find(None, filter, doc! { "name": 1, "events": 1, "tags": 1 })
            .await
            .map_err(|error| Error::server("read the history", error))?;
        let mut events = record::all_events(&found);
        // A run may record several events in one millisecond: then the older version comes first.
        events.sort_by_key(|event| (event.at, event.fence, event.version));
        Ok(events)
    }
}

/// Refuses a name that no event has.
pub(in crate::verbs) fn known_event(event: &str) -> Result<(), Error> {
    if audit::EVENTS.contains(&event) {
        return Ok(());
    }
    let problem = format!(
        "`{}` is no event; it is one of {}",
        event.escape_debug(),
        audit::EVENTS.join(", ")
    );
    Err(Error::Settings { setting: "event", problem })
}
