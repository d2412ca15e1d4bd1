//! `cargo mongrate rebase` in real repositories of git: every state in which two branches meet.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use tempfile::TempDir;

/// A package in a repository; nothing of it is compiled.
struct Shop {
    root: TempDir,
}

fn migration(version: &str, name: &str) -> String {
    format!(
        "use mongrate::{{Result, Transaction, migration}};\n\n#[migration(version = {version})]\n\
         async fn {name}(tx: &mut Transaction<'_>) -> Result {{\n    tx.run(\"{name}\").await;\n    \
         Ok(())\n}}\n"
    )
}

impl Shop {
    /// With one sealed migration, committed on `main`.
    fn new() -> Self {
        let shop = Self::bare();
        shop.git(&["init", "-q", "-b", "main"]);
        shop.commit("base");
        shop
    }

    /// The same without git.
    fn bare() -> Self {
        let shop = Self { root: tempfile::tempdir().expect("a directory") };
        shop.write(
            "Cargo.toml",
            "[package]\nname = \"shop\"\nedition = \"2024\"\n[dependencies]\nmongrate = \"0.1\"\n\
             [workspace]\n",
        );
        shop.write("src/main.rs", "mod migrations;\n\nfn main() {}\n");
        shop.write("src/migrations/mod.rs", "//! All.\n\n");
        shop.add(1, "add_users");
        shop.seal();
        shop
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// A file and its `mod` line.
    fn add(&self, version: i64, name: &str) {
        let module = format!("m{version:04}_{name}");
        let file = format!("src/migrations/{module}.rs");
        self.write(&file, &migration(&version.to_string(), name));
        let text = self.read("src/migrations/mod.rs");
        self.write("src/migrations/mod.rs", &format!("{text}mod {module};\n"));
    }

    fn seal(&self) {
        let output = self.mongrate(&["seal"]);
        assert!(output.status.success(), "{}", text(&output));
    }

    fn git(&self, arguments: &[&str]) -> Output {
        Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
            .args(["-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(self.root.path())
            .env("GIT_EDITOR", "true")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git runs")
    }

    #[track_caller]
    fn must_git(&self, arguments: &[&str]) {
        let output = self.git(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    }

    #[track_caller]
    fn commit(&self, message: &str) {
        self.must_git(&["add", "-A"]);
        self.must_git(&["commit", "-q", "-m", message]);
    }

    /// `mine` adds these, and `main` those; each seals if told so. Ends on `mine`.
    fn branches(&self, mine: &[(i64, &str)], main: &[(i64, &str)], seal: [bool; 2]) {
        for (branch, all, seal) in [("mine", mine, seal[0]), ("main", main, seal[1])] {
            if branch == "mine" {
                self.must_git(&["checkout", "-q", "-b", "mine"]);
            } else {
                self.must_git(&["checkout", "-q", "main"]);
            }
            for (version, name) in all {
                self.add(*version, name);
                if seal {
                    self.seal();
                }
                self.commit(name);
            }
        }
        self.must_git(&["checkout", "-q", "mine"]);
    }

    #[track_caller]
    fn conflicts(&self, arguments: &[&str]) {
        let output = self.git(arguments);
        assert!(!output.status.success(), "it merged in silence: {}", text(&output));
    }

    fn mongrate(&self, arguments: &[&str]) -> Output {
        self.mongrate_in(".", arguments)
    }

    fn mongrate_in(&self, directory: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cargo-mongrate"))
            .arg("mongrate")
            .args(arguments)
            .current_dir(self.path(directory))
            .env("CARGO_NET_OFFLINE", "true")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("the subcommand runs")
    }

    /// It rebases, and says so.
    #[track_caller]
    fn rebases(&self, arguments: &[&str]) -> String {
        let output = self.mongrate(&[&["rebase"], arguments].concat());
        let text = text(&output);
        assert!(output.status.success(), "{text}");
        text
    }

    /// It takes a person, and nothing is changed.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], expected: &str) {
        let before = self.snapshot();
        let output = self.mongrate(&[&["rebase"], arguments].concat());
        let text = text(&output);
        assert!(!output.status.success() && text.contains(expected), "{text}");
        assert_eq!(before, self.snapshot());
    }

    /// What is declared, as `check` sees it: it is sound.
    #[track_caller]
    fn is(&self, migrations: &[&str], sealed: usize) {
        let output = self.mongrate(&["check"]);
        assert!(output.status.success(), "{}\n{:?}", text(&output), self.snapshot());
        let count = format!("{} migrations, {sealed} sealed", migrations.len());
        assert!(text(&output).contains(&count), "{}", text(&output));
        let mut files: Vec<String> = self
            .snapshot()
            .into_iter()
            .filter_map(|(file, _)| Some(file.strip_prefix("src/migrations/m0")?.to_owned()))
            .collect();
        files.sort();
        assert_eq!(files, migrations.iter().map(|one| format!("{one}.rs")).collect::<Vec<_>>());
        let mods: Vec<String> =
            migrations.iter().map(|one| format!("mod m0{one};")).collect::<Vec<_>>();
        let text = self.read("src/migrations/mod.rs");
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("mod ")).collect();
        assert_eq!(lines, mods);
    }

    /// A second run finds nothing to do.
    #[track_caller]
    fn is_settled(&self) {
        let before = self.snapshot();
        let said = self.rebases(&[]);
        assert!(said.contains("nothing to rebase"), "{said}");
        assert_eq!(before, self.snapshot());
    }

    /// Every file but git's own.
    fn snapshot(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut directories = vec![self.root.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.ends_with(".git") {
                    continue;
                }
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let name = path.strip_prefix(self.root.path()).expect("below");
                    let bytes = fs::read(&path).expect("a file");
                    files.push((name.display().to_string(), bytes));
                }
            }
        }
        files.sort();
        files
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

const MINE_AND_THEIRS: [&str; 3] = ["001_add_users", "002_add_visits", "003_add_rooms"];

#[test]
fn a_merge_in_conflict_is_solved_and_git_goes_on() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    let main = shop.git(&["show", "main:migrations.sum"]);
    shop.conflicts(&["merge", "main"]);
    let dry = shop.mongrate(&["rebase", "--dry-run"]);
    assert!(text(&dry).contains("would be rebased onto main"), "{}", text(&dry));
    assert!(shop.read("migrations.sum").contains("<<<<<<< HEAD"), "a dry run wrote");

    let said = shop.rebases(&[]);
    for part in [
        "shop: rebased onto main\n",
        "  src/migrations/mod.rs: kept both sides, yours: module `m0002_add_rooms`\n",
        "  2 `add_rooms` is now 3: src/migrations/m0002_add_rooms.rs → \
         src/migrations/m0003_add_rooms.rs\n",
        "  migrations.sum: 2 lines that stay, then yours: 1 line\n",
        "note: to a database that has applied 2 `add_rooms` under the old number",
        "`git merge --continue`",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
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

/// Of each commit that is replayed, HEAD is the other side, and mine is "theirs".
#[test]
fn a_rebase_of_git_is_solved_commit_by_commit() {
    let shop = Shop::new();
    shop.branches(
        &[(2, "add_rooms"), (3, "fill_rooms")],
        &[(2, "add_visits"), (3, "add_bills")],
        [true, true],
    );
    shop.conflicts(&["rebase", "main"]);
    let said = shop.rebases(&[]);
    assert!(said.contains("2 `add_rooms` is now 4"), "{said}");
    assert!(said.contains("`git rebase --continue`"), "{said}");
    shop.must_git(&["add", "-A"]);
    shop.conflicts(&["rebase", "--continue"]);
    let said = shop.rebases(&[]);
    assert!(said.contains("3 `fill_rooms` is now 5"), "{said}");
    assert!(said.contains("2 `add_rooms` has its new number already"), "{said}");
    shop.must_git(&["add", "-A"]);
    shop.must_git(&["rebase", "--continue"]);
    shop.is(
        &["001_add_users", "002_add_visits", "003_add_bills", "004_add_rooms", "005_fill_rooms"],
        5,
    );
    shop.is_settled();
}

/// On the branch that everybody shares, what is merged into it gets new numbers.
#[test]
fn the_shared_branch_keeps_its_numbers() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.must_git(&["checkout", "-q", "main"]);
    shop.conflicts(&["merge", "mine"]);
    shop.rebases(&[]);
    shop.is(&MINE_AND_THEIRS, 3);

    // Unless it is pulled: then what is not shared yet is mine.
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

/// The flag turns it round.
#[test]
fn a_flag_says_which_side_is_mine() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.conflicts(&["merge", "main"]);
    let said = shop.rebases(&["--mine", "theirs"]);
    assert!(said.contains("2 `add_visits` is now 3"), "{said}");
    shop.is(&["001_add_users", "002_add_rooms", "003_add_visits"], 3);
}

#[test]
fn a_cherry_pick_and_a_stash_are_mine() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.must_git(&["checkout", "-q", "main"]);
    shop.conflicts(&["cherry-pick", "mine"]);
    let said = shop.rebases(&[]);
    assert!(said.contains("`git cherry-pick --continue`"), "{said}");
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

/// One is sealed and one is not; one has to make room, and one is far enough away.
#[test]
fn several_of_mine_keep_their_order() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms"), (4, "fill_rooms")], &[(3, "add_visits")], [true, true]);
    shop.add(9, "paint_rooms");
    shop.commit("not sealed");
    shop.conflicts(&["merge", "main"]);
    let said = shop.rebases(&[]);
    assert!(said.contains("2 `add_rooms` is now 4") && said.contains("4 `fill_rooms` is now 5"));
    assert!(said.contains("`cargo mongrate seal`"), "{said}");
    let all = ["001_add_users", "003_add_visits", "004_add_rooms", "005_fill_rooms"];
    shop.is(&[&all[..], &["009_paint_rooms"]].concat(), 4);
}

/// Neither branch seals, and somebody kept both `mod` lines: two have one number.
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

/// Main has sealed past it; git saw no conflict, as mine is not sealed.
#[test]
fn one_that_is_late_without_any_conflict() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(5, "add_visits")], [false, true]);
    shop.git(&["merge", "main"]);
    let said = shop.rebases(&[]);
    assert!(said.contains("2 `add_rooms` is now 6"), "{said}");
    shop.is(&["001_add_users", "005_add_visits", "006_add_rooms"], 2);
}

