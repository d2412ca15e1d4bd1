//! The real model, as far as the registry needs it and it needs no server.

pub mod digest;
pub mod error;
#[path = "../../../../runtime/src/model/identity.rs"]
pub mod identity;
#[path = "../../../../runtime/src/model/kind.rs"]
pub mod kind;
#[path = "../../../../runtime/src/model/labels.rs"]
pub mod labels;
#[path = "../../../../runtime/src/model/named.rs"]
pub mod named;
#[path = "../../../../runtime/src/model/result.rs"]
pub mod result;
#[path = "../../../../runtime/src/model/version.rs"]
pub mod version;
