//! `wait`: looks again and again until nothing is pending. Reads only.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    model::{
        clock,
        digest::Digest,
        error::Error,
        named::Named,
        report::wait::{WaitReport, WaitingFor},
    },
    run::Runner,
};

/// Is told what a wait waits for.
pub(crate) type Teller = Arc<dyn Fn(&WaitingFor) + Send + Sync>;

/// How a wait is done.
#[derive(Clone)]
pub(crate) struct WaitOptions {
    pub every: Duration,
    /// `None`: for ever.
    pub timeout: Option<Duration>,
    pub teller: Option<Teller>,
}

/// What one look found.
enum Look {
    /// Nothing is pending.
    Current {
        ahead: Vec<Named>,
    },
    Waiting(WaitingFor),
}

/// What the last look found, so that the history is read again only after a change.
#[derive(Default)]
struct Last {
    applied: Option<Option<Digest>>,
    pending: Vec<Named>,
    told: Option<String>,
}

impl Runner {
    pub(crate) async fn wait_until_current(
        &self,
        options: &WaitOptions,
    ) -> Result<WaitReport, Error> {
        let begun = Instant::now();
        let deadline = options.timeout.and_then(|timeout| begun.checked_add(timeout));
        let (mut last, mut looks) = (Last::default(), 0_u64);
        let mut error = None;
        loop {
            looks = looks.saturating_add(1);
            let look = tokio::select! {
                look = until(deadline, self.look(&mut last)) => look,
                () = self.cancel.cancelled() => return Err(self.cancelled_wait()),
            };
            let waiting = match look {
                // The look itself took until the end.
                None => return Err(error.unwrap_or_else(unanswered)),
                Some(Ok(Look::Current { ahead })) => {
                    return Ok(WaitReport {
                        group: self.settings.group.clone(),
                        database: self.control.database.name().to_owned(),
                        waited_ms: clock::ms_since(begun),
                        looks,
                        ahead,
                    });
                }
                Some(Ok(Look::Waiting(waiting))) => {
                    if let WaitingFor::Migrations { pending, .. } = &waiting {
                        error = Some(Error::Pending { versions: pending.clone() });
                    }
                    waiting
                }
                // It may come up yet. A server that is of the wrong kind stays so.
                Some(Err(Error::Server { action, source })) => {
                    let waiting = WaitingFor::Server { error: source.to_string() };
                    error = Some(Error::Server { action, source });
                    waiting
                }
                Some(Err(error)) => return Err(error),
            };
            tell(&waiting, &mut last, options);
            tokio::select! {
                slept = until(deadline, sleep(options.every)) => {
                    if slept.is_none() {
                        return Err(error.unwrap_or_else(unanswered));
                    }
                }
                () = self.cancel.cancelled() => return Err(self.cancelled_wait()),
            }
        }
    }

    /// One command, unless what is applied has changed since the last look: then the history is read, too.
    async fn look(&self, last: &mut Last) -> Result<Look, Error> {
        let peek = self.peek_meanwhile().await?;
        if peek.applied == Some(self.registry.digest()) {
            return Ok(Look::Current { ahead: Vec::new() });
        }
        if last.applied != Some(peek.applied) || last.pending.is_empty() {
            match self.check_history().await {
                Ok(report) => return Ok(Look::Current { ahead: report.ahead }),
                Err(Error::Pending { versions }) => {
                    last.applied = Some(peek.applied);
                    last.pending = versions;
                }
                Err(error) => return Err(error),
            }
        }
        let waiting =
            WaitingFor::Migrations { pending: last.pending.clone(), lock: Box::new(peek.lock) };
        Ok(Look::Waiting(waiting))
    }

    fn cancelled_wait(&self) -> Error {
        Error::Cancelled { report: Box::new(self.empty_report()) }
    }
}

/// Tells what is new, and nothing twice.
fn tell(waiting: &WaitingFor, last: &mut Last, options: &WaitOptions) {
    let text = waiting.to_string();
    if last.told.as_ref() == Some(&text) {
        return;
    }
    tracing::info!(target: "mongrate", waiting_for = %crate::telemetry::visible::Line(&text), "waiting");
    if let Some(teller) = &options.teller {
        teller(waiting);
    }
    last.told = Some(text);
}

/// `None` if the deadline comes first.
async fn until<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        None => Some(work.await),
        Some(deadline) => timeout_at(deadline, work).await.ok(),
    }
}

/// The error when the server did not answer a single look in time.
fn unanswered() -> Error {
    let text = "the server did not answer within the timeout of the wait";
    let error = std::io::Error::new(std::io::ErrorKind::TimedOut, text);
    Error::server("see whether migrations are pending", mongodb::error::Error::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deadline_ends_what_does_not_end() {
        let soon = Instant::now().checked_add(Duration::from_millis(10));
        assert!(until(soon, std::future::pending::<()>()).await.is_none());
        assert_eq!(until(None, async { 1 }).await, Some(1));
    }

    #[test]
    fn no_answer_is_a_server_out_of_reach() {
        let error = unanswered();
        assert_eq!(error.kind().exit_code(), 69);
        assert!(error.to_string().contains("did not answer within"), "{error}");
    }
}
