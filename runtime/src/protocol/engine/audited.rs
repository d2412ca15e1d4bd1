//! What a guarded transaction adds to the audit log.

use mongodb::bson::doc;

use super::{
    Engine,
    attempts::{Attempts, Guarded},
};
#[cfg(mongrate_mutants)]
use crate::protocol::mutant::{self, Mutant};
use crate::{
    model::{error::Error, report::audit::AuditHead},
    mongo::{code, server_error::ServerError},
    protocol::{
        audit::{
            self,
            entry::Note,
            log::{Addition, Moment},
            noted,
            read::LogReader,
        },
        stop::StopReason,
    },
};

/// The most documents of one `insert`; each has a few kilobytes at most.
const DOCUMENTS_MAX: usize = 1_000;

impl Engine {
    /// What this change adds to the log, if there is one.
    pub(super) fn addition(&self, change: &Guarded<'_>) -> Result<Option<Addition>, StopReason> {
        if !self.audit.is_on() {
            return Ok(None);
        }
        let refuse = |why: &str| {
            let source = ServerError::in_reply(why, None);
            StopReason::Server(Error::server("write the audit log", source))
        };
        let stamp = self.stamp();
        let of_records = change
            .records
            .iter()
            .filter_map(|(migration, change)| noted::note(migration, change, &stamp));
        let notes: Vec<Note> = of_records.chain(change.notes.iter().cloned()).collect();
        // The time that the server told with the lock or a heartbeat, and what has passed since: so the
        // document is known before it is written, and needs no right but `insert`.
        let at = self.lease.steering.orders().now();
        let moment = Moment {
            at: at.ok_or_else(|| refuse("the server has not told its time"))?,
            who: stamp.who,
            fence: stamp.fence,
            guard: stamp.sequence,
            before: self.applied,
            after: change.digest,
        };
        let added = self.audit.addition(&notes, moment);
        added.map_err(|_| refuse("an entry has no canonical form"))
    }

    /// Writes the documents, in the transaction whose guard has just matched.
    pub(super) async fn write_audit(
        &mut self,
        attempts: &mut Attempts<'_>,
        addition: Option<Addition>,
    ) -> Result<(), ServerError> {
        let Some(Addition { documents, head }) = addition else { return Ok(()) };
        // From here on no earlier attempt can have committed.
        attempts.head = Some(head);
        attempts.is_at_log = true;
        for chunk in documents.chunks(DOCUMENTS_MAX) {
            let command = doc! {
                "insert": audit::collection(&self.control.collection),
                "documents": chunk,
                "ordered": true,
            };
            #[cfg(mongrate_mutants)]
            if mutant::is(Mutant::AuditOutside) {
                self.control.once(None, command).await?;
                continue;
            }
            self.control.once(Some(&mut self.session), command).await?;
        }
        attempts.is_at_log = false;
        Ok(())
    }

    /// The error of a log that cannot be continued.
    pub(super) fn log_refused(&self, error: ServerError) -> Error {
        if error.code() != Some(code::DUPLICATE_KEY) {
            return Error::server("write the audit log", error);
        }
        let number = self.audit.head().number;
        Error::Audit {
            collection: audit::collection(&self.control.collection),
            problem: format!(
                "it has entries after number {number}, the newest one by the fence (a backup of the \
                 control collection was restored, or something else wrote into the log)"
            ),
        }
    }

    /// Prepares the log that the next event begins: looks at what is in its collection, and makes the
    /// collection, which not every server does in a transaction. Costs a log that is there nothing.
    pub(crate) async fn prepare_audit(&mut self) -> Result<(), Error> {
        if !self.audit.begins() {
            return Ok(());
        }
        let name = audit::collection(&self.control.collection);
        match self.control.retrying(None, doc! { "create": &name }).await {
            Ok(_) => {}
            Err(error) if error.code() == Some(code::NAMESPACE_EXISTS) => {}
            Err(error) => return Err(Error::server("create the audit log", error)),
        }
        self.attach_audit().await.map(drop)
    }

    /// Continues the log after its newest entry, if the fence says an older one. `true`: it did.
    pub(crate) async fn attach_audit(&mut self) -> Result<bool, Error> {
        let reader = LogReader::new(&self.control);
        let Some(newest) = reader.last().await? else {
            // What has no entry, and another's documents, is no log. In a log they are for `verify` to say.
            let strays = match self.audit.head().number {
                0 => reader.strays().await?,
                _ => Vec::new(),
            };
            return match strays.first() {
                Some(stray) => Err(reader.foreign(stray)),
                None => Ok(false),
            };
        };
        let is_newer = newest.number > self.audit.head().number;
        if is_newer {
            self.audit.attach(newest.number, newest.hash);
        }
        Ok(is_newer)
    }

    /// The event with which the log begins, or goes on.
    pub(crate) fn audit_began(&self) -> Note {
        self.audit.began()
    }

    /// Whether the fence says that the log is on.
    pub(crate) fn is_log_on(&self) -> bool {
        self.audit.head().on
    }

    /// Whether events are written into the audit log, or begin it.
    pub(crate) fn is_audited(&self) -> bool {
        self.audit.is_on()
    }

    /// The newest entry of the audit log.
    pub(crate) fn audit_head(&self) -> Option<AuditHead> {
        self.audit.head().shown()
    }

    /// The log begins with the next event, or no event begins it.
    pub(crate) fn want_audit(&mut self, wanted: bool) {
        self.audit.want(wanted);
    }

    /// Writes an event that belongs to no migration.
    pub(crate) async fn note(&mut self, note: Note) -> Result<(), StopReason> {
        let change = Guarded::new(Vec::new(), self.applied).noting(vec![note]);
        self.transaction(change.although_cancelled(), async |_| Ok(())).await.map(drop)
    }
}
