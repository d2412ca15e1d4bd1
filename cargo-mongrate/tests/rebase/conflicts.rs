//! Conflicts of git, in every state in which two branches meet.

use crate::shop::{MINE_AND_THEIRS, Shop, text};

#[test]
fn a_merge_in_conflict_is_solved_and_git_goes_on() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    let main = shop.git(&["show", "main:migrations.sum"]);
    shop.conflicts(&["merge", "main"]);
    let dry = shop.mongrate(&["rebase", "--dry-run"]);
    assert!(text(&dry).contains("would be rebased onto main"), "{}", text(&dry));
    assert!(shop.read("migrations.sum").contains("<<<<<<< HEAD"), "a dry run wrote");

    let printed = shop.rebases(&[]);
    for part in [
        "shop: rebased onto main\n",
        "  src/migrations/mod.rs: kept both sides, yours: module `m0002_add_rooms`\n",
        "  2 `add_rooms` is now 3: src/migrations/m0002_add_rooms.rs → \
         src/migrations/m0003_add_rooms.rs\n",
        "  migrations.sum: kept 2 lines, then 1 line of yours\n",
        "note: a database that has applied 2 `add_rooms` under the old number",
        "`git merge --continue`",
    ] {
        assert!(printed.contains(part), "{part}\n{printed}");
    }
    shop.is(&MINE_AND_THEIRS, 3);
    let sum = shop.read("migrations.sum");
    assert!(sum.starts_with(&text(&main)), "their lines stay as they are: {sum}");
    shop.is_settled();
    shop.must_git(&["add", "-A"]);
    shop.must_git(&["merge", "--continue"]);
    shop.is_settled();
}

#[test]
fn each_style_of_conflict_and_other_line_ends() {
    for style in ["merge", "diff3", "zdiff3"] {
        let shop = Shop::new();
        shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
        shop.conflicts(&["-c", &format!("merge.conflictStyle={style}"), "merge", "main"]);
        shop.rebases(&[]);
        shop.is(&MINE_AND_THEIRS, 3);
    }
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.conflicts(&["merge", "main"]);
    for file in ["migrations.sum", "src/migrations/mod.rs", "src/migrations/m0002_add_rooms.rs"] {
        shop.write(file, &shop.read(file).replace('\n', "\r\n"));
    }
    shop.rebases(&[]);
    shop.is(&MINE_AND_THEIRS, 3);
    for file in ["migrations.sum", "src/migrations/mod.rs", "src/migrations/m0003_add_rooms.rs"] {
        let text = shop.read(file);
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text}");
    }
}

/// For each commit that is replayed, HEAD is the other side, and "theirs" is yours.
#[test]
fn a_rebase_of_git_is_solved_commit_by_commit() {
    let shop = Shop::new();
    shop.branches(
        &[(2, "add_rooms"), (3, "fill_rooms")],
        &[(2, "add_visits"), (3, "add_bills")],
        [true, true],
    );
    shop.conflicts(&["rebase", "main"]);
    let printed = shop.rebases(&[]);
    assert!(printed.contains("2 `add_rooms` is now 4"), "{printed}");
    assert!(printed.contains("`git rebase --continue`"), "{printed}");
    shop.must_git(&["add", "-A"]);
    shop.conflicts(&["rebase", "--continue"]);
    let printed = shop.rebases(&[]);
    assert!(printed.contains("3 `fill_rooms` is now 5"), "{printed}");
    assert!(printed.contains("2 `add_rooms` has its new number already"), "{printed}");
    shop.must_git(&["add", "-A"]);
    shop.must_git(&["rebase", "--continue"]);
    shop.is(
        &["001_add_users", "002_add_visits", "003_add_bills", "004_add_rooms", "005_fill_rooms"],
        5,
    );
    shop.is_settled();
}

/// On the shared branch, the migrations that are merged into it get new numbers.
#[test]
fn the_shared_branch_keeps_its_numbers() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.must_git(&["checkout", "-q", "main"]);
    shop.conflicts(&["merge", "mine"]);
    shop.rebases(&[]);
    shop.is(&MINE_AND_THEIRS, 3);

    // If the merge comes from a pull, the migrations that are not pushed yet get new numbers.
    let shop = Shop::new();
    let other = tempfile::tempdir().expect("a directory");
    let clone = other.path().display().to_string();
    shop.must_git(&["clone", "-q", "--bare", ".", &clone]);
    shop.must_git(&["remote", "add", "origin", &clone]);
    shop.must_git(&["checkout", "-q", "-b", "colleague"]);
    shop.add(2, "add_visits");
    shop.seal();
    shop.commit("theirs");
    shop.must_git(&["push", "-q", "origin", "colleague:main"]);
    shop.must_git(&["checkout", "-q", "main"]);
    shop.add(2, "add_rooms");
    shop.seal();
    shop.commit("mine");
    shop.conflicts(&["pull", "-q", "--no-rebase", "origin", "main"]);
    shop.rebases(&[]);
    shop.is(&MINE_AND_THEIRS, 3);
}

/// `--mine theirs` renumbers the other side.
#[test]
fn a_flag_says_which_side_is_mine() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.conflicts(&["merge", "main"]);
    let printed = shop.rebases(&["--mine", "theirs"]);
    assert!(printed.contains("2 `add_visits` is now 3"), "{printed}");
    shop.is(&["001_add_users", "002_add_rooms", "003_add_visits"], 3);
}

#[test]
fn a_cherry_pick_and_a_stash_are_mine() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.must_git(&["checkout", "-q", "main"]);
    shop.conflicts(&["cherry-pick", "mine"]);
    let printed = shop.rebases(&[]);
    assert!(printed.contains("`git cherry-pick --continue`"), "{printed}");
    shop.is(&MINE_AND_THEIRS, 3);

    let shop = Shop::new();
    shop.add(2, "add_rooms");
    shop.seal();
    shop.must_git(&["stash", "-q", "-u"]);
    shop.add(2, "add_visits");
    shop.seal();
    shop.commit("theirs");
    shop.conflicts(&["stash", "pop"]);
    shop.rebases(&[]);
    shop.is(&MINE_AND_THEIRS, 3);
}

/// Sealed and unsealed migrations: one has to make room, and one is far enough away.
#[test]
fn several_of_mine_keep_their_order() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms"), (4, "fill_rooms")], &[(3, "add_visits")], [true, true]);
    shop.add(9, "paint_rooms");
    shop.commit("not sealed");
    shop.conflicts(&["merge", "main"]);
    let printed = shop.rebases(&[]);
    assert!(
        printed.contains("2 `add_rooms` is now 4") && printed.contains("4 `fill_rooms` is now 5")
    );
    assert!(printed.contains("`cargo mongrate seal`"), "{printed}");
    let all = ["001_add_users", "003_add_visits", "004_add_rooms", "005_fill_rooms"];
    shop.is(&[&all[..], &["009_paint_rooms"]].concat(), 4);
}
