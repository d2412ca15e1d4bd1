//! Sees the commands of a client as the driver sends them: what a dry run's report lists.
//!
//! The driver reports commands only to the handler in the options that a client is made of. So the
//! app that makes the client installs the observer, and gives it to the migrator.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mongodb::{
    bson::{Bson, Document},
    event::{
        EventHandler,
        command::{CommandEvent, CommandStartedEvent},
    },
    options::ClientOptions,
};

use crate::{
    model::report::dry_run::CommandReport,
    mongo::{driver, reply::number},
};

/// The most commands of one migration that are listed one by one. Later commands are added up per
/// command and collection.
pub(crate) const COMMANDS_MAX: usize = 1_000;

/// Sees the commands that a client sends, so that a dry run can report what a migration did.
///
/// The driver reports commands only to a handler in the options of the client. So install the
/// observer there, and give it to the [`Migrator`](crate::Migrator). A handler that is already in
/// the options is still called, first. The command line does both by itself.
///
/// The observer keeps counts, names and times; never the contents of a document. While no dry run
/// is running it keeps nothing; the driver still copies each command and reply for it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use mongrate::{Migrator, Observer, mongodb::{Client, options::ClientOptions}};
///
/// let observer = Observer::new();
/// let mut options = ClientOptions::parse("mongodb://localhost").await?;
/// observer.install(&mut options);
/// let db = Client::with_options(options)?.database("shop");
///
/// let report = Migrator::new(&db).observer(&observer).up().dry_run().await?;
/// for step in &report.steps {
///     for command in &step.commands {
///         println!("{} {} {:?}", command.command, command.namespace, command.modified);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Observer {
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    next: u64,
    watches: Vec<Watch>,
    /// Commands under way, by the driver's number of the request.
    open: HashMap<i32, Open>,
}

/// The commands that a watch records.
pub(crate) enum Scope {
    /// The commands of one session.
    Session(Document),
    /// The commands to one database.
    Database(String),
}

struct Watch {
    id: u64,
    scope: Scope,
    /// The control collection: commands to it are Mongrate's own.
    control: String,
    /// Whether any command was seen.
    heard: bool,
    /// Whether a migration is running, so that commands are recorded.
    listening: bool,
    seen: Vec<CommandReport>,
    /// The commands of the migrations before the current one.
    done: Vec<Vec<CommandReport>>,
    /// The number of the current migration, so that late replies are not counted for the next.
    step: usize,
}

struct Open {
    watch: u64,
    step: usize,
    at: usize,
    removes: bool,
}

/// Records commands until it is dropped.
pub(crate) struct Watching {
    state: Arc<Mutex<State>>,
    id: u64,
}

impl Observer {
    /// An observer that is not installed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Installs the observer into the options of a client. A handler that is already there is
    /// called first.
    pub fn install(&self, options: &mut ClientOptions) {
        let state = Arc::clone(&self.state);
        let before = options.command_event_handler.take();
        options.command_event_handler = Some(EventHandler::callback(move |event| {
            record(&mut lock(&state), &event);
            if let Some(before) = &before {
                pass_on(before, event);
            }
        }));
    }

    pub(crate) fn watch(&self, scope: Scope, control: &str) -> Watching {
        let mut state = lock(&self.state);
        let id = state.next;
        state.next += 1;
        state.watches.push(Watch {
            id,
            scope,
            control: control.to_owned(),
            heard: false,
            listening: false,
            seen: Vec::new(),
            done: Vec::new(),
            step: 0,
        });
        Watching { state: Arc::clone(&self.state), id }
    }
}

impl Watching {
    /// A migration begins: from here on commands are recorded.
    pub(crate) fn begin(&self) {
        self.with(|watch| {
            watch.listening = true;
            watch.step += 1;
        });
    }

    /// From here on commands are Mongrate's own again, and are not recorded.
    pub(crate) fn pause(&self) {
        self.with(|watch| watch.listening = false);
    }

    /// The migration has ended.
    pub(crate) fn end(&self) {
        self.with(|watch| {
            watch.listening = false;
            watch.step += 1;
            let seen = std::mem::take(&mut watch.seen);
            watch.done.push(seen);
        });
    }

    /// The commands of each migration that has ended.
    pub(crate) fn steps(&self) -> Vec<Vec<CommandReport>> {
        self.with(|watch| std::mem::take(&mut watch.done)).unwrap_or_default()
    }

