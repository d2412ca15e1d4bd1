//! What users await is small: a future lies in its caller's own, and clippy's `large_futures` fails
//! the builds of those who turn it on. What is large inside is boxed.

use std::{convert::Infallible, future::Future};

use mongodb::bson::Document;
use tokio_util::sync::CancellationToken;

use crate::{
    kinds::{backfill::Backfill, online::Online},
    migrator::{
        Migrator,
        down::{Down, Redo},
        import::Import,
        purge::Purge,
        repair::Repair,
        up::Up,
    },
    model::{result::BoxError, state::Resolution, tuning::Tuning},
};

/// No public future is larger, in bytes; clippy complains from 16 KB on.
const MOST: usize = 4_096;

/// The size of a future that is never made.
fn size<F: Future>(_: impl FnOnce() -> F) -> usize {
    size_of::<F>()
}

/// An argument of a call that is never made.
fn any<T>() -> T {
    let never: Option<Infallible> = None;
    match never {
        Some(never) => match never {},
        None => unreachable!("only its type is asked for"),
    }
}

/// Each expression with its size.
macro_rules! sizes {
    ($($call:expr),* $(,)?) => { vec![$((stringify!($call), size(|| $call))),*] };
}

#[test]
fn every_public_future_is_small() {
    let sizes = [library(), bodies(), features()].concat();
    let large: Vec<_> = sizes.iter().filter(|(_, size)| *size > MOST).collect();
    assert!(large.is_empty(), "{large:#?}");
    assert!(sizes.len() > 40, "all of them are here: {}", sizes.len());
}

fn library() -> Vec<(&'static str, usize)> {
    let migrator = any::<&Migrator>;
    sizes![
        crate::on_start(any()),
        migrator().on_start().into_future(),
        migrator().status(),
        migrator().plan(),
        migrator().history().into_future(),
        migrator().audit().into_future(),
        migrator().audit_head(),
        migrator().verify_audit().into_future(),
        migrator().export_audit(|_| Ok(())),
        migrator().enable_audit(),
        migrator().disable_audit(),
        migrator().prune_audit(any()).into_future(),
        migrator().prune_audit(any()).preview(),
        migrator().baseline(any::<i64>()),
        migrator().resolve(any::<i64>(), any::<Resolution>()),
        migrator().lock_status(),
        migrator().force_unlock(any()),
        migrator().up().into_future(),
        migrator().pause().into_future(),
        migrator().tune(Tuning::new()).into_future(),
        migrator().down().into_future(),
        migrator().redo().into_future(),
        migrator().check().into_future(),
        migrator().drift().into_future(),
        migrator().schema(),
        migrator().repair().into_future(),
        migrator().purge().into_future(),
        migrator().up().dry_run().into_future(),
        migrator().up().shadow().into_future(),
        any::<Up<'_>>().plan(),
        any::<Down<'_>>().plan(),
        any::<Redo<'_>>().plan(),
        any::<Purge<'_>>().preview(),
        any::<Repair<'_>>().preview(),
        any::<Import<'_>>().preview(),
        any::<Import<'_>>().into_future(),
        any::<CancellationToken>().cancelled_owned(),
    ]
}

fn bodies() -> Vec<(&'static str, usize)> {
    let online = any::<&mut Online<'_>>;
    let each = |_: Document| -> Result<Option<Document>, BoxError> { Ok(None) };
    sizes![
        online().transaction("step", async |tx| {
            tx.collection::<Document>("users").delete_many(Document::new()).await?;
            Ok(())
        }),
        online().create_index(any(), any()).into_future(),
        online().drop_index(any(), any()),
        online().create_collection(any(), any()),
        online().drop_collection(any()),
        online().rename_collection(any(), any()),
        online().coll_mod(any(), any()),
        any::<Backfill<'_, '_>>().update(any()),
        any::<Backfill<'_, '_>>().update_each::<Document, _>(each),
        any::<Backfill<'_, '_>>().replace_each(each),
    ]
}

#[cfg(all(feature = "cli", feature = "http", feature = "testing"))]
fn features() -> Vec<(&'static str, usize)> {
    use crate::{
        cli,
        embedded::{self, Embedded},
        http::Api,
        testing,
    };

    let database = any::<&testing::Database>;
    sizes![
        cli::main(),
        any::<cli::Cli>().run(),
        any::<cli::Cli>().run_from(any::<Vec<String>>()),
        any::<&cli::Command>().execute(any(), any()),
        any::<&cli::ServeArgs>().execute(any(), any()),
        any::<&cli::Cli>().connect(any()),
        any::<cli::Connection>().close(),
        any::<&Api>().serve(any(), any()),
        any::<&Api>().shutdown(),
        Embedded::start(),
        any::<embedded::EmbeddedBuilder>().start(),
        any::<&Embedded>().kill_node(any()),
        any::<&Embedded>().restart_node(any()),
        any::<Embedded>().stop(),
        embedded::mongod_binary(),
        testing::apply_twice(database()),
        testing::round_trip(database()),
        testing::kill(database(), any(), async |migrator| migrator.up().await),
        testing::fail(database(), any(), async |migrator| migrator.up().await),
        testing::snapshot(any()),
        database().migrate(),
        database().migrate_to(any::<i64>()),
        database().load_fixture(any()),
        database().assert_schema(),
        database().assert_schema_in(""),
    ]
}

#[cfg(not(all(feature = "cli", feature = "http", feature = "testing")))]
fn features() -> Vec<(&'static str, usize)> {
    Vec::new()
}
