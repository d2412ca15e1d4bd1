//! Whether answers may quote texts that hold data.

/// Whether texts of failures, and other texts that may quote documents, are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Texts {
    pub(in crate::http) shown: bool,
}
