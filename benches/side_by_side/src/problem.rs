//! The error of a run.

/// What ended a run: work that was not done, never a time that was missed.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;
