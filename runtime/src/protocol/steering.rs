//! What operators ask of runs, in the lock: pause, resume, tune, cancel. Alone in knowing the shape of
//! those fields.
//!
//! An operator writes them; the owner of the lock reads them in the replies of its acquisition and of its
//! heartbeats, so that obeying costs no command. A pause is about the history: it holds for every run
//! until it is taken back. Settings hold for the run under way and for whoever takes over from it, until
//! a run gives the lock back. A cancellation is for one fence number.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use mongodb::bson::{Bson, Document, Uuid, doc};
use mongrate_seal::policies::window::Window;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    audit::requests,
    control::{Control, majority},
    documents::{EVENTS_MAX, LOCK_ID, date, literal, parse_who, who_document},
};
use crate::{
    model::{
        policies::closed_until,
        report::steering::{Asked, Hold, HoldReason, RunPosition, SteeringVerb, Tuned},
        state::Who,
        tuning::{Limit, OFF, Tuning},
    },
    mongo::{code, reply::number, server_error::ServerError},
};

/// The fields that a release takes out of the lock: they were for that run.
pub(crate) const OF_THE_RUN: [&str; 3] = ["tuned", "cancel", "position"];

/// The fields of the lock that its owner reads.
pub(crate) const FOR_THE_OWNER: [&str; 3] = ["paused", "tuned", "cancel"];

/// How many requests of operators the lock and a record keep, beside their other events.
const REQUESTS_MAX: i32 = 20;

/// How long the note in a record may wait for a transaction that has written the record.
const NOTE_MAX_MS: i32 = 300;

/// How often it is looked whether hours in which nothing runs are over.
const CLOSED_LOOK_EVERY: Duration = Duration::from_secs(30);

/// What the lock says to its owner.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    /// Nothing more is to begin.
    pub paused: Option<Asked>,
    pub tuned: Tuning,
    /// The run is to end.
    pub cancel: Option<Asked>,
    /// The server's time, and when that was.
    clock: Option<(DateTime<Utc>, Instant)>,
}

impl Orders {
    /// Reads what the lock says to the owner with this fence number.
    pub(crate) fn parse(lock: &Document, fence: i64) -> Self {
        let paused = lock.get_document("paused").ok();
        #[cfg(mongrate_mutants)]
        let paused = paused.filter(|paused| {
            !super::mutant::is(super::mutant::Mutant::ForgetsPause)
                || number(paused, "fence") == Some(fence)
        });
        Self {
            paused: paused.and_then(parse_asked),
            tuned: parse_tuned(lock).map(|tuned| tuned.settings).unwrap_or_default(),
            cancel: parse_cancel(lock, fence),
            clock: date(lock, "now").map(|now| (now, Instant::now())),
        }
    }

    /// The server's time now; `None`: the server has not told it yet.
    pub(crate) fn now(&self) -> Option<DateTime<Utc>> {
        let (then, at) = self.clock?;
        Some(then + TimeDelta::from_std(at.elapsed()).ok()?)
    }
}

/// What the owner of a lock was told, and what it tells with its next heartbeat.
#[derive(Debug)]
pub(crate) struct Steering {
    orders: watch::Sender<Orders>,
    position: Mutex<RunPosition>,
    /// Ends the run.
    ends: Mutex<CancellationToken>,
    /// Hours in which nothing more begins, by policy.
    closed: OnceLock<Vec<Window>>,
}

impl Steering {
    pub(crate) fn new(orders: Orders) -> Arc<Self> {
        let orders = watch::Sender::new(orders);
        let (position, ends) = (Mutex::default(), Mutex::default());
        Arc::new(Self { orders, position, ends, closed: OnceLock::new() })
    }

    /// Sets the hours in which nothing more begins, once.
    pub(crate) fn closes(&self, windows: Vec<Window>) {
        let _ = self.closed.set(windows);
    }

    /// What holds the run back because of these hours, and when to look again.
    pub(crate) fn closed(&self) -> Option<(Hold, Duration)> {
        let windows = self.closed.get().filter(|windows| !windows.is_empty())?;
        let now = self.orders.borrow().now()?;
        let until = closed_until(windows, now)?.ok()?;
        let text = format!("by policy, nothing runs until {}", until.format("%a %H:%M UTC"));
        let left = (until - now).to_std().unwrap_or_default();
        let nap = left.clamp(Duration::from_millis(100), CLOSED_LOOK_EVERY);
        Some((Hold::new(HoldReason::Hours, text), nap))
    }

