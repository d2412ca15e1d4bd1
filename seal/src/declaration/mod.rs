//! One annotated function, read and checked. The attribute and the cargo subcommand both use it, so
//! they report a mistake in the same words.
//!
//! [`Raw`] is the declaration as it is written; [`Checked`] is a sound declaration. All broken rules
//! are reported at once.

mod applies;
mod arguments;
mod broken;
mod checked;
mod kind;
mod nearby;
mod parts;
mod raw;
mod signature;
mod steps;
mod suggest;
mod values;
pub mod writes;

pub use arguments::krate;
pub use broken::Broken;
pub use checked::Checked;
pub use kind::Kind;
pub use nearby::{Nearby, Standing};
pub use parts::{Name, Rollback, Version};
pub use raw::{Annotated, Argument, Raw};
pub use suggest::nearest;
pub use values::is_label;

pub use crate::{after::After, group::GROUP_DEFAULT};
