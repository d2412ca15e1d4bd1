//! The names of the lints.

/// The lints, as the runtime calls them (`LintName`).
pub const LINTS: [&str; 10] = [
    "large_transaction",
    "unique_index_over_duplicates",
    "index_on_large_collection",
    "field_in_use",
    "validator_fails",
    "rename_breaks_running_app",
    "missing_collection",
    "broken_view",
    "unknown_option",
    "uses_app_type",
];
