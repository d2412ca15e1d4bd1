//! Exit codes of what is refused, and passwords, which are in no message about it.

use mongrate::bson::{Document, doc};

use super::{Clinic, PASSWORD_ENCODED, command, ran, text};

#[tokio::test]
async fn wrong_arguments_end_with_64() {
    let uri = "mongodb://anna:canary1@127.0.0.1:1/";
    for args in [
        &[][..],
        &["up", "--to", "1", "--steps", "1"],
        &["up", "--to", "x"],
        &["up", "--steps", "0"],
        &["up", "--allow-ahead", "--refuse-ahead"],
        &["up", "--wait", "maybe"],
        &["up", "--lease", "30"],
        &["up", uri],
        &["down", "--all", "--batch"],
        &["down", "--all", "--to", "1"],
        &["down", "--steps", "1", "--batch"],
        &["force-unlock"],
        &["force-unlock", "x", "--confirm"],
        &["resolve", "1"],
        &["resolve", "1", "--as", "done"],
        &["baseline"],
        &["completions", "csh"],
        &["status", "--color", "blue"],
        &["status", "--log", "=a=b="],
        &["no-such-verb"],
        &["--urii", uri, "status"],
        &["--urii=mongodb://anna:canary2@h", "status"],
        // These are refused before a server is asked.
        &["down", "--uri", uri],
        &["redo", "--uri", uri],
        &["repair", "--uri", uri],
        &["baseline", "1", "--uri", uri],
        &["resolve", "1", "--as", "pending", "--uri", uri],
        &["force-unlock", "1", "--uri", uri],
        &["up", "--lease", "1ms", "--uri", uri],
        &["up", "--collection", "a$b", "--uri", uri],
    ] {
        let text = ran(&mut command(args)).await.ends(64);
        assert!(!text.stderr.is_empty() && text.stdout.is_empty(), "{args:?}: {text:#?}");
        let json: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let json = ran(&mut command(&json)).await.ends(64);
        assert_ne!(json.error_code(), "", "{args:?}");
        assert!(json.stderr.is_empty(), "{args:?}: {json:#?}");
    }
}

#[tokio::test]
async fn a_password_is_in_no_message_about_its_uri() {
    for (uri, code) in [
        ("mongodb://anna:canary@127.0.0.1:1/?serverSelectionTimeoutMS=200", 69),
        ("mongodb://anna:canary%2Fx@127.0.0.1:1/?serverSelectionTimeoutMS=200", 69),
        ("mongodb+srv://anna:canary@nowhere.invalid/", 69),
        ("mongodb://anna:canary@", 64),
        ("mongodb://anna:canary@h:port", 64),
        ("mongodb://anna:p@canary/x@h", 64),
        ("mongodb://anna:p?canary@h", 64),
        ("mongodb://anna:p/canary@h:99999", 64),
        ("mongodb://anna:canary%zz@h", 64),
        ("mongo://anna:canary@h", 64),
        ("anna:canary@h", 64),
        ("mongodb://anna:canary@h/?authMechanism=canary2", 64),
        ("mongodb://h/?authMechanism=MONGODB-X509&tlsCertificateKeyFilePassword=canary&w=-1", 64),
    ] {
        for args in [&["status", "-vv"][..], &["up", "--json", "--log", "trace"]] {
            ran(command(args).env("MONGODB_URI", uri)).await.ends(code);
            ran(command(args).args(["--uri", uri])).await.ends(code);
        }
    }
    let help = ran(command(&["up", "--help"]).env("MONGODB_URI", "mongodb://anna:canary@h")).await;
    help.ends(0).says("MONGODB_URI");
}

#[tokio::test]
async fn a_wrong_password_ends_with_77() {
    let clinic = Clinic::new("wrong_password").await;
    if !clinic.uri.contains(PASSWORD_ENCODED) {
        return;
    }
    let uri = clinic.uri.replacen(PASSWORD_ENCODED, "canary3", 1);
    for args in [&["status"][..], &["up", "-vv"], &["up", "--json"]] {
        let refused = ran(clinic.command(args).env("MONGODB_URI", &uri)).await.ends(77);
        if args.contains(&"--json") {
            assert_eq!(refused.error_code(), "unauthorized");
        } else {
            refused.complains("next: check user and password");
        }
    }
    clinic.pass().await;
}

#[tokio::test]
async fn a_group_that_is_not_there_is_a_wrong_argument() {
    let clinic = Clinic::new("group").await;
    let bad = clinic.json(&["up", "--group", "nobody"]).await.ends(64);
    assert_eq!(bad.error_code(), "settings");
    let message = text(bad.json().get("error").unwrap(), "message");
    assert!(message.contains("there are: `default`"), "{message}");
    clinic.pass().await;
}

/// The lock is deleted by hand: the first call makes it anew, and names no fence that nobody holds.
#[tokio::test]
async fn a_lock_that_was_deleted_is_made_anew() {
    let clinic = Clinic::new("lock_deleted").await;
    for _ in 0..3 {
        clinic.run(&["up", "--steps", "1"]).await.ends(0);
    }
    let control = clinic.fresh.db.collection::<Document>("migrations");
    control.delete_one(doc! { "_id": "lock" }).await.unwrap();
    let first = clinic.run(&["up", "--steps", "1", "--wait", "no"]).await;
    assert!(!first.stderr.contains("force-unlock 0"), "{first:?}");
    assert!(first.code == 0 || first.stderr.contains("run it again"), "{first:?}");
    clinic.run(&["up", "--steps", "1"]).await.ends(0);
    clinic.pass().await;
}