/// Mine are renumbered after main's before the two meet; what is committed afterwards merges
/// with a conflict in the lines alone, which is solved in turn.
#[test]
fn before_the_merge() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    let said = shop.rebases(&[]);
    assert!(said.contains("2 `add_rooms` is now 3"), "{said}");
    shop.is(&["001_add_users", "003_add_rooms"], 2);
    shop.commit("renumbered");
    shop.conflicts(&["merge", "main"]);
    let said = shop.rebases(&[]);
    assert!(!said.contains("is now") && !said.contains("note:"), "{said}");
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

#[test]
fn several_in_one_file() {
    let shop = Shop::new();
    shop.write("src/main.rs", "mod migrations;\nmod more;\n\nfn main() {}\n");
    let head = "use mongrate::{Result, Transaction, migration};\n";
    shop.write("src/more.rs", head);
    shop.commit("more");
    let body = |version: &str, name: &str| migration(version, name).replace(head, "");
    shop.must_git(&["checkout", "-q", "-b", "mine"]);
    let rooms = format!("{}{}", body("20_002", "add_rooms"), body("20_003", "fill_rooms"));
    shop.write("src/more.rs", &format!("{head}{rooms}"));
    shop.seal();
    shop.commit("mine");
    shop.must_git(&["checkout", "-q", "main"]);
    shop.write("src/more.rs", &format!("{head}{}", body("20_002", "add_visits")));
    shop.seal();
    shop.commit("theirs");
    shop.must_git(&["checkout", "-q", "mine"]);
    shop.conflicts(&["merge", "main"]);
    shop.rebases(&[]);
    let expected = [
        head.to_owned(),
        body("20_002", "add_visits"),
        body("20_003", "add_rooms"),
        body("20_004", "fill_rooms"),
    ];
    assert_eq!(shop.read("src/more.rs"), expected.concat());
    let check = shop.mongrate(&["check"]);
    assert!(text(&check).contains("4 migrations, 4 sealed"), "{}", text(&check));
    shop.is_settled();
}

