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
