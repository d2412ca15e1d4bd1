//! `down --only`: for random declared histories, what it allows leads to the database that the history
//! without that migration leads to.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use mongrate::{Change, Error, Migration, bson::Document};
use mongrate_tests::{TestDb, snapshot::snapshot};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};

use super::laws::{Op, TURN, documents, op, server};

/// What each migration of the history declares: a migration is a plain function, and captures nothing.
static HISTORY: Mutex<Vec<Vec<Op>>> = Mutex::new(Vec::new());

fn declare(number: usize, change: &mut Change) {
    let history = HISTORY.lock().unwrap_or_else(PoisonError::into_inner);
    for op in history.get(number).into_iter().flatten() {
        op.record(change);
    }
}

const ALL: [Migration; 5] = [
    Migration::declared(1, "one", |change| declare(0, change)),
    Migration::declared(2, "two", |change| declare(1, change)),
    Migration::declared(3, "three", |change| declare(2, change)),
    Migration::declared(4, "four", |change| declare(3, change)),
    Migration::declared(5, "five", |change| declare(4, change)),
];

#[derive(Clone, Debug)]
struct Case {
    documents: [Vec<Document>; 2],
    history: Vec<Vec<Op>>,
}

fn case() -> impl Strategy<Value = Case> {
    let migration = proptest::collection::vec(op(), 1..3);
    let history = proptest::collection::vec(migration, 2..=ALL.len());
    (documents(), documents(), history)
        .prop_map(|(a, b, history)| Case { documents: [a, b], history })
}

/// A database in which the migrations with these numbers are applied; or the number of the first one
/// that is refused.
async fn applied(uri: &str, case: &Case, numbers: &[usize]) -> Result<TestDb, (usize, Error)> {
    let fresh = TestDb::on(uri, "alone").await;
    for (name, documents) in ["a", "b"].into_iter().zip(&case.documents) {
        fresh.db.create_collection(name).await.unwrap();
        if !documents.is_empty() {
            fresh.db.collection::<Document>(name).insert_many(documents).await.unwrap();
        }
    }
    for number in numbers {
        // Each on its own, so that no number is taken for late.
        let list: Vec<Migration> =
            numbers.iter().filter(|at| *at <= number).map(|at| ALL[*at]).collect();
        if let Err(error) = fresh.migrator(list).up().await {
            fresh.pass().await;
            return Err((*number, error));
        }
    }
    Ok(fresh)
}

async fn holds(uri: &str, case: Case, allowed: &AtomicU32) -> Result<(), TestCaseError> {
    HISTORY.lock().unwrap().clone_from(&case.history);
    let mut numbers: Vec<usize> = (0..case.history.len()).collect();
    // Without the migrations that are refused: of those, others tests tell.
    loop {
        match applied(uri, &case, &numbers).await {
            Ok(fresh) => {
                fresh.pass().await;
                break;
            }
            Err((refused, _)) => numbers.retain(|number| *number != refused),
        }
    }
    let list: Vec<Migration> = numbers.iter().map(|number| ALL[*number]).collect();
    for alone in &numbers {
        let fail = |text: String| {
            Err(TestCaseError::fail(format!("only {}: {text}\n{:#?}", alone + 1, case.history)))
        };
        let Ok(fresh) = applied(uri, &case, &numbers).await else {
            return fail("it was applied before".to_owned());
        };
        let migrator = fresh.migrator(list.clone());
        let version = ALL[*alone].version();
        match migrator.down().only(version).plan().await {
            Ok(_) => {}
            Err(Error::NotIndependent { .. }) => {
                fresh.pass().await;
                continue;
            }
            Err(error) => return fail(error.to_string()),
        }
        if let Err(error) = migrator.down().only(version).await {
            // As it would be, had nothing come after it: of that, the law's tests tell.
            let up_to_it: Vec<usize> = numbers.iter().copied().filter(|at| at <= alone).collect();
            let Ok(last) = applied(uri, &case, &up_to_it).await else {
                return fail("it was applied before".to_owned());
            };
            let list: Vec<Migration> = up_to_it.iter().map(|number| ALL[*number]).collect();
            if last.migrator(list).down().await.is_ok() {
                return fail(error.to_string());
            }
            last.pass().await;
            fresh.pass().await;
            continue;
        }
        let without: Vec<usize> = numbers.iter().copied().filter(|at| at != alone).collect();
        let other = match applied(uri, &case, &without).await {
            Ok(other) => other,
            Err((number, error)) => {
                return fail(format!("without it, {} is refused: {error}", number + 1));
            }
        };
        let (rolled_back, never) = (snapshot(&fresh.db).await, snapshot(&other.db).await);
        if rolled_back != never {
            return fail(format!("{rolled_back:#?}\nis not {never:#?}"));
        }
        if alone + 1 < case.history.len() {
            allowed.fetch_add(1, Ordering::Relaxed);
        }
        fresh.pass().await;
        other.pass().await;
    }
    Ok(())
}

/// `ALONE_CASES` says how many; some are always tried.
#[test]
fn what_is_rolled_back_alone_might_never_have_been_applied() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (uri, _server) = runtime.block_on(server());
    let cases = std::env::var("ALONE_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = cases.unwrap_or(12);
    let config =
        Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    let allowed = AtomicU32::new(0);
    let mut runner = TestRunner::new(config);
    let found = runner.run(&case(), |case| runtime.block_on(holds(&uri, case, &allowed)));
    found.unwrap_or_else(|error| panic!("{error}"));
    // A test in which everything is refused would show nothing.
    let allowed = allowed.into_inner();
    assert!(allowed >= cases / 5, "{allowed} allowed in {cases} cases");
}
