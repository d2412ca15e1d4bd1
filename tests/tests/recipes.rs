//! A recipe for each code and label that a server may answer with (`failCommand`), at each kind
//! of command that a run sends: what passes is not even noticed, what does not is a clear error,
//! and either way each effect is there once and no transaction stays open.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicI32, Ordering},
        mpsc,
    },
    time::Duration,
};

use mongrate::{
    Error, Kind, Migration,
    bson::{Bson, Document, doc},
    mongodb::{
        Client, Database,
        event::{EventHandler, command::CommandEvent},
        options::ClientOptions,
    },
};
use mongrate_tests::{
    TestDb, effect,
    effects::{assert_exactly_once, present},
    on_servers,
};

const THREE: [Migration; 3] = [effect!(1), effect!(2), effect!(3)];

/// What a run makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// It continues, and all is applied.
    Well,
    /// The second migration fails with this code, and the first one stays.
    Failed(i32),
    /// The run ends with this kind of error.
    Refused(Kind),
}

/// Where: a kind of command, and how many of them to let through first.
type At = (&'static str, i32);

/// Read of the digest, and of the history under the lock.
const FIND: [At; 2] = [("find", 0), ("find", 1)];
/// Acquisition.
const LOCK: At = ("findAndModify", 0);
/// The fence is raised.
const RAISE: At = ("update", 0);
/// Of the first and of the second migration.
const GUARD: [At; 2] = [("update", 1), ("update", 2)];
/// The second migration's own write, and its own read.
const OWN: [At; 2] = [("insert", 1), ("distinct", 1)];
/// Of the first and of the last migration.
const COMMIT: [At; 2] = [("commitTransaction", 0), ("commitTransaction", 2)];
/// Of the second migration.
const COMMIT_SECOND: At = ("commitTransaction", 1);
/// The lock is given back.
const RELEASE: At = ("update", 4);

struct Recipe {
    name: &'static str,
    how: Document,
    at: Vec<At>,
    ends: Ends,
}

fn recipe(name: &'static str, how: Document, at: &[&[At]], ends: Ends) -> Recipe {
    Recipe { name, how, at: at.concat(), ends }
}

const TRANSIENT: &str = "TransientTransactionError";
const UNKNOWN: &str = "UnknownTransactionCommitResult";

fn book() -> Vec<Recipe> {
    let mut book = Vec::new();
    for (code, name) in [
        (24, "LockTimeout"),
        (112, "WriteConflict"),
        (225, "TransactionTooOld"),
        (246, "SnapshotUnavailable"),
        (251, "NoSuchTransaction"),
    ] {
        let how = doc! { "errorCode": code, "errorLabels": [TRANSIENT] };
        book.push(recipe(name, how, &[&GUARD, &OWN, &COMMIT], Ends::Well));
    }
    for (code, name) in [(50, "MaxTimeMSExpired"), (64, "WriteConcernFailed"), (91, "Shutdown")] {
        let how = doc! { "errorCode": code, "errorLabels": [UNKNOWN] };
        book.push(recipe(name, how, &[&COMMIT], Ends::Well));
    }
    for (code, name) in [
        (64, "wtimeout"),
        (91, "write concern: ShutdownInProgress"),
        (189, "write concern: PrimarySteppedDown"),
        (11_602, "write concern: InterruptedDueToReplStateChange"),
    ] {
        let how = doc! { "writeConcernError": { "code": code, "errmsg": name } };
        book.push(recipe(name, how.clone(), &[&COMMIT, &[RELEASE]], Ends::Well));
        // 64 is a majority that does not keep up for 20 s: before the first write, that is said.
        let ends = if code == 64 { Ends::Refused(Kind::Unavailable) } else { Ends::Well };
        book.push(recipe(name, how, &[&[LOCK, RAISE]], ends));
    }
    for (code, name) in [
        (91, "ShutdownInProgress"),
        (189, "PrimarySteppedDown"),
        (10_107, "NotWritablePrimary"),
        (11_600, "InterruptedAtShutdown"),
        (11_602, "InterruptedDueToReplStateChange"),
        (13_435, "NotPrimaryNoSecondaryOk"),
        (13_436, "NotPrimaryOrSecondary"),
    ] {
        let how = doc! { "errorCode": code };
        let outside: [At; 4] = [FIND[0], FIND[1], LOCK, RAISE];
        book.push(recipe(name, how.clone(), &[&outside, &COMMIT], Ends::Well));
        let mut labelled = how;
        labelled.insert("errorLabels", [TRANSIENT]);
        book.push(recipe(name, labelled, &[&GUARD, &OWN], Ends::Well));
    }
    let cut = doc! { "closeConnection": true };
    let everywhere: &[&[At]] = &[&FIND, &[LOCK, RAISE, RELEASE], &GUARD, &OWN, &COMMIT];
    book.push(recipe("connection cut", cut, everywhere, Ends::Well));
    for (code, name) in [
        (6, "HostUnreachable"),
        (7, "HostNotFound"),
        (89, "NetworkTimeout"),
        (262, "ExceededTimeLimit"),
        (9_001, "SocketException"),
    ] {
        let how = doc! { "errorCode": code };
        let outside: [At; 4] = [FIND[0], FIND[1], LOCK, RAISE];
        book.push(recipe(name, how, &[&outside, &COMMIT], Ends::Well));
    }
    let killed = doc! { "errorCode": 50 };
    book.push(recipe("a transaction holds the fence", killed, &[&[RAISE]], Ends::Well));
    // 11000 and 121 cannot be injected, as they carry details: see `real_refusals`.
    for (code, name) in
        [(13, "Unauthorized"), (72, "InvalidOptions"), (263, "OperationNotSupportedInTransaction")]
    {
        let how = doc! { "errorCode": code };
        book.push(recipe(name, how.clone(), &[&OWN], Ends::Failed(code)));
        let refused = Ends::Refused(if code == 13 { Kind::Forbidden } else { Kind::Unavailable });
        let ours: [At; 6] = [FIND[0], FIND[1], LOCK, RAISE, GUARD[1], COMMIT[1]];
        book.push(recipe(name, how, &[&ours], refused));
    }
    // A limit of the server's is the migration's own failure, whichever command passes it.
    for (code, name) in [
        (257, "TransactionTooLarge"),
        (290, "TransactionExceededLifetimeLimitSeconds"),
        (388, "TransactionTooLargeForCache"),
    ] {
        let how = doc! { "errorCode": code };
        let inside: &[&[At]] = &[&[GUARD[1], COMMIT_SECOND], &OWN];
        book.push(recipe(name, how.clone(), inside, Ends::Failed(code)));
        let outside: &[&[At]] = &[&FIND, &[LOCK, RAISE]];
        book.push(recipe(name, how, outside, Ends::Refused(Kind::Unavailable)));
    }
    book
}

/// Sets fail points from a thread of its own, so that a command can wait for one.
#[derive(Clone)]
struct Cook(mpsc::Sender<(Document, mpsc::Sender<Document>)>);

impl Cook {
    fn new(uri: &str) -> Self {
        let (sender, orders) = mpsc::channel::<(Document, mpsc::Sender<Document>)>();
        let uri = uri.to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let admin = Client::with_uri_str(uri).await.unwrap().database("admin");
                while let Ok((order, done)) = orders.recv() {
                    done.send(admin.run_command(order).await.unwrap()).unwrap();
                }
            });
        });
        Self(sender)
    }

    /// How often the fail point struck so far.
    fn set(&self, mode: impl Into<Bson>, data: Document) -> i64 {
        let (done, reply) = mpsc::channel();
        let mode = mode.into();
        let order = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
        self.0.send((order, done)).unwrap();
        let reply = reply.recv().unwrap();
        reply.get_i64("count").or_else(|_| reply.get_i32("count").map(i64::from)).unwrap()
    }

    /// Fails the command that comes after so many others of its kind, and no other.
    fn handler(&self, (command, skip): At, data: Document) -> EventHandler<CommandEvent> {
        let (cook, seen) = (self.clone(), AtomicI32::new(0));
        EventHandler::callback(move |event| match event {
            CommandEvent::Started(started)
                if started.command_name == command
                    && seen.fetch_add(1, Ordering::SeqCst) == skip =>
            {
                cook.set(doc! { "times": 1 }, data.clone());
            }
            _ => {}
        })
    }
}

