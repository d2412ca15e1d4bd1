//! Runs what was recorded: forward, or backward from the last operation to the first.
//!
//! Before an operation begins, what it finds is committed under the fence, together with the mark
//! that the operation before it is done. So a later attempt knows whether each operation had begun,
//! and what was there before.

use mongodb::bson::{Document, doc};

use super::{
    declared::Change,
    operation::Operation,
    slot::Slot,
    undo::{pack, unpack},
    unjudged, validators,
};
use crate::{
    kinds::{catalog, online::Online, stable_api},
    model::{result::BoxError, state::Direction},
    mongo::{code, driver, server_error::ServerError},
};

/// The key of the operation's text when it began.
const TEXT: &str = "operation";

/// The most characters of an operation's text in an error.
const OPERATION_CHARS_MAX: usize = 400;

/// Marks an operation that began and that the server refused: it left nothing.
pub(super) const VOID: &str = "void";

impl Change {
    /// Runs every operation that no earlier attempt finished.
    pub(crate) async fn execute(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        match on.direction() {
            Direction::Up => self.up(on).await,
            Direction::Down => self.down(on).await,
        }
    }

    async fn up(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        // The operation that is done, but not marked as done yet.
        let mut finished: Option<String> = None;
        let judged = validators::changed(&self.operations);
        for (number, operation) in self.operations.iter().enumerate() {
            let slot = Slot { number };
            let begun = begun(on, slot);
            if let Some(found) = &begun {
                refuse_edited(operation, slot, found, Direction::Up)?;
            }
            if on.is_done(&slot.key()) {
                continue;
            }
            on.hold().await;
            let found = match begun {
                Some(found) => found,
                None => {
                    let unjudged = judged.concerns(number);
                    begin(on, operation, slot, unjudged, finished.take()).await?
                }
            };
            tracing::info!(target: "mongrate", operation = operation.forward_text(), "{}", slot.step());
            if let Err(error) = operation.forward(on, slot, &found).await {
                if operation.is_all_or_nothing() && was_refused(error.as_ref()) {
                    let void = doc! { VOID: true };
                    on.checkpoint(None, Some((&slot.key(), &void)), async |_| Ok(())).await?;
                }
                return Err(about(operation, slot, error));
            }
            finished = Some(slot.key());
        }
        if let Some(done) = finished {
            on.checkpoint(Some(&done), None, async |_| Ok(())).await?;
        }
        validators::refuse_unfit(on, &judged.collections).await
    }

    /// Refuses, before anything is written, operations that a client of the strict Stable API
    /// cannot run.
    pub(crate) async fn refuse_beyond_api(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        for (number, operation) in self.operations.iter().enumerate() {
            let slot = Slot { number };
            let is_begun = on.is_done(&slot.key()) || begun(on, slot).is_some();
            if let Some(what) = operation.beyond_api().filter(|_| !is_begun)
                && catalog::is_strict(on).await?
            {
                let error = stable_api::beyond_api(&what, on.direction());
                return Err(about(operation, slot, error.into()));
            }
        }
        Ok(())
    }

    /// Refuses a rollback that could not be finished, as far as that shows before it begins. Writes
    /// nothing.
    pub(crate) async fn refuse_rollback(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        let beyond = Slot { number: self.operations.len() };
        if let Some(found) = begun(on, beyond) {
            return Err(format!(
                "it had more operations when it was applied than it has now: {} was to {}; \
                 nothing was changed: put it back, and run `down` again",
                beyond.step(),
                found.get_str(TEXT).unwrap_or("something that was not recorded")
            )
            .into());
        }
        for (number, operation) in self.operations.iter().enumerate().rev() {
            let slot = Slot { number };
            if on.is_done(&slot.key()) {
                continue;
            }
            let found = match begun(on, slot) {
                Some(found) => {
                    refuse_edited(operation, slot, &found, Direction::Down)?;
                    found
                }
                None => assumed(on, operation, slot).await?,
            };
            operation
                .ready(on, slot, &found)
                .await
                .map_err(|error| about(operation, slot, error))?;
            if let Some(what) = operation.undo_beyond_api(on, &found).await?
                && catalog::is_strict(on).await?
            {
                let error = stable_api::beyond_api(&what, Direction::Down);
                return Err(about(operation, slot, error.into()));
            }
        }
        Ok(())
    }

