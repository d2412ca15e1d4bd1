//! The roles of the guide to production, made by its own commands on a server with access
//! control, and tried: what they allow suffices, and what they leave out is refused.

use std::{collections::HashSet, path::Path, process::Child, time::Duration};

use mongrate::{
    CancellationToken, DoctorCheck, DoctorFinding, DoctorReport, DoctorVerdict, Error, Kind,
    Migration, Migrator, StartPolicy, Wait,
    bson::{Document, doc},
    mongodb::{Client, Database},
};

const GUIDE: &str = include_str!("../../docs/production.md");

/// A server of the test's own, ended with it.
struct Server {
    mongod: Child,
    port: u16,
}

impl Server {
    async fn start(place: &Path) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let binary = mongrate::embedded::mongod_binary().await.unwrap();
        let key = place.join("key");
        std::fs::write(&key, "bW9uZ3JhdGUgdGVzdCBrZXk=").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mongod = std::process::Command::new(binary)
            .args(["--auth", "--replSet", "roles", "--bind_ip", "127.0.0.1"])
            .args(["--wiredTigerCacheSizeGB", "0.25", "--port", &port.to_string()])
            .arg("--keyFile")
            .arg(&key)
            .arg("--dbpath")
            .arg(place)
            .arg("--logpath")
            .arg(place.join("log"))
            .spawn()
            .unwrap();
        let server = Self { mongod, port };
        // The localhost exception: the first user needs none.
        let admin = server.client("directConnection=true", "").await.database("admin");
        let config = doc! { "_id": "roles", "members": [
            { "_id": 0, "host": format!("127.0.0.1:{port}") },
        ] };
        until(async || admin.run_command(doc! { "replSetInitiate": config.clone() }).await.is_ok())
            .await;
        until(async || {
            let hello = admin.run_command(doc! { "hello": 1 }).await;
            hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false))
        })
        .await;
        let root = doc! { "createUser": "root", "pwd": "root", "roles": ["root"] };
        admin.run_command(root).await.unwrap();
        server
    }

    async fn client(&self, options: &str, user: &str) -> Client {
        let at = if user.is_empty() { "" } else { "@" };
        let source = if user == "root" || user.is_empty() { "admin" } else { "shop" };
        let login = if user.is_empty() { String::new() } else { format!("{user}:{user}") };
        let port = self.port;
        let uri = format!("mongodb://{login}{at}127.0.0.1:{port}/?{options}&authSource={source}");
        let uri = if user.is_empty() { uri.replace("&authSource=admin", "") } else { uri };
        Client::with_uri_str(uri).await.unwrap()
    }

    async fn shop(&self, user: &str) -> Database {
        self.client("replicaSet=roles", user).await.database("shop")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.mongod.kill();
        let _ = self.mongod.wait();
    }
}

/// At most half a minute.
async fn until(done: impl AsyncFn() -> bool) {
    for _ in 0..300 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server does not get ready");
}

/// The commands in the guide, by the words in front of them.
fn commands(language: &str) -> Vec<Document> {
    GUIDE
        .split("```")
        .filter_map(|block| block.strip_prefix(language))
        .map(|block| {
            let json = block.trim();
            serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
        })
        .collect()
}

const HISTORY: [Migration; 4] = [
    Migration::transactional(1, "seed", |tx| {
        Box::pin(async move {
            tx.collection::<Document>("users")
                .insert_one(doc! { "_id": 1, "name": "Anna" })
                .await?;
            Ok(())
        })
    }),
    Migration::online_steps(2, "index", |on| {
        Box::pin(async move {
            on.create_index("users", doc! { "name": 1 }).await?;
            on.coll_mod("users", doc! { "validationLevel": "moderate" }).await?;
            on.backfill("plans", "users")
                .update(vec![doc! { "$set": { "plan": "free" } }])
                .await
                .map(drop)
        })
    }),
    Migration::declared(3, "declared", |change| {
        change.set_validator("users", doc! { "tariff": { "$exists": true } });
        change.rename_field("users", "plan", "tariff");
        change.rename_collection("users", "guests");
        change.create_index("guests", doc! { "tariff": 1 });
    }),
    Migration::declared(4, "drop", |change| {
        change.drop_collection("guests");
    }),
];

