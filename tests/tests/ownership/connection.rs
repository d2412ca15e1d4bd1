//! Every option of a connection string, alone: none gets into the protocol.

use std::collections::BTreeSet;

use mongrate::{
    Change, Error, Kind, Migration, Migrator,
    bson::{Document, doc},
    mongodb::{
        Client, Database,
        options::{
            Acknowledgment, ClientOptions, DatabaseOptions, ReadConcern, ReadPreference,
            SelectionCriteria, WriteConcern,
        },
    },
};
use mongrate_tests::{
    TestDb, effect,
    effects::{present, versions},
};

/// A body that reads and writes in each way that it may.
const IN_TRANSACTION: Migration = Migration::transactional(1, "in_transaction", |tx| {
    Box::pin(async move {
        let mut things = tx.collection::<Document>("things");
        things.insert_one(doc! { "_id": 1, "n": 1 }).await?;
        things.update_many(doc! {}, doc! { "$inc": { "n": 1 } }).await?;
        assert_eq!(things.count_documents(doc! { "n": 2 }).await?, 1);
        assert!(things.find_one(doc! { "_id": 1 }).await?.is_some());
        let mut cursor = things.find(doc! {}).await?;
        assert!(cursor.next(tx.session()).await.transpose()?.is_some());
        let mut things = tx.collection::<Document>("things");
        let grouped = [doc! { "$group": { "_id": null, "n": { "$sum": "$n" } } }];
        let mut cursor = things.aggregate(grouped).await?;
        assert!(cursor.next(tx.session()).await.transpose()?.is_some());
        Ok(())
    })
})
.reversible_by(|tx| {
    Box::pin(async move {
        tx.collection::<Document>("things").delete_many(doc! {}).await?;
        Ok(())
    })
});

const ONLINE: Migration = Migration::online_steps(2, "online", |on| {
    Box::pin(async move {
        let people = on.collection::<Document>("people");
        for id in 0..20 {
            people
                .update_one(doc! { "_id": id }, doc! { "$set": { "name": "x" } })
                .upsert(true)
                .await?;
        }
        // What was just written is read, wherever the client would read.
        assert_eq!(people.count_documents(doc! {}).await?, 20);
        on.create_index("people", doc! { "name": 1 }).await?;
        let walk = on.backfill("walk", "people").batch_size(7).workers(2);
        let report = walk.update(vec![doc! { "$set": { "seen": true } }]).await?;
        assert_eq!(report.documents, 20);
        Ok(())
    })
})
.reversible_online_by(|on| {
    Box::pin(async move {
        on.collection::<Document>("people").delete_many(doc! {}).await?;
        on.drop_index("people", "name_1").await
    })
});

fn declared(change: &mut Change) {
    change.rename_field("people", "name", "full_name");
    change.create_index("people", doc! { "full_name": 1 });
}

fn all() -> [Migration; 3] {
    [IN_TRANSACTION, ONLINE, Migration::declared(3, "declared", declared)]
}

async fn parsed(fresh: &TestDb, option: &str) -> Result<Database, String> {
    let uri = match fresh.uri.split_once("retryWrites=true") {
        // A router's has this one, so that it has one, and none may be repeated.
        Some((before, _)) => format!("{before}{option}"),
        None if fresh.uri.contains('?') => format!("{}&{option}", fresh.uri),
        None => format!("{}/?{option}", fresh.uri),
    };
    let options = ClientOptions::parse(uri).await;
    let options = options.map_err(|error| format!("{option}: {error}"))?;
    Ok(Client::with_options(options).unwrap().database(fresh.db.name()))
}

#[track_caller]
fn ok<T>(what: &str, ended: Result<T, Error>) -> T {
    ended.unwrap_or_else(|error| panic!("{what}: {error}"))
}

async fn works(what: &str, fresh: &TestDb, database: &Database) {
    let migrator = Migrator::with(database, all());
    let status = ok(what, migrator.status().await);
    assert_eq!(status.pending, 3, "{what}");
    let up = ok(what, migrator.up().await);
    assert_eq!(up.versions(), versions(1..=3), "{what}");
    let people = fresh.db.collection::<Document>("people");
    let walked = doc! { "full_name": "x", "seen": true };
    assert_eq!(people.count_documents(walked).await.unwrap(), 20, "{what}");
    assert!(ok(what, migrator.up().await).is_empty(), "{what}");
    ok(what, migrator.check().await);
    let tried = ok(what, migrator.down().all().dry_run().await);
    assert!(tried.is_ok(), "{what}: {tried:?}");
    let down = ok(what, migrator.down().all().await);
    assert_eq!(down.versions(), versions([3, 2, 1]), "{what}");
    assert_eq!(people.count_documents(doc! {}).await.unwrap(), 0, "{what}");
}