    /// Whether the observer is installed in the client: whether any command was seen.
    pub(crate) fn heard(&self) -> bool {
        self.with(|watch| watch.heard).unwrap_or_default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Watch) -> T) -> Option<T> {
        let mut state = lock(&self.state);
        state.watches.iter_mut().find(|watch| watch.id == self.id).map(act)
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.watches.retain(|watch| watch.id != self.id);
        state.open.retain(|_, open| open.watch != self.id);
    }
}

/// Locks the state. A panic in another handler is no reason to lose the report.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pass_on(handler: &EventHandler<CommandEvent>, event: CommandEvent) {
    match handler {
        EventHandler::Callback(call) => call(event),
        EventHandler::AsyncCallback(call) => {
            tokio::spawn(call(event));
        }
        EventHandler::TokioMpsc(sender) => {
            let sender = sender.clone();
            tokio::spawn(async move {
                let _ = sender.send(event).await;
            });
        }
        _ => tracing::warn!(target: "mongrate", "a handler of commands could not be called"),
    }
}

fn record(state: &mut State, event: &CommandEvent) {
    match event {
        CommandEvent::Started(started) => {
            let Some(watch) = state.watches.iter_mut().find(|watch| watch.wants(started)) else {
                return;
            };
            watch.heard = true;
            let name = started.command_name.as_str();
            let Some(collection) = watch.collection(started) else { return };
            let namespace = match collection.is_empty() {
                true => started.db.clone(),
                false => format!("{}.{collection}", started.db),
            };
            let at = watch.place(name, &namespace);
            let removes =
                name == "findAndModify" && started.command.get_bool("remove").unwrap_or(false);
            let open = Open { watch: watch.id, step: watch.step, at, removes };
            state.open.insert(started.request_id, open);
        }
        CommandEvent::Succeeded(done) => {
            let Some((line, removes)) = state.close(done.request_id) else { return };
            line.add(done.duration);
            read(line, &done.reply, removes);
        }
        CommandEvent::Failed(failed) => {
            let Some((line, _)) = state.close(failed.request_id) else { return };
            line.add(failed.duration);
            let code = driver::code(&failed.failure);
            line.failed = Some(match (driver::code_name(&failed.failure), code) {
                (Some(name), Some(code)) => format!("{name} ({code})"),
                (None, Some(code)) => format!("code {code}"),
                _ => "the connection failed".to_owned(),
            });
        }
        _ => {}
    }
}

impl State {
    fn close(&mut self, request: i32) -> Option<(&mut CommandReport, bool)> {
        let open = self.open.remove(&request)?;
        let watch = self.watches.iter_mut().find(|watch| watch.id == open.watch)?;
        // A command that ends after its migration ended is not counted.
        watch
            .seen
            .get_mut(open.at)
            .filter(|_| watch.step == open.step)
            .map(|line| (line, open.removes))
    }
}

impl Watch {
    fn wants(&self, started: &CommandStartedEvent) -> bool {
        match &self.scope {
            Scope::Database(name) => *name == started.db,
            Scope::Session(id) => {
                started.command.get_document("lsid").is_ok_and(|found| found == id)
            }
        }
    }

    /// The collection of a migration's command; empty for a command on the database. `None` if the
    /// command is Mongrate's own, or no migration is running.
    fn collection<'a>(&self, started: &'a CommandStartedEvent) -> Option<&'a str> {
        if !self.listening
            || matches!(
                started.command_name.as_str(),
                "commitTransaction" | "abortTransaction" | "killSessions" | "endSessions"
            )
        {
            return None;
        }
        let command = &started.command;
        let collection = match started.command_name.as_str() {
            "getMore" => command.get_str("collection").unwrap_or_default(),
            name => command.get_str(name).unwrap_or_default(),
        };
        // In a dry run's transaction Mongrate sends nothing to it while a migration runs.
        let is_own = collection == self.control && matches!(self.scope, Scope::Database(_));
        (!is_own).then_some(collection)
    }

    /// The place of the line of the report that counts the command.
    fn place(&mut self, command: &str, namespace: &str) -> usize {
        if self.seen.len() >= COMMANDS_MAX {
            let sum = self
                .seen
                .iter()
                .skip(COMMANDS_MAX)
                .position(|line| line.command == command && line.namespace == namespace);
            if let Some(at) = sum {
                return COMMANDS_MAX + at;
            }
        }
        self.seen.push(CommandReport::new(command, namespace));
        self.seen.len() - 1
    }
}

