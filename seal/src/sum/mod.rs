//! `migrations.sum`: one line per sealed migration, in the order in which they were sealed.
//!
//! ```text
//! mongrate-sum v1
//! default 20250122001 add_users v1:sha256:9f86… 3c9909af…
//! ```
//!
//! A line holds group, version, name and checksum, and the chain: the SHA-256 of the chain above
//! (on the first line, of the header) and of the line's own text before it. So an edited, removed or
//! moved line is found, and branches that seal in parallel conflict when they are merged.
//!
//! The line of a reversible migration has one more field before the chain, `down=…`, which tells how
//! the migration is rolled back (`rollback`). A line without the field is valid: the migration is
//! irreversible, or was sealed before the field existed.
//!
//! The line of a migration with `uses = […]` has the field `uses=…` after those: name and hash of each item
//! that it uses, so that an error can tell which item has changed. The checksum covers the same items. A
//! Mongrate that is older than the field refuses such a line, and asks for a newer Mongrate.

mod chain;
mod conflict;
mod fault;
mod file;
mod format;
mod gone;
mod judge;
mod line;
mod rollback;
mod sealed;
mod uses;
mod write;

pub(crate) use conflict::is_conflict;
pub use conflict::is_conflict_start;
pub use fault::{Fault, Problem};
pub use file::Sum;
pub use format::{FILE, HEADER};
pub use gone::{gone, mod_line, unlinked, unreached, unreached_by_file};
pub use judge::{About, Complaint, Declared, shortened, unread};
pub use line::{Line, lines};
pub use rollback::{ROLLBACK, Undo, derived, elsewhere};
pub use sealed::Sealed;
pub use uses::{USES, Uses, uses};