    /// What the owner was last told.
    pub(crate) fn orders(&self) -> Orders {
        self.orders.borrow().clone()
    }

    /// Sees each change of the orders.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Orders> {
        self.orders.subscribe()
    }

    /// Takes what a heartbeat has brought.
    pub(crate) fn obey(&self, orders: Orders) {
        self.orders.send_modify(|now| {
            // Before anybody wakes who waits for the end of a pause.
            if orders.cancel.is_some() {
                lock(&self.ends).cancel();
            }
            *now = orders;
        });
    }

    /// Sets the token that a cancellation cancels, also one that was asked for before.
    pub(crate) fn ends(&self, run: CancellationToken) {
        *lock(&self.ends) = run.clone();
        if self.orders.borrow().cancel.is_some() {
            run.cancel();
        }
    }

    /// The migration at this place of so many is at work.
    pub(crate) fn step(&self, at: usize, of: usize) {
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let mut position = lock(&self.position);
        *position = RunPosition { at: count(at + 1), of: count(of), ..RunPosition::default() };
    }

    /// Sets how fast the backfill at work is, and how long the rest of it takes.
    pub(crate) fn rate(&self, per_second: u64, remaining_ms: Option<u64>) {
        let mut position = lock(&self.position);
        (position.per_second, position.remaining_ms) = (Some(per_second), remaining_ms);
    }

    /// Sets what holds the run back.
    pub(crate) fn hold(&self, hold: Option<&Hold>) {
        lock(&self.position).hold = hold.cloned();
    }

    /// How far the run is, as it is stored; `None`: it runs no migration.
    pub(crate) fn position(&self) -> Option<Document> {
        let position = lock(&self.position);
        (position.of > 0).then(|| {
            let hold = position.hold.as_ref();
            let hold = hold.map_or(Bson::from("$$REMOVE"), |hold| {
                doc! { "reason": hold.reason.as_str(), "text": literal(&hold.text) }.into()
            });
            let whole = |number: Option<u64>| match number {
                Some(number) => Bson::from(i64::try_from(number).unwrap_or(i64::MAX)),
                None => Bson::from("$$REMOVE"),
            };
            doc! {
                "at": position.at, "of": position.of, "hold": hold,
                "perSecond": whole(position.per_second),
                "remainingMs": whole(position.remaining_ms),
            }
        })
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The pause in the lock.
pub(crate) fn parse_paused(lock: &Document) -> Option<Asked> {
    parse_asked(lock.get_document("paused").ok()?)
}

/// The request in the lock that ends the run with this fence number.
pub(crate) fn parse_cancel(lock: &Document, fence: i64) -> Option<Asked> {
    let cancel = lock.get_document("cancel").ok()?;
    let is_for_it = number(cancel, "fence") == Some(fence);
    #[cfg(mongrate_mutants)]
    let is_for_it = is_for_it || super::mutant::is(super::mutant::Mutant::ObeysOldCancel);
    if is_for_it { parse_asked(cancel) } else { None }
}

/// The changed settings in the lock.
pub(crate) fn parse_tuned(lock: &Document) -> Option<Tuned> {
    let tuned = lock.get_document("tuned").ok()?;
    let settings = parse_settings(tuned.get_document("settings").ok()?);
    Some(Tuned { settings, asked: parse_asked(tuned)? })
}

/// How far the run is that holds the lock.
pub(crate) fn parse_position(lock: &Document) -> Option<RunPosition> {
    let position = lock.get_document("position").ok()?;
    (number(position, "fence") == number(lock, "fence")).then_some(())?;
    let place = |key| number(position, key).and_then(|place| u32::try_from(place).ok());
    let hold = position.get_document("hold").ok().and_then(|hold| {
        let stored = hold.get_str("reason").ok()?;
        let reason = HoldReason::ALL.into_iter().find(|reason| reason.as_str() == stored)?;
        Some(Hold::new(reason, hold.get_str("text").unwrap_or_default()))
    });
    let whole = |key| number(position, key).and_then(|number| u64::try_from(number).ok());
    let (per_second, remaining_ms) = (whole("perSecond"), whole("remainingMs"));
    Some(RunPosition { at: place("at")?, of: place("of")?, per_second, remaining_ms, hold })
}

fn parse_asked(asked: &Document) -> Option<Asked> {
    Some(Asked {
        by: asked.get_document("by").map(parse_who).unwrap_or_default(),
        at: date(asked, "at")?,
        why: asked.get_str("why").ok().map(str::to_owned),
    })
}

/// The settings that are said, as they are stored.
fn settings_document(settings: &Tuning) -> Document {
    let Tuning { workers, batch_documents, batch_bytes, per_second, max_lag, max_queue, between } =
        *settings;
    let mut document = Document::new();
    let whole = |number: u64| Bson::from(i64::try_from(number).unwrap_or(i64::MAX));
    let off = || Bson::from(OFF);
    let number_or_off = |limit: Limit<u32>| limit.bound().map_or(off(), |it| whole(it.into()));
    let lag = |lag: std::time::Duration| whole(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX));
    for (key, value) in [
        ("workers", workers.map(|workers| whole(workers as u64))),
        ("batchDocuments", batch_documents.map(|documents| whole(documents.into()))),
        ("batchBytes", batch_bytes.map(whole)),
        ("perSecond", per_second.map(number_or_off)),
        ("maxLagMs", max_lag.map(|limit| limit.bound().map_or(off(), lag))),
        ("maxQueue", max_queue.map(number_or_off)),
        ("between", between.map(|limit| limit.bound().map_or(off(), |it| it.to_string().into()))),
    ] {
        if let Some(value) = value {
            document.insert(key, value);
        }
    }
    document
}