/// A directory with data, a `path` attribute, and links that are left alone.
#[test]
fn what_goes_with_a_migration() {
    let shop = Shop::new();
    shop.must_git(&["checkout", "-q", "-b", "mine"]);
    let list = "//! All.\n\nmod m0001_add_users;\nmod m0002_rooms;\n#[path = \
                \"m0003_paint.rs\"]\npub mod paint;\n";
    shop.write("src/migrations/mod.rs", list);
    let rooms = migration("2", "add_rooms") + "\nmod data;\n";
    shop.write("src/migrations/m0002_rooms/mod.rs", &rooms);
    shop.write("src/migrations/m0002_rooms/data.rs", "//! See [`super::super::m0002_rooms`].\n");
    fs::write(shop.path("src/migrations/m0002_rooms/rooms.bin"), [0xff, 0xfe, 0]).expect("a file");
    shop.write("src/migrations/m0003_paint.rs", &migration("3", "paint_rooms"));
    shop.write("README.md", "See src/migrations/m0002_rooms/mod.rs.\n");
    shop.commit("mine");
    shop.must_git(&["checkout", "-q", "main"]);
    shop.add(2, "add_visits");
    shop.seal();
    shop.commit("theirs");
    shop.must_git(&["checkout", "-q", "mine"]);
    shop.conflicts(&["merge", "main"]);
    let said = shop.rebases(&[]);
    assert!(said.contains("README.md:1 names `m0002_rooms`"), "{said}");
    assert!(said.contains("m0003_rooms/data.rs:1 names `m0002_rooms`"), "{said}");
    let expected = "//! All.\n\nmod m0001_add_users;\nmod m0002_add_visits;\nmod m0003_rooms;\n\
                    #[path = \"m0004_paint.rs\"]\npub mod paint;\n";
    assert_eq!(shop.read("src/migrations/mod.rs"), expected);
    assert!(!shop.path("src/migrations/m0002_rooms").exists());
    let data = fs::read(shop.path("src/migrations/m0003_rooms/rooms.bin")).expect("it moved");
    assert_eq!(data, [0xff, 0xfe, 0]);
    let check = shop.mongrate(&["check"]);
    assert!(text(&check).contains("4 migrations, 2 sealed"), "{}", text(&check));
}

