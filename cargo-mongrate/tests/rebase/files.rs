//! What a new number moves: several migrations of a file, directories, groups.

use std::fs;

use crate::shop::{Shop, migration, text};

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

/// A directory with data, a `path` attribute, and references that are not changed.
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
    let printed = shop.rebases(&[]);
    assert!(printed.contains("README.md:1 names `m0002_rooms`"), "{printed}");
    assert!(printed.contains("m0003_rooms/data.rs:1 names `m0002_rooms`"), "{printed}");
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
    let printed = shop.rebases(&[]);
    assert!(!printed.contains("is now"), "{printed}");
    shop.is(&["001_add_users", "002_add_rooms", "002_add_visits"], 1);
}