#[tokio::test]
async fn the_roles_of_the_guide_suffice_and_are_least() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path()).await;
    let root = server.shop("root").await;
    let commands = commands("json createRole");
    assert_eq!(commands.len(), 2, "the guide has two roles");
    for command in &commands {
        root.run_command(command.clone()).await.unwrap();
    }
    let users = self::commands("json createUser");
    assert_eq!(users.len(), 2, "the guide has a user for each role");
    for mut create in users {
        let user = create.get_str("createUser").unwrap().to_owned();
        create.insert("pwd", user);
        root.run_command(create).await.unwrap();
    }

    // The app may look, and no more.
    let app = server.shop("app").await;
    let check = Migrator::with(&app, HISTORY);
    check.status().await.unwrap();
    let behind = check.on_start().policy(StartPolicy::Check).await.unwrap_err();
    assert!(matches!(behind, Error::Pending { .. }), "{behind}");
    let refused = check.up().await.unwrap_err();
    assert!(matches!(refused, Error::Unauthorized { .. }), "{refused}");
    let report = check.doctor().await.unwrap();
    assert_eq!(report.refused(), Some(Kind::Forbidden), "{report:#?}");
    let right = missing(&report).remove(0);
    assert_eq!(right.of.as_deref(), Some("migrations"));
    assert!(right.consequence.as_deref().unwrap().contains("MIGRATE_ON_START=check"), "{right:?}");
    assert_eq!(report.server.user.as_deref(), Some("app@shop"));
    assert!(app.collection::<Document>("users").find_one(doc! {}).await.is_err());
    let refused = check.pause().await.unwrap_err();
    assert!(matches!(refused, Error::Unauthorized { .. }), "{refused}");
    assert_eq!(refused.kind().exit_code(), 77);

    // The migrator may do all that the kinds of migrations do, and roll back.
    let shop = server.shop("migrator").await;
    there_and_back(&shop).await.unwrap();
    check.on_start().policy(StartPolicy::Check).await.unwrap();
    // Whoever may write the control collection may steer, and run nothing.
    let operate = doc! {
        "createRole": "operate", "roles": [], "privileges": [{
            "resource": { "db": "shop", "collection": "migrations" },
            "actions": ["find", "insert", "update"],
        }],
    };
    root.run_command(operate).await.unwrap();
    let oncall = doc! { "createUser": "oncall", "pwd": "oncall", "roles": ["operate"] };
    root.run_command(oncall).await.unwrap();
    let oncall = Migrator::with(&server.shop("oncall").await, HISTORY);
    assert!(oncall.pause().why("on call").await.unwrap().changed);
    assert!(oncall.resume().await.unwrap().changed);
    // Not in another database, and no users.
    let other = shop.client().database("other");
    assert!(other.collection::<Document>("x").insert_one(doc! {}).await.is_err());
    let user = doc! { "createUser": "x", "pwd": "x", "roles": [] };
    assert!(shop.run_command(user).await.is_err());

    // And needs every action of its role.
    let role = commands[0].get_array("privileges").unwrap()[0].as_document().unwrap();
    let actions = role.get_array("actions").unwrap();
    // `doctor` knows the same list, and finds nothing missing.
    let report = Migrator::with(&shop, HISTORY).doctor().await.unwrap();
    assert!(report.refused().is_none() && missing(&report).is_empty(), "{report:#?}");
    let rights = report.findings.iter().filter(|finding| finding.check == DoctorCheck::Right);
    let named: HashSet<&str> = rights.filter_map(|finding| finding.of.as_deref()).collect();
    let listed = actions.iter().filter_map(|action| action.as_str()).chain(["migrations"]);
    assert_eq!(named, listed.collect::<HashSet<&str>>());
    let mut needless = Vec::new();
    for left_out in actions {
        root.drop().await.unwrap();
        let others: Vec<_> = actions.iter().filter(|action| *action != left_out).cloned().collect();
        let privilege = doc! { "resource": { "db": "shop", "collection": "" }, "actions": others };
        let update = doc! { "updateRole": "mongrateMigrate", "privileges": [privilege] };
        root.run_command(update).await.unwrap();
        // What is left out is what `doctor` misses.
        let shop = server.shop("migrator").await;
        let report = Migrator::with(&shop, HISTORY).doctor().await.unwrap();
        let lacks = missing(&report).pop().and_then(|finding| finding.of);
        assert_eq!(lacks.as_deref(), left_out.as_str(), "{report:#?}");
        match there_and_back(&shop).await {
            Ok(()) => needless.push(left_out),
            Err(error) if left_out.as_str() == Some("bypassDocumentValidation") => {
                let text = error.to_string();
                let right = "give the user the privilege `bypassDocumentValidation`";
                assert!(text.contains(right) && text.contains("operation 2"), "{text}");
            }
            Err(_) => {}
        }
    }
    assert!(needless.is_empty(), "the guide's role allows more than is needed: {needless:?}");
}

