//! A package that is published without its sum file.

use crate::fixture::{Fixture, text};

#[test]
fn a_package_that_leaves_the_sum_file_out_is_told_so() {
    let fixture = Fixture::sealed();
    let manifest = fixture.read("Cargo.toml");
    for (key, way_out) in [
        ("include = [\"src/**\"]", "add \"migrations.sum\" to `include`"),
        ("exclude = [\"*.sum\"]", "take it out of `exclude`, or add \"!migrations.sum\" there"),
    ] {
        let with =
            manifest.replace("edition = \"2024\"\n", &format!("edition = \"2024\"\n{key}\n"));
        fixture.write("Cargo.toml", &with);
        let output = fixture.mongrate(&["check"]);
        assert!(!output.status.success(), "{}", text(&output));
        let word = key.split(' ').next().unwrap_or_default();
        let expected =
            format!("error: Cargo.toml: `{word}` leaves migrations.sum out of package `");
        assert!(text(&output).contains(&expected), "{}", text(&output));
        assert!(text(&output).contains(way_out), "{}", text(&output));
        let output = fixture.mongrate(&["seal"]);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains("warning: Cargo.toml: `"), "{}", text(&output));
        // A package that is never published gets only a warning.
        fixture.write(
            "Cargo.toml",
            &with.replace("[dependencies]", "publish = false\n[dependencies]"),
        );
        let output = fixture.mongrate(&["check"]);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains("warning: Cargo.toml: `"), "{}", text(&output));
    }
    for key in ["include = [\"src/**\", \"*.sum\"]", "exclude = [\"docs\"]"] {
        let with =
            manifest.replace("edition = \"2024\"\n", &format!("edition = \"2024\"\n{key}\n"));
        fixture.write("Cargo.toml", &with);
        let output = fixture.mongrate(&["check"]);
        assert!(output.status.success(), "{}", text(&output));
        assert!(!text(&output).contains("leaves"), "{}", text(&output));
    }
}
