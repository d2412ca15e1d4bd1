//! The walk without a syntax tree gives the same checksum as with a tree, or none.

use std::{env, fs, path::Path};

use quote::ToTokens as _;
use syn::{ItemFn, visit::Visit};

use super::agreement::{compare, compare_text};

/// The number of all blocks, and of the blocks that need no tree.
#[derive(Default)]
struct Counts {
    all: usize,
    plain: usize,
}

impl<'ast> Visit<'ast> for Counts {
    /// Reads every block of every function as if it were a migration's body.
    fn visit_block(&mut self, block: &'ast syn::Block) {
        let function: ItemFn = syn::parse_quote!(async fn up(tx: &mut Transaction<'_>) #block);
        self.all += 1;
        let is_plain = compare("Transaction", &function);
        self.plain += usize::from(is_plain);
        assert_eq!(compare_text(&block.to_token_stream().to_string()), is_plain);
        syn::visit::visit_block(self, block);
    }
}

fn search(directory: &Path, counts: &mut Counts) {
    for entry in fs::read_dir(directory).expect("it can be read").flatten() {
        let (path, about) = (entry.path(), entry.metadata().expect("it has some"));
        if about.is_dir() {
            search(&path, counts);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && let Ok(text) = fs::read_to_string(&path)
            && let Ok(file) = syn::parse_file(&text)
        {
            counts.visit_file(&file);
        }
    }
}

/// Reads all Rust code of this crate, and of the directory that `MONGRATE_SOURCES` names, if it is set.
#[test]
fn the_tokens_say_what_the_tree_says() {
    let mut counts = Counts::default();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    search(own, &mut counts);
    if let Some(more) = env::var_os("MONGRATE_SOURCES") {
        search(Path::new(&more), &mut counts);
    }
    println!("{} of {} blocks are plain", counts.plain, counts.all);
    assert!(counts.plain * 3 > counts.all, "{} of {} blocks are plain", counts.plain, counts.all);
}

/// Bodies such as migrations have.
#[test]
fn bodies_as_people_write_them_need_no_tree() {
    for body in [
        r#"{
            let mut users = tx.collection::<Document>("users");
            // Those that signed up before there were plans.
            let without = doc! { "plan": null, "cohort": 7 };
            users.update_many(without, doc! { "$set": { "plan": "free", "seats": 3, }, }).await?;
            for plan in ["trial", "beta"] {
                users.delete_many(doc! { "plan": plan, "n": { "$in": [1, 2,] } }).await?;
            }
            Ok(())
        }"#,
        r#"{
            let mut cursor = tx.collection::<Document>("a").find(doc! {}).await?;
            while let Some(user) = cursor.next().await {
                let Ok(name) = user?.get_str("name") else { continue; };
                if name.len() > 3 && !name.is_empty() || name == "x" {
                    tracing::info!(name, count = 1 + 2 * n as i64, "seen {}", name);
                } else if let Some((first, _)) = name.split_once(' ') { log(&mut list, first)?; }
            }
            match kind { Kind::A | Kind::B(..) => {} Kind::C { id, .. } => return Ok(()), _ => {} }
            let list: Vec<Vec<&str>> = rows.iter().map(|row| row.0[1]).collect::<Vec<_>>();
            on.step("index", async |db| { db.create(Options { unique: true, ..d }).await }).await
        }"#,
        "{ change.create_index(\"users\", doc! { \"email\": 1 }).unique(true); }",
    ] {
        let block: syn::Block = syn::parse_str(body).expect("it parses");
        let function: ItemFn = syn::parse_quote!(async fn up(tx: &mut Transaction<'_>) #block);
        assert!(compare("Transaction", &function), "{body}");
    }
}
