//! The setting that lets answers hold texts with data.

/// Whether answers show texts of failures, and other texts that may quote documents.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Texts {
    pub(in crate::http) shown: bool,
}