/// The rights that `doctor` misses.
fn missing(report: &DoctorReport) -> Vec<DoctorFinding> {
    let rights = report.findings.iter().filter(|finding| finding.check == DoctorCheck::Right);
    rights.filter(|finding| finding.verdict > DoctorVerdict::Ok).cloned().collect()
}

/// All that migrations do, and their rollbacks.
async fn there_and_back(shop: &Database) -> Result<(), Error> {
    let migrator = Migrator::with(shop, HISTORY);
    migrator.up().await?;
    migrator.down().to(2).await?;
    migrator.up().await?;
    migrator.purge().await?;
    Ok(())
}

/// The role of the guide, and what it says of views and capped collections.
#[tokio::test]
async fn views_and_capped_collections_need_a_right_more() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path()).await;
    let root = server.shop("root").await;
    root.run_command(commands("json createRole").swap_remove(0)).await.unwrap();
    let create = doc! { "createUser": "migrator", "pwd": "migrator", "roles": ["mongrateMigrate"] };
    root.run_command(create).await.unwrap();
    let view = Migration::declared(1, "view", |change| {
        change.create_collection("adults").view_on("users", vec![]);
    });
    let capped = Migration::declared(1, "capped", |change| {
        change.create_collection("log").capped(4_096);
    });
    let renamed = Migration::declared(1, "renamed", |change| {
        change.create_collection("a");
        change.rename_collection("a", "b");
    });
    for (migration, right) in [(view, "createCollection"), (capped, "convertToCapped")] {
        let shop = server.shop("migrator").await;
        let migrator = Migrator::with(&shop, [migration]);
        let report = migrator.doctor().await.unwrap();
        let error = migrator.up().await.unwrap_err();
        assert_eq!(report.refused(), Some(error.kind()), "{error}");
        let lacks = missing(&report).pop().unwrap();
        assert_eq!(lacks.of.as_deref(), Some(right), "{lacks:?}");
        // With the command that it says.
        let resource = doc! { "db": "shop", "collection": "" };
        let privilege = doc! { "resource": resource, "actions": [right] };
        let grant = doc! { "grantPrivilegesToRole": "mongrateMigrate", "privileges": [privilege] };
        root.run_command(grant).await.unwrap();
        let migrator = Migrator::with(&server.shop("migrator").await, [migration]);
        assert_eq!(migrator.doctor().await.unwrap().refused(), None);
        migrator.up().await.unwrap();
        root.collection::<Document>("migrations").drop().await.unwrap();
    }
    // Without `remove` a collection can be renamed.
    let resource = doc! { "db": "shop", "collection": "" };
    let privilege = doc! { "resource": resource, "actions": ["remove"] };
    let revoke = doc! { "revokePrivilegesFromRole": "mongrateMigrate", "privileges": [privilege] };
    root.run_command(revoke).await.unwrap();
    let migrator = Migrator::with(&server.shop("migrator").await, [renamed]);
    assert_eq!(migrator.doctor().await.unwrap().refused(), None);
    migrator.up().await.unwrap();
}

