//! The driver's errors and replies, and BSON: the work that the driver leaves to Mongrate. Knows no
//! migration.
//!
//! Imports no other floor.

pub(crate) mod about;
pub(crate) mod canonical;
pub(crate) mod code;
pub(crate) mod driver;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod options;
pub(crate) mod privileges;
pub(crate) mod product;
pub(crate) mod raw;
pub(crate) mod refusal;
pub(crate) mod reply;
pub(crate) mod schema_text;
pub(crate) mod server_error;
pub(crate) mod shaped;
pub(crate) mod validator;
