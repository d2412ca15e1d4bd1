//! What it costs, in commands and bytes.

use mongrate::{
    Migration,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, effects::TWENTY};

use super::{audited, documents};

fn declared() -> Migration {
    Migration::declared(100, "declared", |change| {
        change.create_index("effects", doc! { "version": 1 });
        change.create_index("effects", doc! { "saw": 1 });
    })
}

fn names(sent: &[(String, Document)]) -> Vec<&str> {
    sent.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_migration_costs_one_command_more_and_nothing_pending_none() {
    let fresh = TestDb::new("audit_costs").await;
    let migrator = audited(&fresh, TWENTY);
    migrator.up().steps(1).await.unwrap();
    fresh.wire.take();
    migrator.up().await.unwrap();
    let sent = fresh.wire.take_full();
    // Their own: `distinct` and `insert`.
    assert_eq!(sent.len(), 5 + 19 * (2 + 1 + 2), "{:?}", names(&sent));
    let to_log = |command: &Document| {
        command.get_str("insert").is_ok_and(|name| name == "migrations.audit_log")
    };
    let bytes: Vec<usize> = sent
        .iter()
        .filter(|(_, command)| to_log(command))
        .map(|(_, command)| command.get_array("documents").unwrap()[0].to_string().len())
        .collect();
    assert_eq!(bytes.len(), 19);
    migrator.up().await.unwrap();
    assert_eq!(names(&fresh.wire.take_full()), ["find"]);
    let stored: Vec<usize> = documents(&fresh)
        .await
        .iter()
        .map(|entry| mongrate::bson::RawDocumentBuf::try_from(entry).unwrap().as_bytes().len())
        .collect();
    let most = *stored.iter().max().unwrap();
    println!("bytes of an entry: {} to {most}", stored.iter().min().unwrap());
    assert!((400..800).contains(&most), "{stored:?}");
    fresh.pass().await;
}

/// A declared one has two events; operations and batches have none.
#[tokio::test]
async fn a_declared_migration_costs_two_commands_more() {
    let mut counts = Vec::new();
    for keeps in [false, true] {
        let fresh = TestDb::new("audit_declared").await;
        let list = || TWENTY.into_iter().chain([declared()]);
        let migrator = audited(&fresh, list()).keep_audit_log(keeps);
        migrator.up().steps(20).await.unwrap();
        fresh.wire.take();
        migrator.up().await.unwrap();
        let up = fresh.wire.take().len();
        migrator.down().await.unwrap();
        counts.push((up, fresh.wire.take().len()));
        fresh.pass().await;
    }
    let [(up, down), (up_audited, down_audited)] = counts[..] else { panic!("{counts:?}") };
    assert_eq!((up_audited, down_audited), (up + 2, down + 2));
}

/// All together in one transaction: one command, with an entry for each.
#[tokio::test]
async fn migrations_that_are_applied_together_share_one_command() {
    let fresh = TestDb::new("audit_atomic").await;
    let migrator = audited(&fresh, TWENTY);
    migrator.enable_audit().await.unwrap();
    fresh.wire.take();
    migrator.up().atomic(true).await.unwrap();
    let inserts = fresh.wire.take_full().into_iter().filter(|(_, command)| {
        command.get_str("insert").is_ok_and(|name| name == "migrations.audit_log")
    });
    let counts: Vec<usize> =
        inserts.map(|(_, command)| command.get_array("documents").unwrap().len()).collect();
    assert_eq!(counts, [20]);
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    fresh.pass().await;
}
