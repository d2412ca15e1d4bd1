//! Several packages in one repository.

use std::{fs, process::Command};

use crate::shop::{Shop, migration, text};

/// Two packages in one repository, each with a conflict: rebased from the root, and from a member.
#[test]
fn several_packages_at_once() {
    let repository = || {
        let shop = Shop::new();
        let move_to = |package: &str| {
            for file in ["src", "migrations.sum"] {
                let from = shop.path(file);
                let to = shop.path(package).join(file);
                fs::create_dir_all(shop.path(package)).expect("a directory");
                let output = Command::new("cp").arg("-a").arg(from).arg(to).output().expect("cp");
                assert!(output.status.success());
            }
            let manifest = shop.read("Cargo.toml").replace("\"shop\"", &format!("{package:?}"));
            shop.write(&format!("{package}/Cargo.toml"), &manifest.replace("[workspace]\n", ""));
        };
        move_to("bills");
        move_to("users");
        fs::remove_dir_all(shop.path("src")).expect("it was there");
        fs::remove_file(shop.path("migrations.sum")).expect("it was there");
        shop.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"bills\", \"users\"]\n",
        );
        shop.commit("two packages");
        for (branch, name) in [("mine", "add_rooms"), ("main", "add_visits")] {
            let create: &[&str] = if branch == "mine" { &["-b"] } else { &[] };
            shop.must_git(&[&["checkout", "-q"], create, &[branch]].concat());
            for package in ["bills", "users"] {
                let dir = format!("{package}/src/migrations");
                shop.write(&format!("{dir}/m0002_{name}.rs"), &migration("2", name));
                let list = shop.read(&format!("{dir}/mod.rs")) + &format!("mod m0002_{name};\n");
                shop.write(&format!("{dir}/mod.rs"), &list);
            }
            assert!(shop.mongrate(&["seal"]).status.success());
            shop.commit(branch);
        }
        shop.must_git(&["checkout", "-q", "mine"]);
        shop.conflicts(&["merge", "main"]);
        shop
    };
    let is_done = |shop: &Shop, package: &str| {
        shop.path(package).join("src/migrations/m0003_add_rooms.rs").exists()
            && !shop.read(&format!("{package}/migrations.sum")).contains("<<<")
    };
    let shop = repository();
    let output = shop.mongrate(&["rebase"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(is_done(&shop, "bills") && is_done(&shop, "users"));
    assert!(shop.mongrate(&["check"]).status.success());

    let shop = repository();
    let output = shop.mongrate_in("users/src", &["rebase"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(is_done(&shop, "users") && !is_done(&shop, "bills"));
    let output = shop.mongrate_in("users", &["rebase", "-p", "bills"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(is_done(&shop, "bills"));
}