async fn open_transactions(admin: &Database, app: &str) -> usize {
    let pipeline = [
        doc! { "$currentOp": { "allUsers": true, "idleSessions": true } },
        doc! { "$match": { "appName": app, "transaction.parameters.autocommit": false } },
    ];
    let mut found = admin.aggregate(pipeline).await.unwrap();
    let mut open = 0;
    while found.advance().await.unwrap() {
        open += 1;
    }
    open
}

/// What is not as it has to be after this recipe at this place.
async fn taste(uri: &str, cook: &Cook, admin: &Database, recipe: &Recipe, at: At) -> Vec<String> {
    let mut wrong = Vec::new();
    let fresh = TestDb::on(uri, "recipe").await;
    let name = fresh.db.name().to_owned();
    // What makes the driver doubt its primary costs until its monitor's next look.
    let mut options = ClientOptions::parse(&fresh.uri).await.unwrap();
    options.app_name = Some(name.clone());
    options.heartbeat_freq = Some(Duration::from_millis(500));
    let mut data = doc! { "failCommands": [at.0], "appName": &name };
    data.extend(recipe.how.clone());
    options.command_event_handler = Some(cook.handler(at, data));
    let before = cook.set("off", doc! {});
    let db = Client::with_options(options).unwrap().database(&name);
    let migrator = mongrate::Migrator::with(&db, THREE);

    let end = migrator.up().await;
    if cook.set("off", doc! {}) != before + 1 {
        wrong.push("it did not strike once".to_owned());
    }
    match (&end, recipe.ends) {
        (Ok(_), Ends::Well) => assert_exactly_once(&db, 1..=3).await,
        (Err(error @ Error::Failed { report, .. }), Ends::Failed(code)) => {
            let failures = report.steps.iter().filter_map(|step| step.failure.as_ref());
            let codes: Vec<_> = failures.map(|failure| failure.code).collect();
            // Missing rights are that wherever the server says so.
            let kind = if code == 13 { Kind::Forbidden } else { Kind::Failed };
            if codes != [Some(code)] || error.kind() != kind {
                wrong.push(format!("{codes:?}: {error}"));
            }
            if present(&db).await != [1] {
                wrong.push("a failed migration has left an effect, or the first one none".into());
            }
        }
        (Err(error), Ends::Refused(kind)) if error.kind() == kind => {}
        (Ok(_), _) => wrong.push("went well".to_owned()),
        (Err(error), _) => wrong.push(format!("{:?}: {error}", error.kind())),
    }
    let open = open_transactions(admin, &name).await;
    if open > 0 {
        wrong.push(format!("{open} transactions stay open"));
    }
    match migrator.up().await {
        Ok(_) => assert_exactly_once(&db, 1..=3).await,
        Err(error) => wrong.push(format!("the next run: {error}")),
    }
    if wrong.is_empty() {
        fresh.pass().await;
    }
    let place = format!("{} at {at:?}", recipe.name);
    wrong.into_iter().map(|what| format!("{place}: {what}")).collect()
}