/// A command that the user lacks the right for, in any body.
#[tokio::test]
async fn a_missing_right_is_exit_77_and_named() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path()).await;
    let root = server.shop("root").await;
    root.run_command(doc! { "create": "users" }).await.unwrap();
    root.collection("users").insert_one(doc! { "_id": 1, "name": "secret" }).await.unwrap();
    // The role of the guide without these actions.
    let without = ["collMod", "createIndex", "dropIndex", "remove"];
    let mut role = commands("json createRole").swap_remove(0);
    let privilege = role.get_array_mut("privileges").unwrap()[0].as_document_mut().unwrap();
    let actions = privilege.get_array_mut("actions").unwrap();
    actions.retain(|action| !without.contains(&action.as_str().unwrap_or_default()));
    root.run_command(role).await.unwrap();
    let create = doc! { "createUser": "migrator", "pwd": "migrator", "roles": ["mongrateMigrate"] };
    root.run_command(create).await.unwrap();

    let shop = server.shop("migrator").await;
    let denied = [
        (
            Migration::declared(1, "validator", |change| {
                change.set_validator("users", doc! { "name": { "$exists": true } });
            }),
            ["`collMod` on `users`", "the action `collMod`", "the role `dbAdmin`"],
        ),
        (
            Migration::declared(1, "index", |change| {
                change.create_index("users", doc! { "name": 1 });
            }),
            ["`createIndexes` on `users`", "the action `createIndex`", "`readWrite`"],
        ),
        (
            Migration::online_steps(1, "options", |on| {
                Box::pin(async move {
                    on.coll_mod("users", doc! { "validationLevel": "moderate" }).await
                })
            }),
            ["`collMod` on `users`", "the action `collMod`", "the role `dbAdmin`"],
        ),
        (
            Migration::online_steps(1, "index", |on| {
                Box::pin(async move { on.create_index("users", doc! { "name": 1 }).await })
            }),
            ["`createIndexes` on `users`", "the action `createIndex`", "`readWrite`"],
        ),
        (
            Migration::transactional(1, "delete", |tx| {
                Box::pin(async move {
                    let mut users = tx.collection::<Document>("users");
                    users.delete_many(doc! { "name": "secret" }).await?;
                    Ok(())
                })
            }),
            ["`delete` on `users`", "the action `remove`", "`readWrite`"],
        ),
        (
            Migration::online_steps(1, "step", |on| {
                Box::pin(async move {
                    on.transaction("gone", async |tx| {
                        let delete = doc! { "q": { "name": "secret" }, "limit": 1 };
                        tx.run_command(doc! { "delete": "users", "deletes": [delete] }).await?;
                        Ok(())
                    })
                    .await
                })
            }),
            ["`delete` on `users`", "the action `remove`", "`readWrite`"],
        ),
    ];
    for (migration, words) in denied {
        let error = Migrator::with(&shop, [migration]).up().await.unwrap_err();
        println!("{error}");
        assert_eq!(error.kind().exit_code(), 77, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "{word}: {error}");
        }
        assert!(!error.to_string().contains("secret"), "{error}");
        // The record says the same.
        let status = Migrator::with(&shop, [migration]).status().await.unwrap();
        let failure = status.migrations[0].failure.clone().unwrap();
        assert_eq!(failure.code, Some(13));
        root.collection::<Document>("migrations").drop().await.unwrap();
    }
    // What a backfill reads, the roles of a database leave out.
    let other = Migration::online_steps(1, "backfill", |on| {
        Box::pin(async move {
            let walk = on.backfill("walk", "system.profile");
            walk.update(vec![doc! { "$set": { "a": 1 } }]).await.map(drop)
        })
    });
    let error = Migrator::with(&shop, [other]).up().await.unwrap_err();
    println!("{error}");
    assert_eq!(error.kind().exit_code(), 77, "{error}");
}

