//! What a migration body returns.

/// Any error, boxed: what a migration body may return.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a migration body returns. Every error that converts into a boxed
/// [`std::error::Error`] does, the driver's among them, so `?` works.
pub type Result<T = (), E = BoxError> = std::result::Result<T, E>;
