//! What `rebase` refuses as a whole, and how a run that was killed is finished.

use std::{fs, path::Path, process::Command};

use crate::shop::{MINE_AND_THEIRS, Shop, text};

#[test]
fn without_git_the_side_has_to_be_named() {
    let shop = Shop::bare();
    let base = shop.read("migrations.sum");
    shop.add(2, "add_visits");
    shop.seal();
    let theirs = shop.read("migrations.sum").replace(&base, "");
    fs::remove_file(shop.path("src/migrations/m0002_add_visits.rs")).expect("it was there");
    shop.write("src/migrations/mod.rs", "//! All.\n\nmod m0001_add_users;\n");
    shop.write("migrations.sum", &base);
    shop.add(2, "add_rooms");
    shop.seal();
    let mine = shop.read("migrations.sum").replace(&base, "");
    shop.add(2, "add_visits");
    let conflict = format!("{base}<<<<<<< HEAD\n{mine}=======\n{theirs}>>>>>>> x\n");
    shop.write("migrations.sum", &conflict);
    shop.refuses(&[], "nothing says which side of the conflict is yours: add `--mine ours`");
    shop.refuses(&["--onto", "main"], "`--onto main` needs git");
    shop.rebases(&["--mine", "ours"]);
    shop.is(&MINE_AND_THEIRS, 3);

    // Two migrations that are not sealed: nothing says which is yours.
    let shop = Shop::bare();
    shop.add(2, "add_rooms");
    shop.add(2, "add_visits");
    shop.refuses(&[], "nothing says which is yours: `cargo mongrate rebase add_visits`");
    shop.refuses(&["add_room"], "no migration and no file of the package is called `add_room`");
    shop.rebases(&["add_rooms"]);
    let files = shop.read("src/migrations/mod.rs");
    assert!(files.contains("m0003_add_rooms") && files.contains("m0002_add_visits"), "{files}");
}

#[test]
fn what_needs_a_human_decision_is_refused_as_a_whole() {
    // Two migrations with the same name.
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(3, "add_rooms")], [false, true]);
    shop.git(&["merge", "main"]);
    shop.refuses(&[], "2 `add_rooms` has the name of 3 `add_rooms` of main");

    // A line of yours whose source is gone.
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(3, "add_visits")], [true, true]);
    shop.conflicts(&["merge", "main"]);
    shop.write("src/migrations/mod.rs", "mod m0001_add_users;\nmod m0003_add_visits;\n");
    fs::remove_file(shop.path("src/migrations/m0002_add_rooms.rs")).expect("it was there");
    shop.refuses(&[], "2 `add_rooms` is sealed on your side only, and no source declares it");

    // A file that has the new name already.
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.conflicts(&["merge", "main"]);
    shop.write("src/migrations/m0003_add_rooms.rs", "precious");
    shop.refuses(&[], "src/migrations/m0003_add_rooms.rs exists already");

    // A conflict in an item that both sides changed.
    let shop = Shop::new();
    shop.must_git(&["checkout", "-q", "-b", "mine"]);
    shop.write("src/main.rs", "mod migrations;\n\nfn main() { mine() }\n");
    shop.commit("mine");
    shop.must_git(&["checkout", "-q", "main"]);
    shop.write("src/main.rs", "mod migrations;\n\nfn main() { theirs() }\n");
    shop.commit("theirs");
    shop.conflicts(&["merge", "mine"]);
    shop.refuses(
        &[],
        "both sides have a function `main`, with different contents; resolve this conflict by hand",
    );
    let check = shop.mongrate(&["check"]);
    assert!(text(&check).contains("git could not merge this file"), "{}", text(&check));

    // A commit that git does not know.
    shop.refuses(&["--onto", "nobody"], "git knows no commit `nobody`");
}

/// A second run finishes the work of a run that was killed.
#[test]
fn a_run_that_was_killed_is_done_again() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.conflicts(&["merge", "main"]);
    // After the new file was written …
    let moved = shop.read("src/migrations/m0002_add_rooms.rs").replace("= 2", "= 3");
    shop.write("src/migrations/m0003_add_rooms.rs", &moved);
    let copy = tempfile::tempdir().expect("a directory");
    copy_all(shop.root.path(), copy.path());
    shop.rebases(&[]);
    shop.is(&MINE_AND_THEIRS, 3);
    // … or after the `mod` line followed.
    let shop = Shop { root: copy };
    let list = "//! All.\n\nmod m0001_add_users;\nmod m0002_add_visits;\nmod m0003_add_rooms;\n";
    shop.write("src/migrations/mod.rs", list);
    shop.mongrate(&["rebase"]);
    let check = shop.mongrate(&["check"]);
    let expected = "m0002_add_rooms.rs: holds a migration, and no `mod` reaches it";
    assert!(text(&check).contains(expected), "{}", text(&check));
    fs::remove_file(shop.path("src/migrations/m0002_add_rooms.rs")).expect("it was there");
    shop.is(&MINE_AND_THEIRS, 3);
}

fn copy_all(from: &Path, to: &Path) {
    let output = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).output().expect("cp");
    assert!(output.status.success(), "{}", text(&output));
}
