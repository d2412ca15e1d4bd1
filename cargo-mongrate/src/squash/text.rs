//! The text of a squash.

use std::fmt::Write as _;

use mongrate_seal::Replaces;

use super::proof::Led;

/// What is written.
pub(super) struct Written<'a> {
    pub(super) version: i64,
    pub(super) name: &'a str,
    pub(super) group: &'a str,
    pub(super) replaces: &'a Replaces,
    pub(super) led: &'a Led,
}

/// Returns the text of the file.
pub(super) fn text(written: &Written<'_>) -> String {
    let Written { version, name, group, replaces, led } = written;
    let has_data = led.documents.values().any(|documents| !documents.is_empty());
    let mut imports = vec!["Change"];
    if has_data {
        imports.extend(["Online", "Result"]);
    }
    let uses_doc = led.operations.iter().any(|operation| operation.contains("doc! ")) || has_data;
    let bson = match (has_data, uses_doc) {
        (true, _) => "bson::{Document, doc}, ",
        (false, true) => "bson::doc, ",
        (false, false) => "",
    };
    let group = match *group {
        mongrate_seal::GROUP_DEFAULT => String::new(),
        named => format!(", group = \"{named}\""),
    };
    let mut text = format!(
        "//! Stands for {} migrations up to {}. Written by `cargo mongrate squash`.\n\n\
         use mongrate::{{{}, {bson}migration}};\n\n\
         /// A new database runs this; a database that has the old migrations records that it stands for\n\
         /// them, and does not run it.\n\
         #[migration(\n    version = {version}{group},\n    replaces = \"{replaces}\"\n)]\n\
         fn {name}(change: &mut Change) {{\n",
        replaces.applied.count,
        replaces.to,
        imports.join(", "),
    );
    for operation in &led.operations {
        let _ = writeln!(text, "    {operation}");
    }
    for (collection, documents) in led.documents.iter().filter(|(_, all)| !all.is_empty()) {
        let _ = write!(
            text,
            "    change.run(\n        async |on: &mut Online<'_>| -> Result {{\n            \
             on.transaction(\"documents of {0}\", async |tx| {{\n                \
             let documents = vec![\n",
            collection.replace(['"', '\\'], "_")
        );
        for document in documents {
            let _ = writeln!(text, "                    {document},");
        }
        let _ = write!(
            text,
            "                ];\n                \
             tx.collection::<Document>({collection:?}).insert_many(documents).await?;\n                \
             Ok(())\n            }})\n            .await\n        }},\n        \
             async |_: &mut Online<'_>| -> Result {{ Ok(()) }},\n    );\n"
        );
    }
    text + "}\n"
}
