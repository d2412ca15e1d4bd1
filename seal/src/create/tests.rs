//! Names, versions, and the written files.

use chrono::NaiveDate;

use super::{
    mod_line::with_mod_line,
    name::{function, slug},
    *,
};
use crate::sum::{Declared, Sum};

fn now() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2025, 1, 22).unwrap().and_hms_opt(13, 14, 15).unwrap()
}

fn new(name: &str) -> NewMigration {
    NewMigration::named(name).unwrap()
}

/// A directory of its own, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(test: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("mongrate-create-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("migrations")).unwrap();
        Self(path)
    }

    fn migrations(&self) -> PathBuf {
        self.0.join("migrations")
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.0.join(file), text).unwrap();
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn names_become_snake_case() {
    for (name, expected) in [
        ("add user index", "add_user_index"),
        ("  Add -- User's index! ", "add_user_s_index"),
        ("AddUserIndex", "add_user_index"),
        ("add2FA", "add2_fa"),
        ("größe", "gr_e"),
        ("__a__b__", "a_b"),
    ] {
        assert_eq!(slug(name).unwrap(), expected, "{name}");
    }
}

#[test]
fn hostile_names_are_refused() {
    let long = "a".repeat(61);
    let longer = "é".repeat(200);
    for name in [
        "",
        " ",
        "___",
        "日本",
        "../x",
        "a/b",
        "a\\b",
        "a..b",
        "..",
        "a\nb",
        "a\0b",
        "a\u{1b}[2J",
        &long,
        &longer,
    ] {
        assert!(matches!(slug(name), Err(CreateError::Name { .. })), "{name:?}");
    }
}

#[test]
fn the_version_is_greater_than_all_and_in_the_scheme_of_the_newest() {
    let dir = Dir::new("version");
    let version = |file: &str| {
        if !file.is_empty() {
            dir.put(&format!("migrations/{file}"), "");
        }
        let taken = numbering::taken(&dir.migrations()).unwrap();
        numbering::next(taken.newest, now()).unwrap()
    };
    assert_eq!(version(""), 20_250_122_001, "the first");
    assert_eq!(version("m0007_numbers.rs"), 8);
    assert_eq!(version("m00012_numbers"), 13);
    assert_eq!(version("m20240101_a_date.rs"), 20_250_122);
    assert_eq!(version("m20250122_today.rs"), 20_250_123);
    assert_eq!(version("m20240909001_date_and_number.rs"), 20_250_122_001);
    assert_eq!(version("m20250122001_today.rs"), 20_250_122_002);
    assert_eq!(version("notes20991231001.txt"), 20_250_122_002);
    assert_eq!(version("m20250122999_last.rs"), 20_250_123_000);
    assert_eq!(version("m20301231005_future.rs"), 20_301_231_006);
    assert_eq!(version("m202412310101_with_a_minute.rs"), 202_501_221_314);
    assert_eq!(version("m20241231010123_with_a_time"), 20_250_122_131_415);
    assert_eq!(version("m20301231010123_with_a_time"), 20_301_231_010_124);
    dir.put(&format!("migrations/m{}_end.rs", i64::MAX), "");
    let error = new("x").write(&dir.migrations(), now()).unwrap_err();
    assert!(matches!(error, CreateError::NoVersion { .. }), "{error}");
}

#[test]
fn a_directory_for_a_quarter_is_no_version() {
    let dir = Dir::new("quarter");
    fs::create_dir_all(dir.migrations().join("m2024_q1")).unwrap();
    let made = new("x").write(&dir.migrations(), now()).unwrap();
    assert_eq!(made.version, 20_250_122_001);
    fs::create_dir_all(dir.migrations().join("m20250122007_users")).unwrap();
    let made = new("y").write(&dir.migrations(), now()).unwrap();
    assert_eq!(made.version, 20_250_122_008);
}

#[test]
fn the_package_has_a_sum_file_from_the_first_one_on() {
    let dir = Dir::new("first");
    dir.put("Cargo.toml", "");
    let made = new("x").write(&dir.migrations(), now()).unwrap();
    let path = made.sum_file.expect("there was none");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mongrate-sum v1\n");
    let made = new("y").write(&dir.migrations(), now()).unwrap();
    assert_eq!(made.sum_file, None, "what is there stays");
}

