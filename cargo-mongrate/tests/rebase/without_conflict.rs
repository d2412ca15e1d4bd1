//! Numbers that clash although git saw no conflict, or has not merged yet.

use crate::shop::{MINE_AND_THEIRS, Shop, text};

/// Neither branch seals, and a developer kept both `mod` lines: two migrations have the same
/// number.
#[test]
fn a_number_used_twice_without_any_conflict() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [false, false]);
    shop.git(&["merge", "main"]);
    let both = "//! All.\n\nmod m0001_add_users;\nmod m0002_add_rooms;\nmod m0002_add_visits;\n";
    shop.write("src/migrations/mod.rs", both);
    shop.must_git(&["add", "-A"]);
    shop.must_git(&["merge", "--continue"]);
    let check = shop.mongrate(&["check"]);
    assert!(text(&check).contains("`cargo mongrate rebase`"), "{}", text(&check));
    shop.rebases(&[]);
    shop.is(&MINE_AND_THEIRS, 1);
    shop.is_settled();
}

/// Main has sealed a newer version; git saw no conflict, as the late migration is not sealed.
#[test]
fn a_late_migration_without_any_conflict() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(5, "add_visits")], [false, true]);
    shop.git(&["merge", "main"]);
    let printed = shop.rebases(&[]);
    assert!(printed.contains("2 `add_rooms` is now 6"), "{printed}");
    shop.is(&["001_add_users", "005_add_visits", "006_add_rooms"], 2);
}

/// Migrations are renumbered after main's before the merge. The merge then has a conflict only in
/// the sum file, which a second run resolves.
#[test]
fn before_the_merge() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    let printed = shop.rebases(&[]);
    assert!(printed.contains("2 `add_rooms` is now 3"), "{printed}");
    shop.is(&["001_add_users", "003_add_rooms"], 2);
    shop.commit("renumbered");
    shop.conflicts(&["merge", "main"]);
    let printed = shop.rebases(&[]);
    assert!(!printed.contains("is now") && !printed.contains("note:"), "{printed}");
    shop.is(&MINE_AND_THEIRS, 3);
}

/// An editor's "accept both" leaves both lines, and a chain that does not hold.
#[test]
fn lines_that_were_merged_by_hand() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.conflicts(&["merge", "main"]);
    let sum = shop.read("migrations.sum");
    let lines: Vec<&str> =
        sum.lines().filter(|line| !["<", "=", ">"].iter().any(|it| line.starts_with(it))).collect();
    shop.write("migrations.sum", &(lines.join("\n") + "\n"));
    shop.must_git(&["add", "migrations.sum"]);
    shop.rebases(&[]);
    shop.is(&MINE_AND_THEIRS, 3);
}

/// A renumbered migration keeps what it uses: the items' hashes are in its line, and the files are
/// read as they will be after the rebase.
#[test]
fn what_a_renumbered_migration_uses_stays_sealed() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [false, true]);
    let file = "src/migrations/m0002_add_rooms.rs";
    let uses = "version = 2, uses = [crate::rooms::size, shape]";
    let migration = shop.read(file).replace("version = 2", uses);
    shop.write(file, &format!("{migration}\nconst shape: u8 = 1;\n"));
    shop.write("src/rooms.rs", "pub fn size() -> u8 { 1 }\n");
    shop.write("src/main.rs", "mod migrations;\nmod rooms;\n\nfn main() {}\n");
    shop.seal();
    let sealed = |shop: &Shop| {
        let sum = shop.read("migrations.sum");
        let line = sum.lines().find(|line| line.contains(" add_rooms ")).expect("it is sealed");
        let fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
        (fields[3].clone(), fields[4].clone())
    };
    let before = sealed(&shop);
    assert!(before.1.starts_with("uses=shape:") && before.1.contains(",size:"), "{before:?}");
    shop.commit("uses");
    shop.conflicts(&["merge", "main"]);
    let printed = shop.rebases(&[]);
    assert!(printed.contains("2 `add_rooms` is now 3"), "{printed}");
    assert_eq!(sealed(&shop), before, "checksum and items");
    shop.is(&MINE_AND_THEIRS, 3);
    shop.write("src/rooms.rs", "pub fn size() -> u8 { 2 }\n");
    let check = shop.mongrate(&["check"]);
    assert!(text(&check).contains("version 3 uses `size`, which has changed"), "{}", text(&check));
}
