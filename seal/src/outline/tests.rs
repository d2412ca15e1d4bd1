//! Which migrations an outline has, and which it has not.

use std::{env, fs, process};

use super::*;

#[test]
fn migrations_are_found_wherever_a_root_reaches_them() {
    let directory = env::temp_dir().join(format!("mongrate-seal-outline-{}", process::id()));
    let source = directory.join("src");
    fs::create_dir_all(&source).expect("it can be made");
    for (file, text) in [
        (
            "lib.rs",
            r##"//! A library.
                use mongrate::{self as db, migration as step};
                use größe::ähnlich;
                mod a;
                #[cfg(test)] mod tests { #[migration(version = 101)] fn x() {} }
                /// Documented: {
                #[migration(version = 1)]
                pub async fn one(tx: T<'_>) -> R { "}"; r#"}"#; '}'; b'}'; /* } */ 'a: {} // }
                }
                #[migration(version = 2, group = "audit")] fn two() {}
                #[step(version = 0x3)] fn three() {}
                #[cfg(all(unix, test))] #[migration(version = 102)] fn x() {}
                #[migration(repeatable)] fn x() {}
                mod inline { #[db::migration(version = 4)] fn four() {} }
                #[path = "elsewhere.rs"] mod other;
                #[cfg_attr(unix, migration(version = 5))] const fn five() {}
                #[other::migration(version = 103)] fn x() {}
                fn x() { #[migration(version = 104)] fn y() {} }
                impl X { #[migration(version = 105)] fn y() {} }
                include!("included.rs");
            "##,
        ),
        ("a.rs", "mod b;"),
        ("a/b.rs", "#[migration(version = 6)] fn six() {}"),
        ("elsewhere.rs", "#[migration(version = 7,)] fn seven() {}"),
        ("included.rs", "#[migration(name = \"x\", version = 8)] fn eight() {}"),
        ("unreached.rs", "#[migration(version = 106)] fn x() {}"),
    ] {
        let file = source.join(file);
        fs::create_dir_all(file.parent().expect("it has one")).expect("it can be made");
        fs::write(file, text).expect("it can be written");
    }
    let outline = Outline::read(&directory).expect("all files can be read");
    for version in [1, 3, 4, 5, 6, 7, 8] {
        assert!(outline.declares("default", version), "{version}");
    }
    assert!(outline.declares("audit", 2) && !outline.declares("default", 2));
    for version in 101..=106 {
        assert!(!outline.declares("default", version), "{version}");
    }
    assert!(
        outline.reaches(&source.join("a/b.rs")) && !outline.reaches(&source.join("unreached.rs"))
    );
    fs::write(source.join("a.rs"), "mod b; fn f( {").expect("it can be written");
    assert!(Outline::read(&directory).is_none(), "not all is known");
    fs::remove_dir_all(directory).expect("it is there");
}