/// The options of the specifications, each with the values that one of it may have.
#[tokio::test(flavor = "multi_thread")]
async fn no_option_of_a_connection_string_breaks_a_migration() {
    let mut refused = Vec::new();
    for option in [
        "appName=shop",
        "readPreference=primary",
        "readPreference=primaryPreferred",
        "readPreference=secondary",
        "readPreference=secondaryPreferred",
        "readPreference=nearest",
        "readPreference=secondary&readPreferenceTags=dc:nowhere",
        "readPreference=secondaryPreferred&readPreferenceTags=dc:east,use:reports&readPreferenceTags=",
        "readPreference=nearest&readPreferenceTags=dc:nowhere",
        "readPreference=secondaryPreferred&maxStalenessSeconds=120",
        "readPreference=secondary&maxStalenessSeconds=90",
        "readConcernLevel=local",
        "readConcernLevel=available",
        "readConcernLevel=majority",
        "readConcernLevel=linearizable",
        "readConcernLevel=snapshot",
        "w=1",
        "w=2",
        "w=7",
        "w=majority",
        "w=nosuchtag",
        "w=7&wtimeoutMS=100",
        "wtimeoutMS=1",
        "wtimeoutMS=1000",
        "journal=true",
        "journal=false",
        "w=1&journal=true",
        "retryWrites=true",
        "retryWrites=false",
        "retryReads=true",
        "retryReads=false",
        "maxPoolSize=1",
        "maxPoolSize=100",
        "minPoolSize=3",
        "maxPoolSize=2&minPoolSize=1",
        "maxConnecting=1",
        "maxIdleTimeMS=1",
        "maxIdleTimeMS=60000",
        "waitQueueTimeoutMS=5000",
        "connectTimeoutMS=5000",
        "serverSelectionTimeoutMS=5000",
        "heartbeatFrequencyMS=500",
        "heartbeatFrequencyMS=60000",
        "localThresholdMS=0",
        "localThresholdMS=500",
        "serverMonitoringMode=poll",
        "serverMonitoringMode=stream",
        "serverMonitoringMode=auto",
        "tls=false",
        "ssl=false",
        "authSource=somewhere",
        "uuidRepresentation=javaLegacy",
        "loadBalanced=false",
        "directConnection=false",
        "directConnection=true",
    ] {
        let fresh = TestDb::new("no_option").await;
        match parsed(&fresh, option).await {
            Ok(database) => works(option, &fresh, &database).await,
            Err(error) => refused.push(error),
        }
        fresh.pass().await;
    }
    assert_eq!(refused, Vec::<String>::new(), "the driver takes them");
}

/// Nor do the defaults that a client or a database is made with.
#[tokio::test(flavor = "multi_thread")]
async fn no_default_of_a_client_or_a_database_breaks_a_migration() {
    let seven = WriteConcern::from(Acknowledgment::Nodes(7));
    let secondary = SelectionCriteria::ReadPreference(ReadPreference::Secondary { options: None });
    for of_client in [true, false] {
        let fresh = TestDb::new("no_default").await;
        let mut options = ClientOptions::parse(&fresh.uri).await.unwrap();
        if of_client {
            options.selection_criteria = Some(secondary.clone());
            options.read_concern = Some(ReadConcern::linearizable());
            options.write_concern = Some(seven.clone());
        }
        let client = Client::with_options(options).unwrap();
        let database = match of_client {
            true => client.database(fresh.db.name()),
            false => client.database_with_options(
                fresh.db.name(),
                DatabaseOptions::builder()
                    .selection_criteria(secondary.clone())
                    .read_concern(ReadConcern::snapshot())
                    .write_concern(seven.clone())
                    .build(),
            ),
        };
        works("defaults", &fresh, &database).await;
        fresh.pass().await;
    }
}

