//! A run: peek, lock, fence, plan, the bodies in their order, release. Also what comes before a
//! run: the plan, its lints, and dry runs.
//!
//! Imports: mongo, model, telemetry, protocol, kinds, registry.

pub(crate) mod approved;
pub(crate) mod atomic;
pub(crate) mod body;
pub(crate) mod dry_run;
pub(crate) mod enter;
pub(crate) mod execute;
pub(crate) mod lint;
mod look;
pub(crate) mod not_before;
pub(crate) mod order;
pub(crate) mod own_thread;
pub(crate) mod pace;
pub(crate) mod peek;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod shown;
pub(crate) mod stand;
pub(crate) mod stepwise;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mongodb::Database;
use tokio_util::sync::CancellationToken;

use self::{peek::Peek, plan::Tolerances};
use crate::{
    model::{
        config::{AuditSettings, OutOfOrder, Settings},
        error::Error,
        plan_file::PlanFile,
        report::run::RunReport,
        state::Who,
    },
    protocol::control::Control,
    registry::list::Registry,
    telemetry::{
        listen::{queue::Listeners, told::Told},
        observer::Watching,
        progress::Progress,
    },
};

/// How long the server may count documents for a plan.
const COUNT_MAX_MS: i32 = 5_000;

/// After this long, a waiting process logs that it still waits.
const SAY_FIRST: Duration = Duration::from_secs(2);

/// How often it logs that again.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// How many times one call starts over after losing its lease.
pub(super) const TAKEOVERS_MAX: u32 = 10;

#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) control: Control,
    pub(crate) registry: Registry,
    pub(crate) settings: Settings,
    pub(crate) who: Who,
    pub(crate) cancel: CancellationToken,
    /// Records the commands of each migration; only for a shadow run.
    pub(crate) watching: Option<Arc<Watching>>,
    /// Receives the events of the run.
    pub(crate) progress: Progress,
    /// What the user's listeners are told of the run, if there are any.
    pub(crate) told: Option<Arc<Told>>,
    pub(crate) listeners: Listeners,
    /// The plan that is run, and nothing else.
    pub(crate) approved: Option<Arc<PlanFile>>,
    /// What came of a look that began before there was this runner, until it is taken.
    pub(crate) first_look: Mutex<Option<Box<Result<Peek, Error>>>>,
}

impl Runner {
    pub(crate) fn new(
        database: &Database,
        registry: Registry,
        settings: Settings,
        cancel: CancellationToken,
    ) -> Self {
        let control = Control::new(database, settings.collection_name(), settings.retries);
        let who = settings.who();
        let (progress, listeners) = (Progress::default(), Listeners::default());
        Self {
            control,
            registry,
            settings,
            who,
            cancel,
            watching: None,
            progress,
            told: None,
            listeners,
            approved: None,
            first_look: Mutex::default(),
        }
    }

    /// Adds the user's listeners.
    pub(crate) fn listened_to(mut self, listeners: &Listeners) -> Self {
        if !listeners.is_empty() {
            let told = Arc::new(Told::new(listeners.clone()));
            let hears = Arc::clone(&told);
            self.progress = self.progress.and(move |event| hears.hear(event));
            (self.told, self.listeners) = (Some(told), listeners.clone());
        }
        self
    }

    /// Warns of selected labels that no migration names, each once in a process: what they were meant to
    /// exclude applies.
    pub(crate) fn warn_unknown_labels(&self) {
        static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let mut selected = self.settings.labels.all().peekable();
        if selected.peek().is_none() {
            return;
        }
        let named = self.registry.named_labels();
        let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
        for label in selected.filter(|label| !named.contains(*label)) {
            if warned.insert(label.to_owned()) {
                let there: Vec<&str> = named.iter().map(String::as_str).collect();
                let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                tracing::warn!(
                    target: "mongrate",
                    "no migration of this build names the label `{label}` (there are: {there})"
                );
            }
        }
    }

    pub(crate) fn tolerances(&self) -> Tolerances {
        // What is late is part of what was approved.
        let is_approved = self.approved.as_ref().is_some_and(|plan| plan.target.out_of_order);
        let out_of_order = if is_approved { OutOfOrder::Allow } else { self.settings.out_of_order };
        Tolerances { out_of_order, ahead: self.settings.ahead }
    }

    pub(crate) fn database_name(&self) -> String {
        self.control.database.name().to_owned()
    }

    /// What the runs of this runner are told of the audit log.
    pub(crate) fn audit_settings(&self) -> AuditSettings {
        (*self.settings.audit).clone()
    }

    pub(crate) fn empty_report(&self) -> RunReport {
        RunReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            batch: None,
            fence: None,
            steps: Vec::new(),
            waited_ms: 0,
            skipped: Vec::new(),
            stands: None,
            ahead: Vec::new(),
            cancelled_by: None,
        }
    }
}