/// The settings that [`settings_document`] stored. What another version of Mongrate wrote, and this one
/// cannot read, is not set.
fn parse_settings(stored: &Document) -> Tuning {
    fn limit<T>(stored: &Document, key: &str, bound: Option<T>) -> Option<Limit<T>> {
        match stored.get_str(key) {
            Ok(OFF) => Some(Limit::Off),
            _ => bound.map(Limit::AtMost),
        }
    }
    let of_type = |key| number(stored, key).and_then(|number| u32::try_from(number).ok());
    let size = |key| number(stored, key).and_then(|number| u64::try_from(number).ok());
    let lag = size("maxLagMs").map(std::time::Duration::from_millis);
    let between = stored.get_str("between").ok().and_then(|hours| hours.parse().ok());
    Tuning {
        workers: size("workers").and_then(|workers| usize::try_from(workers).ok()),
        batch_documents: of_type("batchDocuments"),
        batch_bytes: size("batchBytes"),
        per_second: limit(stored, "perSecond", of_type("perSecond")),
        max_lag: limit(stored, "maxLagMs", lag),
        max_queue: limit(stored, "maxQueue", of_type("maxQueue")),
        between: limit(stored, "between", between),
    }
    .within_bounds()
}

/// A request of an operator.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub who: &'a Who,
    /// The person, for the audit log.
    pub user: Option<&'a str>,
    pub verb: SteeringVerb,
    /// Only if the run under way has this fence number.
    pub fence: Option<i64>,
    pub why: Option<&'a str>,
    pub settings: Tuning,
    /// The settings that were changed before are forgotten.
    pub reset: bool,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The lock after it.
    pub lock: Document,
    /// Whether it changed something; `false`: it was so before.
    pub changed: bool,
    /// The event that it left in the lock, for the record of the migration at work.
    pub event: Document,
}

