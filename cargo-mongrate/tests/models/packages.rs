//! Packages of every form: of binaries only, behind features, several in one workspace, types apart from
//! migrations.

use crate::package::Package;

fn model(name: &str, collection: &str) -> String {
    format!(
        "#[derive(mongrate::Model)]\n#[model(collection = \"{collection}\")]\npub struct {name} {{\n    pub name: \
         String,\n}}\n"
    )
}

fn migrations(package: &Package, directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(package.path(directory)).expect("it is there");
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "mod.rs")
        .filter_map(|name| name.split_once('_').map(|(_, name)| name.to_owned()))
        .collect();
    names.sort();
    names
}

#[test]
fn a_package_of_binaries_behind_a_feature() {
    let package = Package::empty();
    package.manifest("", "shop", "[features]\nmore = []\n");
    let main = format!(
        "//! A shop.\n\n{}\n#[cfg(feature = \"more\")]\nmod more {{\n{}}}\n\nfn main() {{\n    panic!(\"it is not \
         run\");\n}}\n",
        model("User", "users"),
        model("Order", "orders")
    );
    package.write("src/main.rs", &main);
    package.mongrate(&["diff"]).has(0, &["create collection `users`", "wrote models.snap"]);
    assert_eq!(migrations(&package, "src/migrations"), ["create_users.rs"]);
    assert!(!package.read("models.snap").contains("orders"));
    package.mongrate(&["diff", "--features", "more"]).has(0, &["create collection `orders`"]);
    assert_eq!(migrations(&package, "src/migrations"), ["create_orders.rs", "create_users.rs"]);
    package.mongrate(&["diff", "--all-features", "--check"]).has(0, &["nothing to write"]);
    // Only what a type is called has changed: documents and server need no migration.
    package.write("src/main.rs", &main.replace("User", "Person"));
    package
        .mongrate(&["diff", "--features", "more", "person"])
        .has(0, &["no migration is needed, only models.snap changes", "wrote models.snap"]);
    assert!(package.read("models.snap").contains("users Person root object@Person"));
    assert_eq!(migrations(&package, "src/migrations").len(), 2);
}

#[test]
fn several_packages_of_a_workspace() {
    let workspace = Package::empty();
    workspace.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"one\", \"two\", \"plain\"]\nresolver = \"3\"\n",
    );
    let setting = "[package.metadata.mongrate]\nmigrations = \"plain\"\n";
    for (name, more, text) in [
        ("one", "", model("User", "users")),
        ("two", setting, model("Order", "orders")),
        ("plain", "", String::new()),
    ] {
        workspace.manifest(name, name, more);
        let manifest = workspace.read(&format!("{name}/Cargo.toml")).replace("[workspace]\n", "");
        workspace.write(&format!("{name}/Cargo.toml"), &manifest);
        workspace.write(&format!("{name}/src/lib.rs"), &format!("//! {name}.\n\n{text}"));
    }
    workspace.mongrate(&["diff", "start"]).has(
        1,
        &[
            "one name is for one of them: say which with `-p`: `one` and `two`",
            "nothing was written",
        ],
    );
    assert!(!workspace.has("one/models.snap") && !workspace.has("two/models.snap"));
    workspace.mongrate(&["-p", "one", "diff", "start"]).has(0, &["wrote one/models.snap"]);
    assert_eq!(migrations(&workspace, "one/src/migrations"), ["start.rs"]);
    // Of `two` only the types are here.
    workspace.mongrate(&["diff"]).has(0, &["one: nothing to write", "wrote two/models.snap"]);
    assert_eq!(migrations(&workspace, "plain/src/migrations"), ["create_orders.rs"]);
    assert!(!workspace.has("two/src/migrations") && !workspace.has("plain/models.snap"));
}
