//! The audit log: who did what, with entries that nobody can change or remove unseen.

use std::future::IntoFuture;

use chrono::{DateTime, Utc};

use super::{Boxed, Migrator};
#[cfg(feature = "audit-signature")]
use crate::model::audit_key::AuditKey;
use crate::{
    model::{
        audit_key::AuditPublicKey,
        error::Error,
        report::audit::{AuditChange, AuditHead, AuditPage, AuditPruned, AuditVerification},
        version::Version,
    },
    verbs::audit::AuditFilter,
};

impl Migrator {
    /// Keeps an audit log, in the collection `<control collection>.audit_log`. Default: `false`.
    ///
    /// The log begins with the first event that this migrator writes. From then on the database remembers
    /// it: every build that knows the audit log continues it, also one that does not ask for it.
    /// `false` asks for nothing; [`disable_audit`](Self::disable_audit) ends a log.
    ///
    /// Each event costs a run one `insert` in the guarded transaction that commits it; a transactional
    /// migration has one event, an online or declared one two. Steps and batches cost nothing, and neither
    /// does a start with nothing pending. The user needs `insert` on that collection, and
    /// `createCollection` for the first event.
    #[must_use]
    pub fn keep_audit_log(mut self, keep: bool) -> Self {
        self.settings.audit.wanted = keep;
        self
    }

    /// The person on whose behalf the verbs are called, for the audit log; at most 128 bytes. Default:
    /// none; the command line names the user of the operating system, and HTTP the token or the user.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.settings.audit.user = (!name.trim().is_empty()).then_some(name);
        self
    }

    /// *Feature `audit-signature`.* Signs the entries of the audit log with this key. Default: they are not
    /// signed.
    ///
    /// ```no_run
    /// # fn example(migrator: mongrate::Migrator) -> Result<mongrate::Migrator, Box<dyn std::error::Error>> {
    /// let pem = std::fs::read_to_string("/run/secrets/audit.pem")?;
    /// let migrator = migrator.keep_audit_log(true).sign_audit(mongrate::AuditKey::from_pem(&pem)?);
    /// # Ok(migrator)
    /// # }
    /// ```
    #[cfg(feature = "audit-signature")]
    #[must_use]
    pub fn sign_audit(mut self, key: AuditKey) -> Self {
        self.settings.audit.key = Some(key);
        self
    }

    /// Reads the audit log. Await it for the newest 50 entries, or choose others first.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// let page = migrator.audit().version(20250122001).by("anna").await?;
    /// for entry in &page.entries {
    ///     println!("{} {} {}", entry.number, entry.at, entry.event);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn audit(&self) -> Audit<'_> {
        Audit { migrator: self, filter: AuditFilter::new() }
    }

    /// Returns number and hash of the newest entry: keep them where a user of the database cannot write,
    /// and [`VerifyAudit::head`] shows whether what was there then is still there. None if there is no log.
    /// Two round trips, no write.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, Error> {
        Box::pin(async move { self.runner()?.audit_head().await }).await
    }

    /// Checks that the audit log is what Mongrate wrote, from its first entry to its newest. Await it.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// let found = migrator.verify_audit().await?;
    /// for broken in &found.breaks {
    ///     println!("{broken}");
    /// }
    /// assert!(found.is_whole());
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify_audit(&self) -> VerifyAudit<'_> {
        VerifyAudit { migrator: self, head: None, keys: Vec::new() }
    }

    /// Gives the whole audit log to `line`, oldest entry first, each as the canonical text that its hash is
    /// computed over: together they are JSON lines. Returns how many there were.
    ///
    /// A page of 1,000 entries is held in memory at once.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::io::Write as _;
    ///
    /// let mut file = std::io::BufWriter::new(std::fs::File::create("audit.jsonl")?);
    /// migrator.export_audit(|line| writeln!(file, "{line}")).await?;
    /// file.flush()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status); [`Error::Audit`] for a document that is no entry; [`Error::Settings`]
    /// (`export`) for an error of `line`. The lines so far were given.
    pub async fn export_audit(
        &self,
        line: impl FnMut(&str) -> std::io::Result<()>,
    ) -> Result<u64, Error> {
        Box::pin(self.runner()?.export_audit(line)).await
    }

    /// Begins the audit log now, and not with the next migration. If it is on already, attaches it again
    /// where the fence says an older newest entry than there is, as after a restored backup; an entry
    /// (`audit_reattached`) says so. Takes the lock.
    ///
    /// # Errors
    ///
    /// [`Error::LockHeld`] and the errors of [`status`](Self::status); [`Error::Corrupt`] if the collection
    /// of the log holds something else. Nothing is written in any of these cases.
    pub async fn enable_audit(&self) -> Result<AuditChange, Error> {
        Box::pin(self.runner()?.enable_audit()).await
    }

    /// Ends the audit log, with an entry that says so. Its entries stay, and
    /// [`enable_audit`](Self::enable_audit) continues after them. A migrator with
    /// [`keep_audit_log`](Self::keep_audit_log) continues it with its next event. Takes the lock.
    ///
    /// # Errors
    ///
    /// As [`enable_audit`](Self::enable_audit).
    pub async fn disable_audit(&self) -> Result<AuditChange, Error> {
        Box::pin(self.runner()?.disable_audit()).await
    }

    /// Removes the entries of the audit log that are older than this. Await it to remove them, or call
    /// `preview()` first.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// let ten_years = chrono::TimeDelta::days(3_653);
    /// migrator.prune_audit(chrono::Utc::now() - ten_years).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn prune_audit(&self, before: DateTime<Utc>) -> PruneAudit<'_> {
        PruneAudit { migrator: self, before }
    }
}