    async fn down(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        self.refuse_rollback(on).await?;
        for (number, operation) in self.operations.iter().enumerate().rev() {
            let slot = Slot { number };
            if on.is_done(&slot.key()) {
                continue;
            }
            on.hold().await;
            let found = match begun(on, slot) {
                Some(found) => found,
                None => {
                    // Recorded, so that a later attempt assumes the same.
                    let found = assumed(on, operation, slot).await?;
                    let packed = pack(&found)?;
                    on.checkpoint(None, Some((&slot.key(), &packed)), async |_| Ok(())).await?;
                    found
                }
            };
            tracing::info!(target: "mongrate", operation = operation.undo_text(), "{}", slot.step());
            operation
                .backward(on, slot, &found)
                .await
                .map_err(|error| about(operation, slot, error))?;
            on.checkpoint(Some(&slot.key()), None, async |_| Ok(())).await?;
        }
        Ok(())
    }
}

/// Looks at what is there before an operation runs for the first time, and commits that together
/// with the mark that the operation before it is `finished`. `unjudged`: no validator is to judge
/// what the operation writes.
async fn begin(
    on: &mut Online<'_>,
    operation: &Operation,
    slot: Slot,
    unjudged: bool,
    finished: Option<String>,
) -> Result<Document, BoxError> {
    let mut found = match operation.observe(on, slot).await {
        Ok(found) => found,
        Err(error) => {
            if finished.is_some() {
                on.checkpoint(finished.as_deref(), None, async |_| Ok(())).await?;
            }
            return Err(about(operation, slot, error));
        }
    };
    found.insert(TEXT, operation.forward_text());
    if unjudged {
        found.insert(unjudged::UNJUDGED, true);
    }
    let (key, packed) = (slot.key(), pack(&found)?);
    on.checkpoint(finished.as_deref(), Some((&key, &packed)), async |_| Ok(())).await?;
    Ok(found)
}

/// What the operation found before its first attempt.
fn begun(on: &Online<'_>, slot: Slot) -> Option<Document> {
    on.found(&slot.key()).filter(|found| !found.contains_key(VOID)).map(unpack)
}

/// What a rollback assumes of an operation that was recorded as applied and never run.
async fn assumed(
    on: &mut Online<'_>,
    operation: &Operation,
    slot: Slot,
) -> Result<Document, BoxError> {
    let Some(mut found) = operation.assume(on, slot).await? else {
        return Err(format!(
            "{} ({}) was recorded as applied without being run (`baseline`, `resolve`), so what \
             was there before it is not known; nothing was changed: undo it by hand, then \
             `resolve {} --as pending`",
            slot.step(),
            operation.forward_text(),
            on.version()
        )
        .into());
    };
    found.insert(TEXT, operation.forward_text());
    Ok(found)
}

/// Refuses an operation that was edited after it began.
fn refuse_edited(
    operation: &Operation,
    slot: Slot,
    found: &Document,
    direction: Direction,
) -> Result<(), BoxError> {
    let (now, then) = (operation.forward_text(), found.get_str(TEXT).unwrap_or_default());
    if now == then {
        return Ok(());
    }
    let verb = direction.as_str();
    Err(format!(
        "{} was edited since it was run: it was to {then}, and is now to {now}; nothing was \
         changed by this attempt: put it back, and run `{verb}` again; or undo by hand what it \
         did, and `resolve` the migration",
        slot.step()
    )
    .into())
}

/// Whether the server answered, and refused: nothing is left of the attempt. A write that no majority has
/// confirmed in time is there.
fn was_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    driver::chain(error).find_map(|link| link.downcast_ref::<ServerError>()).is_some_and(|error| {
        error.code().is_some_and(|code| code != code::WRITE_CONCERN_FAILED) && !error.is_retryable()
    })
}

/// Adds the operation to an error.
fn about(operation: &Operation, slot: Slot, source: BoxError) -> BoxError {
    let text = format!("{} ({})", slot.step(), shortened(operation.forward_text()));
    Box::new(Failed { text, source })
}

/// Shortens a text: a pipeline may be long, and its error follows the text.
fn shortened(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(OPERATION_CHARS_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// An error of an operation.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Failed {
    text: String,
    source: BoxError,
}