impl CommandReport {
    fn new(command: &str, namespace: &str) -> Self {
        Self {
            command: command.to_owned(),
            namespace: namespace.to_owned(),
            times: 0,
            matched: None,
            modified: None,
            inserted: None,
            upserted: None,
            deleted: None,
            returned: None,
            duration_us: 0,
            failed: None,
        }
    }

    fn add(&mut self, duration: Duration) {
        self.times += 1;
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.duration_us = self.duration_us.saturating_add(micros);
    }
}

/// Adds the counts of a reply to a line of the report.
fn read(line: &mut CommandReport, reply: &Document, removes: bool) {
    let count = |document: &Document, key: &str| {
        number(document, key).and_then(|number| u64::try_from(number).ok())
    };
    let length = |document: &Document, key: &str| {
        document.get_array(key).ok().and_then(|array| u64::try_from(array.len()).ok())
    };
    let add = |sum: &mut Option<u64>, more: Option<u64>| {
        if let Some(more) = more {
            *sum = Some(sum.unwrap_or(0).saturating_add(more));
        }
    };
    match line.command.as_str() {
        "insert" => add(&mut line.inserted, count(reply, "n")),
        "delete" => add(&mut line.deleted, count(reply, "n")),
        "update" => {
            let upserted = length(reply, "upserted").unwrap_or(0);
            add(&mut line.matched, count(reply, "n").map(|n| n.saturating_sub(upserted)));
            add(&mut line.modified, count(reply, "nModified"));
            add(&mut line.upserted, (upserted > 0).then_some(upserted));
        }
        "findAndModify" => {
            let done = reply.get_document("lastErrorObject").ok();
            let n = done.and_then(|done| count(done, "n"));
            let upserted = done.is_some_and(|done| done.contains_key("upserted"));
            match (removes, upserted) {
                (true, _) => add(&mut line.deleted, n),
                (false, true) => add(&mut line.upserted, Some(1)),
                (false, false) => {
                    add(&mut line.matched, n);
                    add(&mut line.modified, n);
                }
            }
            let value = matches!(reply.get("value"), Some(Bson::Document(_)));
            add(&mut line.returned, Some(u64::from(value)));
        }
        "bulkWrite" => {
            add(&mut line.inserted, count(reply, "nInserted"));
            add(&mut line.matched, count(reply, "nMatched"));
            add(&mut line.modified, count(reply, "nModified"));
            add(&mut line.upserted, count(reply, "nUpserted"));
            add(&mut line.deleted, count(reply, "nDeleted"));
        }
        "distinct" => add(&mut line.returned, length(reply, "values")),
        "count" => add(&mut line.returned, count(reply, "n")),
        _ => {
            if let Ok(cursor) = reply.get_document("cursor") {
                let batch = length(cursor, "firstBatch").or_else(|| length(cursor, "nextBatch"));
                add(&mut line.returned, batch);
            }
        }
    }
    let error = reply.get_array("writeErrors").ok().and_then(|errors| errors.first());
    if let Some(code) = error.and_then(Bson::as_document).and_then(|error| number(error, "code")) {
        line.failed = Some(format!("code {code}"));
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    fn read_as(command: &str, reply: &Document) -> CommandReport {
        let mut line = CommandReport::new(command, "a.b");
        read(&mut line, reply, false);
        line
    }

    #[test]
    fn an_upsert_is_no_match() {
        let reply = doc! { "n": 3, "nModified": 1, "upserted": [{ "index": 0, "_id": 1 }] };
        let line = read_as("update", &reply);
        assert_eq!((line.matched, line.modified, line.upserted), (Some(2), Some(1), Some(1)));
    }

    #[test]
    fn what_is_read_is_counted_over_the_batches() {
        let line =
            read_as("aggregate", &doc! { "cursor": { "id": 7_i64, "firstBatch": [{}, {}] } });
        assert_eq!(line.returned, Some(2));
        let line = read_as("getMore", &doc! { "cursor": { "id": 0_i64, "nextBatch": [{}] } });
        assert_eq!(line.returned, Some(1));
    }

    #[test]
    fn the_thousand_and_first_command_is_added_up() {
        let mut watch = Watch {
            id: 0,
            scope: Scope::Database("a".to_owned()),
            control: "migrations".to_owned(),
            heard: false,
            listening: true,
            seen: Vec::new(),
            done: Vec::new(),
            step: 0,
        };
        for _ in 0..COMMANDS_MAX + 500 {
            watch.place("insert", "a.b");
            watch.place("update", "a.b");
        }
        assert_eq!(watch.seen.len(), COMMANDS_MAX + 2);
    }
}