#[test]
fn what_is_sealed_or_declared_elsewhere_counts() {
    let dir = Dir::new("sealed");
    dir.put("Cargo.toml", "");
    let mut sum = Sum::default();
    for (group, version, name) in [("default", 41, "a"), ("audit", 99, "b")] {
        let (checksum, out_of_order) = ("v1:sha256:0", false);
        let rollback = crate::sum::Undo::None;
        let uses = crate::sum::Uses::Unseen;
        sum.append(Declared { group, version, name, checksum, rollback, uses, out_of_order });
    }
    dir.put("migrations.sum", &sum.render());
    dir.put("migrations/m0007_c.rs", "");
    let made = new("x").write(&dir.migrations(), now()).unwrap();
    assert_eq!(made.path, dir.migrations().join("m0042_x.rs"));
    let made = new("y").beside(50, "z", "src/lib.rs:3").write(&dir.migrations(), now()).unwrap();
    assert_eq!(made.version, 51);
    let taken = |new: NewMigration| new.write(&dir.migrations(), now()).unwrap_err().to_string();
    assert!(taken(new("a")).starts_with("the name `a` is already taken by `migrations.sum`"));
    assert!(
        taken(new("z").beside(50, "z", "src/lib.rs:3"))
            .starts_with("the name `z` is already taken by `src/lib.rs:3`")
    );
    dir.put("migrations.sum", "<<<<<<< HEAD\n");
    assert!(taken(new("w")).contains("migrations.sum:1: "), "{}", taken(new("w")));
    assert_eq!(fs::read_dir(dir.migrations()).unwrap().count(), 3);
}

#[test]
fn it_writes_the_file_and_the_mod_line() {
    let dir = Dir::new("writes");
    dir.put("migrations/mod.rs", "//! All.\n\nmod m20250101001_a;\n\nfn other() {}\n");
    let made = new("add user index").reversible(true).write(&dir.migrations(), now()).unwrap();
    assert_eq!(made.path, dir.migrations().join("m20250122001_add_user_index.rs"));
    assert_eq!(made.mod_file, Some(dir.migrations().join("mod.rs")));
    assert_eq!(
        dir.read("migrations/mod.rs"),
        "//! All.\n\nmod m20250101001_a;\nmod m20250122001_add_user_index;\n\nfn other() {}\n"
    );
    let text = dir.read("migrations/m20250122001_add_user_index.rs");
    assert!(text.starts_with("//! Add user index.\n"), "{text}");
    assert!(text.contains("version = 20250122001, reversible = revert_add_user_index)"), "{text}");
    assert!(
        !text.contains("20260102") && !text.contains("xample_") && !text.contains("Example "),
        "{text}"
    );

    let next = new("add user index 2").write(&dir.migrations(), now()).unwrap();
    assert_eq!(next.version, 20_250_122_002);
    assert_eq!(fs::read_dir(dir.migrations()).unwrap().count(), 3, "no draft is left");
}

#[test]
fn the_mod_line_finds_its_file() {
    let dir = Dir::new("finds");
    let made = new("a").write(&dir.migrations(), now()).unwrap();
    assert_eq!((made.mod_file, made.mod_line.as_str()), (None, "mod m20250122001_a;"));

    dir.put("migrations/lib.rs", "");
    let made = new("b").write(&dir.migrations(), now()).unwrap();
    assert_eq!(made.mod_file, Some(dir.migrations().join("lib.rs")));
    assert_eq!(dir.read("migrations/lib.rs"), "mod m20250122002_b;\n");

    dir.put("migrations.rs", "mod x;");
    let made = new("c").write(&dir.migrations(), now()).unwrap();
    assert_eq!(made.mod_file, Some(dir.0.join("migrations.rs")));
    assert_eq!(dir.read("migrations.rs"), "mod x;\nmod m20250122003_c;\n");
}

