//! Signatures with a key of the app.

use mongrate::{
    AuditBreakKind as Kind, AuditKey, AuditPublicKey,
    bson::{Document, doc},
};
use mongrate_tests::TestDb;

use super::{THREE, audited, chained, documents, exported, log};

/// The first two keys of RFC 8032, section 7.1.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    -----END PUBLIC KEY-----\n";
const OTHER: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n\
    -----END PUBLIC KEY-----\n";

fn public() -> AuditPublicKey {
    AuditPublicKey::from_pem(PUBLIC).unwrap()
}

#[tokio::test]
async fn entries_are_signed_and_verified() {
    let fresh = TestDb::new("audit_signed").await;
    audited(&fresh, THREE).up().steps(1).await.unwrap();
    let migrator = audited(&fresh, THREE).sign_audit(AuditKey::from_pem(KEY).unwrap());
    assert!(!format!("{migrator:?}").contains("nWGxne"), "no key in any output");
    // Nothing is signed yet.
    let found = migrator.verify_audit().public_key(public()).await.unwrap();
    assert_eq!(found.breaks[0].kind, Kind::Signature);
    migrator.up().await.unwrap();
    chained(&exported(&migrator).await);
    let found = migrator.verify_audit().public_key(public()).await.unwrap();
    assert!(found.is_whole() && found.signed == 2, "{found:?}");
    assert_eq!(found.gaps.len(), 1, "the first two are not signed: {found:?}");
    assert_eq!(documents(&fresh).await[3].get_str("key").unwrap(), public().id());
    let other = AuditPublicKey::from_pem(OTHER).unwrap();
    let found = migrator.verify_audit().public_key(other.clone()).await.unwrap();
    assert_eq!(found.breaks.len(), 1, "{found:?}");
    let both = migrator.verify_audit().public_key(other).public_key(public()).await.unwrap();
    assert!(both.is_whole(), "{both:?}");
    // One that is not signed, after those that are.
    audited(&fresh, THREE).down().await.unwrap();
    let found = migrator.verify_audit().public_key(public()).await.unwrap();
    assert_eq!((found.breaks[0].number, found.breaks[0].kind), (5, Kind::Signature));
    fresh.pass().await;
}

/// The newest entry is changed, and the fence with it: the signature shows it.
#[tokio::test]
async fn a_forged_entry_has_no_signature_of_the_key() {
    let fresh = TestDb::new("audit_forged_signed").await;
    let migrator = audited(&fresh, THREE).sign_audit(AuditKey::from_pem(KEY).unwrap());
    migrator.up().await.unwrap();
    let set = doc! { "$set": { "user": "bob" } };
    log(&fresh).update_one(doc! { "_id": 4_i64 }, set).await.unwrap();
    let line = exported(&migrator).await.pop().unwrap();
    let hash: String = {
        use sha2::{Digest as _, Sha256};
        Sha256::digest(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let control = fresh.db.collection::<Document>("migrations");
    let set = doc! { "$set": { "audit.hash": hash } };
    control.update_one(doc! { "_id": "fence" }, set).await.unwrap();
    assert!(migrator.verify_audit().await.unwrap().is_whole(), "the hashes fit");
    let found = migrator.verify_audit().public_key(public()).await.unwrap();
    assert_eq!((found.breaks[0].number, found.breaks[0].kind), (4, Kind::Signature));
    fresh.pass().await;
}