/// What goes over the wire says itself what it wants.
#[tokio::test]
async fn what_is_sent_is_the_same_whatever_the_client_says() {
    // As a set: a busy server may have a transaction tried again, which aborts it first.
    let sent_by = async |options: DatabaseOptions| -> BTreeSet<(String, Vec<String>)> {
        let fresh = TestDb::new("the_same_is_sent").await;
        let db = fresh.db.client().database_with_options(fresh.db.name(), options);
        let migrator = Migrator::with(&db, [effect!(1), effect!(2)]);
        fresh.wire.take();
        migrator.up().await.unwrap();
        migrator.down().all().await.unwrap();
        let sent = fresh.wire.take_full();
        fresh.pass().await;
        let shown = |(name, command): (String, Document)| {
            let of = |key: &str| format!("{key}: {:?}", command.get(key));
            (name, ["writeConcern", "$readPreference"].map(of).to_vec())
        };
        sent.into_iter().filter(|(name, _)| name != "abortTransaction").map(shown).collect()
    };
    let plain = sent_by(DatabaseOptions::default()).await;
    let odd = DatabaseOptions::builder()
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Nearest {
            options: None,
        }))
        .write_concern(WriteConcern::from(Acknowledgment::Nodes(3)))
        .read_concern(ReadConcern::linearizable())
        .build();
    assert_eq!(sent_by(odd).await, plain);
}

#[tokio::test]
async fn unacknowledged_writes_are_refused_at_once_and_by_name() {
    let fresh = TestDb::new("unacknowledged").await;
    let nobody = WriteConcern::builder().w(Acknowledgment::Nodes(0)).build();
    let options = DatabaseOptions::builder().write_concern(nobody).build();
    let by_options = fresh.db.client().database_with_options(fresh.db.name(), options);
    for database in [parsed(&fresh, "w=0").await.unwrap(), by_options] {
        let migrator = Migrator::with(&database, [effect!(1)]);
        fresh.wire.take();
        let errors = [
            migrator.up().await.unwrap_err(),
            migrator.down().await.unwrap_err(),
            migrator.status().await.unwrap_err(),
            migrator.check().await.unwrap_err(),
            migrator.up().dry_run().await.unwrap_err(),
            migrator.on_start().await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("w=0"), "{error}");
            assert_eq!(error.kind(), Kind::Usage, "{error}");
        }
        assert_eq!(fresh.wire.take(), Vec::<String>::new(), "nothing was sent");
    }
    assert_eq!(present(&fresh.db).await, [0_i64; 0]);
    fresh.pass().await;
}

/// Options that no connection can come of fail before anything is written, for each verb alike.
#[tokio::test]
async fn an_option_that_does_not_fit_the_server_fails_alike_for_every_verb() {
    for option in
        ["tls=true&serverSelectionTimeoutMS=700", "replicaSet=another&serverSelectionTimeoutMS=700"]
    {
        let fresh = TestDb::new("does_not_fit").await;
        let bare = fresh.uri.split_once("replicaSet=").map_or(&*fresh.uri, |(bare, _)| bare);
        let uri = match option.starts_with("replicaSet") {
            true => format!("{bare}{option}"),
            false => format!("{}&{option}", fresh.uri),
        };
        let options = ClientOptions::parse(&uri).await.unwrap();
        let db = Client::with_options(options).unwrap().database(fresh.db.name());
        let migrator = Migrator::with(&db, [effect!(1)]);
        let errors = [
            migrator.status().await.unwrap_err(),
            migrator.up().await.unwrap_err(),
            migrator.down().await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), Kind::Unavailable, "{option}: {error}");
        }
        assert_eq!(fresh.db.list_collection_names().await.unwrap(), Vec::<String>::new());
        fresh.pass().await;
    }
}

#[tokio::test]
async fn a_name_that_no_database_should_have_is_refused() {
    let fresh = TestDb::new("a_name").await;
    let long = "x".repeat(64);
    for name in ["shop\n", " shop", "a b", "a.b", "a/b", "a\\b", "a\"b", "a$b", "a\0b", "", &long] {
        let migrator = Migrator::with(&fresh.db.client().database(name), [effect!(1)]);
        fresh.wire.take();
        for error in [migrator.up().await.unwrap_err(), migrator.status().await.unwrap_err()] {
            let shown = name.escape_debug().to_string();
            assert!(error.to_string().contains(&shown), "{name:?}: {error}");
            assert_eq!(error.kind(), Kind::Usage, "{name:?}: {error}");
        }
        assert_eq!(fresh.wire.take(), Vec::<String>::new(), "{name:?}");
    }
    for name in ["migrations\n", " migrations", "a\tb", "a\0b"] {
        let error = fresh.migrator([effect!(1)]).collection(name).up().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{name:?}: {error}");
    }
    fresh.pass().await;
}