#[test]
fn the_mod_line_keeps_order_and_style_and_is_never_doubled() {
    let with = |text| with_mod_line(text, "m3_c");
    assert_eq!(with("").unwrap(), "mod m3_c;\n");
    assert_eq!(with("fn x() {}\n").unwrap(), "fn x() {}\nmod m3_c;\n");
    assert_eq!(
        with("pub mod m1_a;\r\npub mod m2_b;\r\nmod util;\r\n").unwrap(),
        "pub mod m1_a;\r\npub mod m2_b;\r\npub mod m3_c;\r\nmod util;\r\n"
    );
    assert_eq!(
        with("mod m1_a; // first\nmod z;").unwrap(),
        "mod m1_a; // first\nmod m3_c;\nmod z;"
    );
    // What is newer comes after it, with what belongs to it.
    assert_eq!(
        with("mod m1_a;\n/// New.\n#[path = \"x.rs\"]\nmod m4_d;\nmod m5_e;\n").unwrap(),
        "mod m1_a;\nmod m3_c;\n/// New.\n#[path = \"x.rs\"]\nmod m4_d;\nmod m5_e;\n"
    );
    assert_eq!(with("//! All.\nmod m4_d;\n").unwrap(), "//! All.\nmod m3_c;\nmod m4_d;\n");
    assert_eq!(with("pub(crate) mod m3_c;\n"), None);
    assert_eq!(with("// mod m3_c;\nmod m1;\n").unwrap(), "// mod m3_c;\nmod m1;\nmod m3_c;\n");
    assert_eq!(
        with("mod tests {\n    mod m9_x;\n}\n").unwrap(),
        "mod tests {\n    mod m9_x;\n}\nmod m3_c;\n"
    );
}

#[test]
fn nothing_is_overwritten() {
    let dir = Dir::new("overwrite");
    let path = dir.migrations().join("m7_a.rs");
    fs::write(&path, "precious").unwrap();
    let error = new("A").write(&dir.migrations(), now()).unwrap_err();
    assert!(error.to_string().starts_with("the name `a` is already taken by `m7_a.rs`"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(fs::read_dir(dir.migrations()).unwrap().count(), 1);
    assert!(matches!(
        new("a").write(&dir.0.join("nowhere"), now()),
        Err(CreateError::NoDirectory { .. })
    ));
}

#[test]
fn many_at_once_take_turns() {
    let dir = Dir::new("turns");
    dir.put("migrations/mod.rs", "//! All.\n");
    let made: Vec<Created> = std::thread::scope(|scope| {
        let write = |n: usize| {
            let dir = dir.migrations();
            scope.spawn(move || new(&format!("change {n}")).write(&dir, now()).unwrap())
        };
        let all: Vec<_> = (0..24).map(write).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut versions: Vec<i64> = made.iter().map(|created| created.version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (20_250_122_001..=20_250_122_024).collect::<Vec<_>>());
    let mods = dir.read("migrations/mod.rs");
    for created in &made {
        assert_eq!(mods.matches(&format!("{}\n", created.mod_line)).count(), 1, "{mods}");
    }
    assert_eq!(mods.lines().count(), 25, "{mods}");
    assert_eq!(fs::read_dir(dir.migrations()).unwrap().count(), 25, "no draft is left");
    // Several threads use the same name at once: exactly one succeeds.
    let written: Vec<bool> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| new("the same").write(&dir.migrations(), now()).is_ok()))
            .collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(written.iter().filter(|succeeded| **succeeded).count(), 1);
}

#[test]
fn functions_have_names_that_rust_takes() {
    assert_eq!(function("type"), "migrate_type");
    assert_eq!(function("2fa"), "migrate_2fa");
    assert_eq!(function("typed"), "typed");
    let text = new("2fa").template(Template::Online).text(1);
    assert!(text.contains("async fn migrate_2fa(on: &mut Online<'_>)"), "{text}");
}

#[test]
fn a_migration_is_written_with_its_text() {
    let dir = Dir::new("declares");
    dir.put("Cargo.toml", "");
    dir.put("migrations/mod.rs", "//! All.\n");
    let migration =
        new("Add Phone").declares("Why.", "use mongrate::Change;\n", "    change.x();\n");
    let refused = migration.write_after(&dir.migrations(), now(), &mut |upcoming| {
        assert_eq!(upcoming.module, "m20250122001_add_phone");
        assert!(upcoming.text.contains("change.x();") && !upcoming.path.exists());
        Err(io::ErrorKind::Other.into())
    });
    assert!(matches!(refused, Err(CreateError::Write { .. })));
    assert_eq!(dir.read("migrations/mod.rs"), "//! All.\n");
    assert!(!dir.0.join("migrations.sum").exists(), "nothing was written");
    migration.write(&dir.migrations(), now()).unwrap();
    let expected = "//! Add phone.\n\nuse mongrate::Change;\n\n/// Add phone.\n///\n/// Why.\n\
                    #[migration(version = 20250122001, reversible)]\nfn add_phone(change: &mut Change) {\n    \
                    change.x();\n}\n";
    assert_eq!(dir.read("migrations/m20250122001_add_phone.rs"), expected);
}
