//! How much memory a process takes at most that rewrites big documents.

#[cfg(target_os = "linux")]
#[tokio::test]
async fn big_documents_take_little_memory() {
    use mongrate::{bson::doc, embedded::Embedded};
    use mongrate_tests::TestDb;

    const BYTES: usize = 4 << 20;
    const DOCUMENTS: i32 = 24;
    const MEMORY_KB_MAX: u64 = 100_000;

    let server = Embedded::builder().private().quiet(true).start().await.unwrap();
    let text = "x".repeat(BYTES);
    let whole = doc! { "$expr": { "$eq": [{ "$strLenBytes": "$text" }, BYTES as i32] } };
    let mut too_much = Vec::new();
    let ways = ["update", "update_each", "replace_each", "remove_field", "pipelines", "kept"];
    for way in ways {
        let fresh = TestDb::on(server.uri(), way).await;
        for id in 0..DOCUMENTS {
            super::insert(&fresh, [doc! { "_id": id, "text": &text, "n": 0 }]).await;
        }
        let verbs: &[&str] =
            if way.contains("each") || way == "update" { &["up"] } else { &["up", "down"] };
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
            if most > MEMORY_KB_MAX {
                too_much.push((way, verb, most));
            }
        }
        let n = if verbs.len() == 2 { 0 } else { 1 };
        let mut expected = whole.clone();
        expected.insert("n", n);
        assert_eq!(super::count(&fresh, expected).await, DOCUMENTS as u64, "{way}");
        fresh.pass().await;
    }
    assert!(too_much.is_empty(), "kB: {too_much:?}");
    server.stop().await;
}