/// Writes the request into the lock, in one round trip. `None`: there is no such run. `shown`: the
/// fields of the lock that are returned, beside its events.
pub(crate) async fn ask(
    control: &Control,
    request: &Request<'_>,
    mut shown: Document,
) -> Result<Option<Answer>, ServerError> {
    // A command that was sent twice, as its reply was lost, has changed something all the same.
    let id = Uuid::new().to_string();
    shown.insert("events", 1);
    let mut command = command(&control.collection, request, &id);
    command.insert("fields", shown.clone());
    let mut reply = control.retrying(None, command.clone()).await;
    if let Err(error) = &reply
        && error.code() == Some(code::DUPLICATE_KEY)
        && error.foreign_index().is_none()
    {
        // Another process created the lock at the same time.
        reply = control.retrying(None, command).await;
    }
    let reply = reply?;
    let lock = match reply.get_document("value") {
        Ok(lock) => lock.clone(),
        // The run may have ended because of the first one of two commands.
        Err(_) => {
            let asked = doc! { "_id": LOCK_ID, "events.request": &id };
            let found = control.find(None, asked, shown).await?;
            let Some(lock) = found.into_iter().next() else { return Ok(None) };
            lock
        }
    };
    let events = lock.get_array("events").map(Vec::as_slice).unwrap_or_default();
    let mine = events
        .iter()
        .filter_map(Bson::as_document)
        .find(|event| event.get_str("request").is_ok_and(|request| request == id));
    let event = mine.cloned().unwrap_or_default();
    let changed = mine.is_some();
    Ok(Some(Answer { lock, changed, event }))
}

/// The command that writes the request into the lock, unless it is so already.
fn command(collection: &str, request: &Request<'_>, id: &str) -> Document {
    let Request { who, user, verb, fence, why, settings, reset } = request;
    let mut asked =
        doc! { "fence": { "$ifNull": ["$fence", 0_i64] }, "by": who_document(who), "at": "$$NOW" };
    if let Some(why) = why {
        asked.insert("why", literal(why));
    }
    let what = match verb {
        SteeringVerb::Tune if *reset && settings.is_empty() => Some("as it was".to_owned()),
        SteeringVerb::Tune if *reset => Some(format!("as it was, but {settings}")),
        SteeringVerb::Tune => Some(settings.to_string()),
        _ => None,
    };
    let note = match (what, why) {
        (Some(what), Some(why)) => Some(format!("{what}: {why}")),
        (what, why) => what.or(why.map(str::to_owned)),
    };
    let name = match verb {
        SteeringVerb::Pause => "paused",
        SteeringVerb::Resume => "resumed",
        SteeringVerb::Tune => "tuned",
        SteeringVerb::Cancel => "cancel_asked",
    };
    let mut event = doc! { "event": name, "request": id };
    event.extend(asked.clone());
    event.remove("why");
    if let Some(note) = note {
        event.insert("note", literal(&note));
    }
    requests::number_event(&mut event, *user);
    let missing = |path: &str| doc! { "$eq": [{ "$type": path }, "missing"] };
    let (news, field, value): (Document, &str, Bson) = match verb {
        SteeringVerb::Pause => (missing("$paused"), "paused", asked.into()),
        SteeringVerb::Resume => {
            (doc! { "$not": [missing("$paused")] }, "paused", "$$REMOVE".into())
        }
        SteeringVerb::Tune => {
            let before = if *reset { doc! {}.into() } else { Bson::from("$tuned.settings") };
            let settings = doc! { "$literal": settings_document(settings) };
            asked.insert("settings", doc! { "$mergeObjects": [before, settings] });
            // Nothing is left to say.
            let is_empty = *reset && request.settings.is_empty();
            let tuned = if is_empty { "$$REMOVE".into() } else { asked.into() };
            let events = doc! { "$ifNull": ["$events.request", []] };
            (doc! { "$not": [{ "$in": [id, events] }] }, "tuned", tuned)
        }
        SteeringVerb::Cancel => {
            (doc! { "$ne": ["$cancel.fence", "$fence"] }, "cancel", asked.into())
        }
    };
    let kept = format!("${field}");
    let mut set = doc! {
        // A history that no process has run yet.
        "fence": { "$ifNull": ["$fence", 0_i64] },
        "events": { "$cond": [&news, with_request(event), "$events"] },
    };
    let (counter, count) = requests::counter(Some(&news));
    set.insert(counter, count);
    set.insert(field, doc! { "$cond": [news, value, kept] });
    let mut query = doc! { "_id": LOCK_ID };
    let of_a_run = fence.is_some() || matches!(verb, SteeringVerb::Tune | SteeringVerb::Cancel);
    if let Some(fence) = fence {
        query.insert("fence", *fence);
    }
    if of_a_run {
        query.insert("owner", doc! { "$type": "string" });
    }
    if *verb == SteeringVerb::Cancel {
        // Who takes over does not look at it.
        query.insert("$expr", doc! { "$gt": ["$expiresAt", "$$NOW"] });
    }
    doc! {
        "findAndModify": collection,
        "query": query,
        "update": [{ "$set": set }],
        "upsert": !of_a_run && *verb == SteeringVerb::Pause,
        "new": true,
        "writeConcern": majority(),
    }
}