/// Reads the audit log. Made by [`Migrator::audit`]; await it.
///
/// Round trips: 3. No write, no lock.
///
/// # Errors
///
/// [`Error::Settings`] for a limit out of its bounds or a time span that is none; the errors of
/// [`Migrator::status`].
#[derive(Debug)]
#[must_use = "nothing is read until it is awaited"]
pub struct Audit<'a> {
    migrator: &'a Migrator,
    filter: AuditFilter,
}

impl Audit<'_> {
    /// Only the entries of this migration.
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        self.filter.version = Some(version.into());
        self
    }

    /// Only the entries of this event, such as `applied`.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.filter.event = Some(event.into());
        self
    }

    /// Only the entries from this time on, by the server's clock.
    pub fn since(mut self, time: DateTime<Utc>) -> Self {
        self.filter.since = Some(time);
        self
    }

    /// Only the entries before this time, by the server's clock.
    pub fn until(mut self, time: DateTime<Utc>) -> Self {
        self.filter.until = Some(time);
        self
    }

    /// Only the entries whose user, host or app is exactly this.
    pub fn by(mut self, who: impl Into<String>) -> Self {
        self.filter.by = Some(who.into());
        self
    }

    /// Only the entries with a smaller number: the [`next`](AuditPage::next) of a page leads to the page
    /// before it.
    pub fn before(mut self, number: i64) -> Self {
        self.filter.before = Some(number);
        self
    }

    /// At most so many entries, the newest ones: 1 to 1,000. Default 50.
    pub fn limit(mut self, entries: u32) -> Self {
        self.filter.limit = entries;
        self
    }
}

impl<'a> IntoFuture for Audit<'a> {
    type Output = Result<AuditPage, Error>;
    type IntoFuture = Boxed<'a, AuditPage>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.audit(self.filter).await })
    }
}

/// Checks the audit log. Made by [`Migrator::verify_audit`]; await it.
///
/// Reads the whole log, 1,000 entries at a time, as a majority has it; a run may add to it meanwhile. No
/// write, no lock. A log that is broken is no error: [`AuditVerification::is_whole`] tells.
///
/// # Errors
///
/// As [`Migrator::status`].
#[derive(Debug)]
#[must_use = "nothing is checked until it is awaited"]
pub struct VerifyAudit<'a> {
    migrator: &'a Migrator,
    head: Option<AuditHead>,
    keys: Vec<AuditPublicKey>,
}

impl VerifyAudit<'_> {
    /// The entry with this number must have this hash: [`Migrator::audit_head`] returned both at an earlier
    /// time. So even somebody who changed the log and the fence is noticed.
    pub fn head(mut self, head: AuditHead) -> Self {
        self.head = Some(head);
        self
    }

    /// *Feature `audit-signature`.* Every entry from the first signed one on must be signed with this key,
    /// or another one that is given.
    #[cfg(feature = "audit-signature")]
    pub fn public_key(mut self, key: AuditPublicKey) -> Self {
        self.keys.push(key);
        self
    }
}

impl<'a> IntoFuture for VerifyAudit<'a> {
    type Output = Result<AuditVerification, Error>;
    type IntoFuture = Boxed<'a, AuditVerification>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.verify_audit(self.head, self.keys).await })
    }
}

/// Removes the oldest entries of the audit log. Made by [`Migrator::prune_audit`]; await it to remove them.
///
/// First an entry (`audit_pruned`) names the last entry that is removed and its hash, so that the log still
/// verifies; then they are removed, under the lock. A process that is killed in between leaves some of
/// them: prune again. The user needs `remove` on the collection of the log.
///
/// # Errors
///
/// [`Error::Unauthorized`], [`Error::LockHeld`], [`Error::Audit`] if the log is switched off: nothing was
/// removed. [`Error::Server`]: some entries may be removed.
#[derive(Debug)]
#[must_use = "nothing is removed until it is awaited"]
pub struct PruneAudit<'a> {
    migrator: &'a Migrator,
    before: DateTime<Utc>,
}

impl PruneAudit<'_> {
    /// Returns what would be removed. No write, no lock.
    ///
    /// # Errors
    ///
    /// As [`Migrator::status`].
    pub async fn preview(self) -> Result<AuditPruned, Error> {
        Box::pin(self.migrator.runner()?.prune_audit(self.before, false)).await
    }
}

impl<'a> IntoFuture for PruneAudit<'a> {
    type Output = Result<AuditPruned, Error>;
    type IntoFuture = Boxed<'a, AuditPruned>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.prune_audit(self.before, true).await })
    }
}
