//! What is wrong is told before anything is compiled or written.

use crate::package::Package;

const TYPES: &str = "//! A shop.\n\nuse mongrate::Model;\n\n#[derive(Model)]\n#[model(collection = \"users\")]\n\
                     pub struct User {\n    pub name: String,\n}\n";

/// Not even the sources would compile: nothing is.
fn unread(snapshot: &str) -> Package {
    Package::new(&[("src/lib.rs", "this is no Rust"), ("models.snap", snapshot)])
}

#[test]
fn a_broken_file_is_told_first() {
    let whole = "mongrate-models v1\nusers options collection\nusers User root object@User\nend\n";
    for (text, words) in [
        (whole.replace("end\n", ""), "models.snap:3: the file is cut off here"),
        (whole.replace("v1", "v2"), "models.snap:1: a newer mongrate wrote this file"),
        (
            whole.replace("users User", "<<<<<<< HEAD\nusers User"),
            "models.snap:3: two branches changed the models, and git could not merge them: run `cargo \
             mongrate rebase`",
        ),
        (whole.replace("object@User", "thing"), "models.snap:3: this line does not have the form"),
    ] {
        let package = unread(&text);
        for arguments in [&["diff"][..], &["diff", "--check"], &["diff", "--dry-run"]] {
            package.mongrate(arguments).has(1, &[words]);
        }
        assert_eq!(package.read("models.snap"), text);
    }
}

#[test]
fn wrong_arguments_are_told_first() {
    let package = unread("mongrate-models v1\nend\n");
    package.mongrate(&["diff", "a/b"]).has(1, &["`a/b` cannot name a migration", "path separator"]);
    package.mongrate(&["diff", "--becomes", "users.plan"]).has(1, &["`users.plan` is no answer"]);
    package
        .mongrate(&["diff", "--into", "nothing"])
        .has(1, &["the workspace has no package `nothing`"]);
    package.mongrate(&["diff", "--check", "--dry-run"]).has(64, &["cannot be used with"]);
}

#[test]
fn a_package_that_does_not_compile_or_has_no_models_is_told() {
    let package = unread("mongrate-models v1\nend\n");
    package
        .mongrate(&["diff"])
        .has(1, &["package `shop` does not compile", "for another reason than its models"]);
    package.write("src/lib.rs", "//! Nothing.\n");
    package.mongrate(&["diff"]).has(0, &["shop: nothing to write"]);
    std::fs::remove_file(package.path("models.snap")).unwrap();
    package.mongrate(&["diff"]).has(1, &["no type of these packages derives `mongrate::Model`"]);
}

#[test]
fn answers_of_no_use_and_models_that_disagree_are_told() {
    let package = Package::new(&[("src/lib.rs", TYPES)]);
    package
        .mongrate(&["diff", "--leave", "users.nam"])
        .has(1, &["`--leave users.nam` answers nothing that changes", "nothing was written"]);
    assert!(!package.has("models.snap") && !package.has("src/migrations"));
    let other = "#[derive(Model)]\n#[model(collection = \"users\", validate = \"strict\")]\npub struct Admin {\n    \
                 pub name: String,\n}\n#[derive(Model)]\n#[model(collection = \"users\", validate = \"moderate\")]\n\
                 pub struct Owner {\n    pub name: String,\n}\n";
    package.write("src/lib.rs", &format!("{TYPES}{other}"));
    package
        .mongrate(&["diff"])
        .has(1, &["package `shop` cannot say its models", "disagree about its validation"]);
}

/// The `mod` line cannot be added: the migration and `models.snap` are not written either.
#[test]
fn both_are_written_or_none() {
    let package = Package::new(&[("src/lib.rs", TYPES)]);
    std::fs::create_dir_all(package.path("other")).unwrap();
    std::fs::write(package.path("other/mod.rs"), [0xff]).unwrap();
    package
        .mongrate(&["diff", "add users", "--dir", "other"])
        .has(1, &["could not change other/mod.rs", "nothing was written"]);
    let left: Vec<_> = std::fs::read_dir(package.path("other")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    for file in ["models.snap", "models.snap.pending", "migrations.sum"] {
        assert!(!package.has(file), "{file}");
    }
    std::fs::write(package.path("other/mod.rs"), "").unwrap();
    package
        .mongrate(&["diff", "add users", "--dir", "other"])
        .has(0, &["wrote models.snap", "no `mod` reaches other/"]);
}

/// What `diff` was about to write when it was killed.
#[test]
fn what_a_killed_process_began_is_finished() {
    let package = Package::new(&[("src/lib.rs", TYPES)]);
    package.mongrate(&["diff", "add users"]).has(0, &[]);
    let migrations: Vec<String> = std::fs::read_dir(package.path("src/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let file = migrations.iter().find(|name| name.ends_with("_add_users.rs")).unwrap();
    let path = format!("src/migrations/{file}");
    let (text, snapshot) = (package.read(&path), package.read("models.snap"));
    let mod_file = "src/migrations/mod.rs";
    let module = file.trim_end_matches(".rs");
    let pending = serde_json::json!({
        "before": null,
        "snapshot": snapshot,
        "migration": package.path(&path),
        "module": module,
        "mod_file": package.path(mod_file),
        "text": text,
    });
    let killed = |written: &str| {
        package.write(&path, written);
        package.write(mod_file, "//! The migrations, oldest first.\n\n");
        let _ = std::fs::remove_file(package.path("models.snap"));
        package.write("models.snap.pending", &pending.to_string());
    };
    killed("//! Add");
    for arguments in [&["diff", "--check"][..], &["diff", "--dry-run"], &["check"]] {
        package
            .mongrate(arguments)
            .has(1, &["was killed while it wrote", "`cargo mongrate diff` finishes it"]);
    }
    package.mongrate(&["diff"]).has(
        0,
        &["was killed while it wrote: finished what it had begun", "shop: nothing to write"],
    );
    assert_eq!(
        (package.read(&path), package.read("models.snap")),
        (text.clone(), snapshot.clone())
    );
    assert!(package.read(mod_file).contains(&format!("mod {module};")));
    assert!(!package.has("models.snap.pending"));
    // Edited since: left alone.
    killed(&format!("{text}// Mine.\n"));
    package.mongrate(&["diff"]).has(0, &["finished what it had begun"]);
    assert!(package.read(&path).ends_with("// Mine.\n"));
    // `models.snap` was changed since, or the file is damaged: a person decides.
    killed(&text);
    package.write("models.snap", "mongrate-models v1\nend\n");
    package.mongrate(&["diff"]).has(1, &["models.snap was changed since", "delete"]);
    package.write("models.snap.pending", "{");
    package.mongrate(&["diff"]).has(1, &["models.snap.pending is damaged"]);
}