/// Adds the request's event to the record of the migration that the run with this fence number is at
/// work on, if it has one. Only for people: what a run obeys is in the lock. So it does not wait for a
/// transaction of the run that has written the record.
pub(crate) async fn note(
    control: &Control,
    fence: i64,
    event: &Document,
) -> Result<(), ServerError> {
    let mut command = control.majority_update(vec![doc! {
        "q": { "_id": { "$type": "number" }, "state": "running", "fence": fence },
        "u": [{ "$set": { "events": with_request(doc! { "$literal": event }) } }],
    }]);
    command.insert("maxTimeMS", NOTE_MAX_MS);
    control.once(None, command).await.map(drop)
}

/// The events with one more request of an operator, and without the oldest ones. However many requests
/// there are, what else has happened stays: who took the lock away, when a migration began.
fn with_request(event: Document) -> Document {
    let events = doc! { "$ifNull": ["$events", []] };
    let is_other = doc! { "$eq": [{ "$type": "$$this.request" }, "missing"] };
    let others = doc! { "$filter": { "input": &events, "cond": &is_other } };
    let requests = doc! { "$filter": { "input": events, "cond": { "$not": [is_other] } } };
    doc! { "$concatArrays": [
        { "$slice": [others, -EVENTS_MAX] },
        { "$slice": [{ "$concatArrays": [requests, [event]] }, -REQUESTS_MAX] },
    ] }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::time_of_day::Hours;

    #[test]
    fn settings_are_stored_and_read() {
        let all = Tuning::new()
            .workers(4)
            .batch_documents(2_000)
            .batch_bytes(1 << 20)
            .per_second(500)
            .max_lag(Duration::from_secs(5))
            .max_queue(None)
            .between("22:00-06:00+01:00".parse::<Hours>().unwrap());
        for settings in [all, Tuning::new(), Tuning::new().per_second(None).max_lag(None)] {
            assert_eq!(parse_settings(&settings_document(&settings)), settings);
        }
        // Of what another version wrote, what can be read counts.
        let strange = doc! {
            "workers": 128, "perSecond": 100, "between": 7, "maxQueue": "little", "new": true,
        };
        assert_eq!(parse_settings(&strange), Tuning::new().per_second(100));
    }

    #[test]
    fn a_cancellation_is_for_one_run_and_a_pause_for_all() {
        let at = mongodb::bson::DateTime::from_millis(1_700_000_000_000);
        let by = doc! { "host": "ops", "pid": 7_i64, "app": "" };
        let lock = doc! {
            "fence": 8_i64, "now": at,
            "paused": { "fence": 3_i64, "by": by.clone(), "at": at, "why": "load" },
            "cancel": { "fence": 7_i64, "by": by, "at": at },
        };
        let orders = Orders::parse(&lock, 8);
        assert_eq!(orders.paused.and_then(|paused| paused.why).as_deref(), Some("load"));
        assert!(orders.cancel.is_none(), "it was for the run before");
        assert!(Orders::parse(&lock, 7).cancel.is_some());
        assert!(Orders::parse(&doc! {}, 8).paused.is_none());
    }

    #[test]
    fn a_run_is_ended_by_a_request_that_came_before_its_token() {
        let asked = Asked { by: Who::default(), at: DateTime::default(), why: None };
        let cancelled = || Orders { cancel: Some(asked.clone()), ..Orders::default() };
        let (early, late) = (CancellationToken::new(), CancellationToken::new());
        let steering = Steering::new(Orders::default());
        steering.ends(early.clone());
        assert!(!early.is_cancelled());
        steering.obey(cancelled());
        assert!(early.is_cancelled());
        Steering::new(cancelled()).ends(late.clone());
        assert!(late.is_cancelled());
    }
}