#[test]
fn groups_have_numbers_of_their_own() {
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [false, false]);
    let file = "src/migrations/m0002_add_rooms.rs";
    shop.write(file, &shop.read(file).replace("version = 2", "version = 2, group = \"audit\""));
    shop.commit("a group");
    shop.conflicts(&["merge", "main"]);
    let said = shop.rebases(&[]);
    assert!(!said.contains("is now"), "{said}");
    shop.is(&["001_add_users", "002_add_rooms", "002_add_visits"], 1);
}

#[test]
fn without_git_it_wants_to_be_told() {
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

    // Of two that nobody sealed, it cannot know either.
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
fn what_takes_a_person_is_refused_whole() {
    // One name for two.
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(3, "add_rooms")], [false, true]);
    shop.git(&["merge", "main"]);
    shop.refuses(&[], "2 `add_rooms` has the name of 3 `add_rooms` of main");

    // A line of mine whose source is gone.
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(3, "add_visits")], [true, true]);
    shop.conflicts(&["merge", "main"]);
    shop.write("src/migrations/mod.rs", "mod m0001_add_users;\nmod m0003_add_visits;\n");
    fs::remove_file(shop.path("src/migrations/m0002_add_rooms.rs")).expect("it was there");
    shop.refuses(&[], "2 `add_rooms` is sealed on your side only, and no source declares it");

    // A file where the new one would be.
    let shop = Shop::new();
    shop.branches(&[(2, "add_rooms")], &[(2, "add_visits")], [true, true]);
    shop.conflicts(&["merge", "main"]);
    shop.write("src/migrations/m0003_add_rooms.rs", "precious");
    shop.refuses(&[], "src/migrations/m0003_add_rooms.rs is there already");

    // A conflict in what both changed.
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
        "both sides have a function `main`, and not the same; solve that one by hand",
    );
    let check = shop.mongrate(&["check"]);
    assert!(text(&check).contains("git could not merge this file"), "{}", text(&check));

    // A commit that nobody knows.
    shop.refuses(&["--onto", "nobody"], "git knows no commit `nobody`");
}

/// What a run that was killed has left is taken up.
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

/// Two packages in one repository, each with a conflict; from the root and from a member.
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