/// A user ends only sessions of its own. What a process of another user left open, the server ends by
/// its age: the run waits, and everybody who looks at the lock sees that it does.
#[tokio::test]
async fn a_transaction_of_another_user_is_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path()).await;
    let root = server.shop("root").await;
    // Longer than ending it in vain takes.
    let lifetime = doc! { "setParameter": 1, "transactionLifetimeLimitSeconds": 24 };
    root.client().database("admin").run_command(lifetime).await.unwrap();
    root.run_command(commands("json createRole").swap_remove(0)).await.unwrap();
    for user in ["first", "second"] {
        let create = doc! { "createUser": user, "pwd": user, "roles": ["mongrateMigrate"] };
        root.run_command(create).await.unwrap();
    }
    let (first, second) = (server.shop("first").await, server.shop("second").await);
    let seed = HISTORY[0];
    Migrator::with(&first, [seed]).up().await.unwrap();

    // As if its process had died inside of the next migration.
    let control = first.collection::<Document>("migrations");
    let mut session = first.client().start_session().await.unwrap();
    let named = doc! { "$set": { "lsid": session.id().clone() } };
    control.update_one(doc! { "_id": "fence" }, named).await.unwrap();
    session.start_transaction().await.unwrap();
    let guard = doc! { "$inc": { "guards": 1_i64 } };
    control.update_one(doc! { "_id": "fence" }, guard).session(&mut session).await.unwrap();

    let more = Migration::transactional(2, "more", |tx| {
        Box::pin(async move {
            tx.collection::<Document>("users").insert_one(doc! { "_id": 2 }).await?;
            Ok(())
        })
    });
    let migrator = Migrator::with(&second, [seed, more]);

    // Ctrl-C ends the wait.
    let stop = CancellationToken::new();
    let stopped = migrator.clone().wait(Wait::No).cancel_on(stop.clone());
    let running = tokio::spawn(async move { stopped.up().await });
    until(async || migrator.lock_status().await.unwrap().waits_for_transaction.is_some()).await;
    stop.cancel();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code(), "cancelled", "{error}");
    assert!(!migrator.lock_status().await.unwrap().held);

    let running = tokio::spawn({
        let migrator = migrator.clone();
        async move { migrator.up().await }
    });
    let seen = std::sync::Mutex::new(None);
    until(async || {
        let lock = migrator.lock_status().await.unwrap();
        let waits = lock.waits_for_transaction.is_some();
        *seen.lock().unwrap() = Some(lock);
        waits
    })
    .await;
    let lock = seen.into_inner().unwrap().unwrap();
    let wait = lock.waits_for_transaction.unwrap();
    assert!(lock.held && wait.since < wait.until, "{lock:?}");
    assert_eq!(migrator.status().await.unwrap().applied, 1);

    let report = running.await.unwrap().unwrap();
    assert_eq!(report.versions().len(), 1);
    let lock = migrator.lock_status().await.unwrap();
    assert!(!lock.held && lock.waits_for_transaction.is_none(), "{lock:?}");
    assert_eq!(migrator.status().await.unwrap().applied, 2);
    drop(session);
}

/// The role of the guide to the audit log: it adds entries, and changes and removes none.
#[tokio::test]
async fn who_may_only_add_to_the_audit_log_can_migrate() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(place.path()).await;
    let root = server.shop("root").await;
    let guide = include_str!("../../docs/audit.md");
    let role = guide.split("```json createRole").nth(1).unwrap().split("```").next().unwrap();
    root.run_command(serde_json::from_str::<Document>(role).unwrap()).await.unwrap();
    let user = doc! { "createUser": "migrator", "pwd": "migrator", "roles": ["mongrateAudited"] };
    root.run_command(user).await.unwrap();
    let shop = server.shop("migrator").await;
    let migrator = Migrator::with(&shop, [HISTORY[0]]).keep_audit_log(true);
    let report = migrator.doctor().await.unwrap();
    assert_eq!(report.refused(), None, "{report:#?}");
    migrator.up().await.unwrap();
    migrator.pause().await.unwrap();
    migrator.resume().await.unwrap();
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    let log = shop.collection::<Document>("migrations.audit_log");
    let change = doc! { "$set": { "user": "bob" } };
    assert!(log.update_one(doc! { "_id": 2_i64 }, change).await.is_err());
    assert!(log.delete_one(doc! { "_id": 2_i64 }).await.is_err());
    assert!(log.drop().await.is_err());
    // A prune is refused before an entry says that there was one.
    let future = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let refused = migrator.prune_audit(future).await.unwrap_err();
    assert!(matches!(refused, Error::Unauthorized { .. }), "{refused}");
    assert_eq!(log.count_documents(doc! {}).await.unwrap(), 2);
    // Without the right to add, a run is refused, and `doctor` says so before.
    let resource = doc! { "db": "shop", "collection": "migrations.audit_log" };
    let privilege = doc! { "resource": resource, "actions": ["insert"] };
    let revoke = doc! { "revokePrivilegesFromRole": "mongrateAudited", "privileges": [privilege] };
    root.run_command(revoke).await.unwrap();
    let migrator = Migrator::with(&server.shop("migrator").await, [HISTORY[0], HISTORY[2]]);
    let report = migrator.doctor().await.unwrap();
    assert_eq!(report.refused(), Some(Kind::Forbidden), "{report:#?}");
    let error = migrator.up().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden, "{error}");
    assert!(error.to_string().contains("write the audit log"), "{error}");
}
