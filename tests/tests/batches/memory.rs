//! How much memory a process takes at most that rewrites big documents, or many small ones.

#![cfg(target_os = "linux")]

use mongrate::{
    bson::{Document, doc},
    embedded::Embedded,
};
use mongrate_tests::TestDb;

/// Goes all ways, there and back where they lead back, and says which took too much: in kB.
async fn too_much(
    ways: &[&str],
    documents: i32,
    document: impl Fn(i32) -> Document,
    whole: Document,
    kb_max: u64,
) -> Vec<(String, u64)> {
    let server = Embedded::builder().private().quiet(true).start().await.unwrap();
    let mut too_much = Vec::new();
    for way in ways {
        let fresh = TestDb::on(server.uri(), way).await;
        let all: Vec<i32> = (0..documents).collect();
        for some in all.chunks(if documents > 1_000 { 10_000 } else { 1 }) {
            super::insert(&fresh, some.iter().map(|id| document(*id))).await;
        }
        let returns = ["remove_field", "pipelines", "kept"].contains(way);
        let verbs: &[&str] = if returns { &["up", "down"] } else { &["up"] };
        for verb in verbs {
            let run = tokio::process::Command::new(env!("CARGO_BIN_EXE_big_documents"))
                .args([server.uri(), fresh.db.name(), way, verb])
                .output()
                .await
                .unwrap();
            let (told, said) = (run.stdout, String::from_utf8_lossy(&run.stderr));
            assert!(run.status.success(), "{way} {verb}: {said}");
            let most: u64 = String::from_utf8_lossy(&told).trim().parse().unwrap();
            println!("{way}, {verb}: {most} kB");
            if most > kb_max {
                too_much.push((format!("{way}, {verb}"), most));
            }
        }
        let mut expected = whole.clone();
        expected.insert("n", if returns { 0 } else { 1 });
        assert_eq!(super::count(&fresh, expected).await, documents as u64, "{way}");
        fresh.pass().await;
    }
    server.stop().await;
    too_much
}

#[tokio::test]
async fn big_documents_take_little_memory() {
    const BYTES: usize = 4 << 20;

    let ways = ["update", "update_each", "replace_each", "remove_field", "pipelines", "kept"];
    let text = "x".repeat(BYTES);
    let document = |id| doc! { "_id": id, "text": &text, "n": 0 };
    let whole = doc! { "$expr": { "$eq": [{ "$strLenBytes": "$text" }, BYTES as i32] } };
    let too_much = too_much(&ways, 24, document, whole, 100_000).await;
    assert!(too_much.is_empty(), "kB: {too_much:?}");
}

/// Decoded, a small document takes many times its bytes: only so many are decoded at once.
#[tokio::test]
async fn many_small_documents_take_little_memory() {
    let ways = ["many_updated", "many_replaced", "remove_field", "pipelines", "kept"];
    let document = |id| {
        doc! {
            "_id": id, "text": "x", "n": 0, "name": "Ada Lovelace", "city": "London", "year": 1843,
            "tags": ["a", "b"], "place": { "street": "St James's Square", "number": 12 },
        }
    };
    let too_much = too_much(&ways, 60_000, document, doc! { "text": "x" }, 60_000).await;
    assert!(too_much.is_empty(), "kB: {too_much:?}");
}
