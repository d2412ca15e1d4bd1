//! A setting that is out of its bounds, or cannot be read.

/// Why a setting is refused. Becomes [`Error::Settings`](crate::Error::Settings) with `?`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
#[non_exhaustive]
pub struct InvalidSetting {
    /// The setting's name.
    pub setting: &'static str,
    /// What is wrong, and what is allowed.
    pub problem: String,
}