#[tokio::test]
async fn each_code_and_label_at_each_command() {
    let book = book();
    let places = book.iter().flat_map(|recipe| recipe.at.iter().map(move |at| (recipe, *at)));
    let cooked = places.clone().count();
    let places = Mutex::new(places);
    let wrong = Mutex::new(Vec::new());
    on_servers(3, async |uri| {
        let admin = Client::with_uri_str(uri).await.unwrap().database("admin");
        let cook = Cook::new(uri);
        while let Some((recipe, at)) = { places.lock().unwrap().next() } {
            let found = taste(uri, &cook, &admin, recipe, at).await;
            wrong.lock().unwrap().extend(found);
        }
    })
    .await;
    let wrong = wrong.into_inner().unwrap();
    println!("{cooked} places");
    assert!(wrong.is_empty(), "{} of {cooked}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Those with details, which only the real thing gives.
#[tokio::test]
async fn real_refusals() {
    let duplicate = Migration::transactional(2, "effect_2", |tx| {
        Box::pin(async move {
            let mut strict = tx.collection::<Document>("strict");
            strict.insert_one(doc! { "_id": 1, "a": 1 }).await?;
            strict.insert_one(doc! { "_id": 1, "a": 1 }).await?;
            Ok(())
        })
    });
    let invalid = Migration::transactional(2, "effect_2", |tx| {
        Box::pin(async move {
            tx.collection::<Document>("strict").insert_one(doc! { "b": 1 }).await?;
            Ok(())
        })
    });
    for (code, second) in [(11_000, duplicate), (121, invalid)] {
        let fresh = TestDb::new("real_refusal").await;
        let strict = doc! { "create": "strict", "validator": { "a": { "$exists": true } } };
        fresh.db.run_command(strict).await.unwrap();
        let error = fresh.migrator([effect!(1), second, effect!(3)]).up().await.unwrap_err();
        let report = error.report().unwrap();
        let codes: Vec<_> =
            report.steps.iter().filter_map(|step| Some(step.failure.as_ref()?.code)).collect();
        assert_eq!(codes, [Some(code)], "{error}");
        assert_eq!(present(&fresh.db).await, [1]);
        let admin = fresh.db.client().database("admin");
        assert_eq!(open_transactions(&admin, fresh.db.name()).await, 0);
        fresh.migrator(THREE).up().await.unwrap();
        assert_exactly_once(&fresh.db, 1..=3).await;
        fresh.pass().await;
    }
}
