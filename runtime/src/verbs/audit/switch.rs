//! `audit --enable` and `audit --disable`.

use super::VERB;
use crate::{
    model::{error::Error, report::audit::AuditChange},
    protocol::{
        audit::{self, ENDED, entry::Note},
        engine::Engine,
    },
    run::{Runner, own_thread::on_own_thread},
};

impl Runner {
    /// Begins the log, or attaches it again to what is in its collection.
    pub(crate) async fn enable_audit(&self) -> Result<AuditChange, Error> {
        self.refuse_caller(VERB).await?;
        let (mut engine, _) = self.enter_to_record().await?;
        match Self::enabling(&mut engine).await {
            Ok(Some(note)) => self.switched(engine, note).await,
            Ok(None) => {
                let report = self.audit_change(&engine, true, false);
                engine.close().await;
                Ok(report)
            }
            Err(error) => {
                engine.give_up(&error).await;
                Err(error)
            }
        }
    }

    /// The event that begins the log, or attaches it; `None`: it goes on as it is.
    async fn enabling(engine: &mut Engine) -> Result<Option<Note>, Error> {
        if !engine.is_log_on() {
            engine.want_audit(true);
            engine.prepare_audit().await?;
            return Ok(Some(engine.audit_began()));
        }
        let is_attached = engine.attach_audit().await?;
        Ok(is_attached.then(|| engine.audit_began()))
    }

    /// Ends the log with an entry that says so. What is in it stays.
    pub(crate) async fn disable_audit(&self) -> Result<AuditChange, Error> {
        self.refuse_caller(VERB).await?;
        let (mut engine, _) = self.enter_to_record().await?;
        engine.want_audit(false);
        if engine.is_log_on() {
            return self.switched(engine, Note::new(ENDED)).await;
        }
        let report = self.audit_change(&engine, false, false);
        engine.close().await;
        Ok(report)
    }

    async fn switched(&self, engine: Box<Engine>, note: Note) -> Result<AuditChange, Error> {
        let on = note.event != ENDED;
        let mut report = self.audit_change(&engine, on, true);
        let (ended, head) = on_own_thread(move || async move {
            let mut engine = engine;
            let ended = engine.note(note).await;
            let head = engine.audit_head();
            engine.close().await;
            (ended, head)
        })
        .await;
        ended.map_err(|stop| self.stopped(stop))?;
        report.head = head;
        Ok(report)
    }

    fn audit_change(&self, engine: &Engine, on: bool, changed: bool) -> AuditChange {
        AuditChange {
            group: self.settings.group.clone(),
            database: self.database_name(),
            collection: audit::collection(&self.control.collection),
            on,
            changed,
            head: engine.audit_head(),
        }
    }
}
