//! The rules: each kind of finding has a code, a title and what to do. Pure.

use std::borrow::Cow;

/// A kind of finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The stable name in every output, e.g. `edited`.
    pub(crate) code: Cow<'static, str>,
    /// What it means, in one sentence.
    pub(crate) title: Cow<'static, str>,
    /// What to do.
    pub(crate) next: Cow<'static, str>,
}

/// Declares the rules, and the list of all.
macro_rules! rules {
    ($($name:ident $code:literal $title:literal $next:literal;)+) => {
        $(pub(crate) const $name: Rule = Rule {
            code: Cow::Borrowed($code),
            title: Cow::Borrowed($title),
            next: Cow::Borrowed($next),
        };)+

        /// All rules, in the order of the guide.
        pub(crate) const RULES: &[Rule] = &[$($name),+];
    };
}

rules! {
    INVALID "invalid" "A source or a declaration that the compiler refuses, or that cannot be read."
        "correct the source";
    REWRITTEN "rewritten" "A macro above `#[migration]` may rewrite the body before its checksum is taken."
        "put `#[migration]` first";
    DUPLICATE "duplicate" "Two migrations have the same version or the same name."
        "`cargo mongrate rebase` renumbers yours";
    FILE_NAME "file_name" "The name of a file promises another version than the migration has."
        "declare the version of the name, or rename the file";
    NOT_RISING "not_rising" "Versions do not rise within a file."
        "reorder the migrations";
    ROLLBACK "rollback" "A rollback is shared by two migrations, or is a migration itself."
        "write a rollback for each migration";
    EDITED "edited" "A sealed migration was edited, renamed or renumbered, or something that it uses was."
        "undo the edit and write a new migration; if no database has applied it: `cargo mongrate reseal VERSION`";
    LATE "late" "A new migration is older than a sealed one."
        "`cargo mongrate rebase`";
    GONE "gone" "A sealed migration is no longer in the sources."
        "restore the migration from git";
    UNREACHED "unreached" "A file holds a migration, and no `mod` reaches it."
        "add the `mod` line";
    NOT_READ "not_read" "A migration is written by a macro, so it is neither sealed nor compared."
        "write the migration out as a function of a module";
    BAD_SUM "bad_sum" "migrations.sum was edited by hand, or merged wrongly."
        "`cargo mongrate rebase` after a merge; otherwise restore the file from git";
    NOT_SEALED "not_sealed" "A new migration has no line in migrations.sum."
        "`cargo mongrate seal`, and commit migrations.sum";
    NO_SUM "no_sum" "The package has migrations and no migrations.sum, so edits are not seen."
        "`cargo mongrate seal`, and commit migrations.sum";
    RESEALED "resealed" "A migration that the base branch has sealed is sealed anew, or its line is gone."
        "undo the edit and write a new migration; if no database has applied it: `--allow resealed`";
    POLICIES "policies" "mongrate.toml is wrong, or nothing reads it."
        "correct mongrate.toml";
    LINKED "linked" "Migrations are not linked into a binary, or two versions of mongrate are."
        "add the `use` line, or use one version of mongrate";
    LEFT_OUT "left_out" "A published package would lack migrations.sum or mongrate.toml."
        "correct `include` or `exclude` in Cargo.toml";
    MODELS_FILE "models_file" "models.snap cannot be read, or a `diff` was killed while it wrote."
        "restore models.snap from git, or run `cargo mongrate diff`";
    MODELS_DIFFER "models_differ" "The types are not what the migrations lead to."
        "`cargo mongrate diff NAME` writes the migration";
    MODELS_UNKNOWN "models_unknown" "The models could not be compared: the package does not compile."
        "correct the error of the compiler";
    SCHEMA_CHANGED "schema_changed" "schema.snap differs from that of the base branch."
        "read the change: it is what the new migrations do to the schema";
    SCHEMA_STALE "schema_stale" "schema.snap is not what the migrations lead to."
        "`MONGRATE_SNAPSHOT=update cargo test`, and commit schema.snap";
    IRREVERSIBLE "irreversible" "A new migration cannot be rolled back."
        "write a rollback, if one is possible";
    SHADOW_FAILED "shadow_failed" "A migration failed in the shadow run."
        "fix the migration, and run `cargo mongrate ci` again";
    APP_FAILED "app_failed" "The app could not be built, or it refused to run its migrations."
        "`cargo mongrate doctor`";
    UNKNOWN_GROUP "unknown_group" "A migration comes `after` a group of which this workspace has no migration."
        "correct the name of the group; if another app applies it, `--allow unknown_group`";
    USES_APP_TYPE "uses_app_type" "A migration uses code of the app whose text no checksum sees."
        "keep a copy in the migration's file, or name it in `uses`, or `allow = \"uses_app_type\"`";
    LARGE_TRANSACTION "large_transaction" "Writes more documents in one transaction than its time or its size allows."
        "use an online migration with a backfill";
    UNIQUE_INDEX "unique_index_over_duplicates" "Builds a unique index over keys that occur more than once."
        "remove the duplicates first";
    INDEX_ON_LARGE "index_on_large_collection" "Builds an index on a collection with many documents."
        "run it at a quiet hour";
    FIELD_IN_USE "field_in_use" "Removes, renames or converts a field that an index or the validator names."
        "change the index or the validator first";
    VALIDATOR_FAILS "validator_fails" "Sets a validator that documents in the collection do not match."
        "correct the documents first";
    RENAME_BREAKS "rename_breaks_running_app" "Renames what a running, older version of the app still uses."
        "expand and contract, over two releases";
    MISSING_COLLECTION "missing_collection" "Works on a collection that does not exist."
        "correct the name, or create the collection";
    BROKEN_VIEW "broken_view" "Renames or drops a collection that a view reads."
        "change the view in the same release";
    UNKNOWN_OPTION "unknown_option" "Gives the server an option that this version of Mongrate does not know."
        "check the spelling of the option";
}

impl Rule {
    /// The rule with this code; one is made for a code of a newer app.
    pub(crate) fn with_code(code: &str) -> Self {
        let known = RULES.iter().find(|rule| rule.code == code).cloned();
        known.unwrap_or_else(|| Self {
            code: Cow::Owned(code.to_owned()),
            title: Cow::Owned(format!("The app reports `{code}`.")),
            next: Cow::Borrowed("`cargo mongrate plan` shows it in full"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_each_lint_is_a_rule() {
        for (at, rule) in RULES.iter().enumerate() {
            assert!(!RULES[..at].iter().any(|other| other.code == rule.code), "{}", rule.code);
        }
        for lint in mongrate_seal::LINTS {
            assert!(RULES.iter().any(|rule| rule.code == lint), "{lint}");
        }
        assert_eq!(Rule::with_code("edited"), EDITED);
        assert_eq!(Rule::with_code("new_one").code, "new_one");
    }
}
