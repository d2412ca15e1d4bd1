//! A migration as the attribute registers it.
//!
//! Every pointer in a binary's data costs each start of the binary: before `main`, the dynamic linker
//! writes it, and copies its page. So an entry has two pointers: one to the packed texts, and one to
//! a function that knows the others.

use linkme::distributed_slice;
use mongrate_seal::packed::Packed;

use super::migration::{Code, Descriptor, Hints, Migration, Names};

/// Every migration that is linked into this binary, in no particular order.
#[distributed_slice]
pub static MIGRATIONS: [Entry];

/// One linked migration.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Entry {
    bytes: &'static [u8],
    code: fn() -> Code,
}

impl Entry {
    pub(super) const fn new(bytes: &'static [u8], code: fn() -> Code) -> Self {
        Self { bytes, code }
    }

    pub(crate) const fn packed(&self) -> Packed<'static> {
        Packed::new(self.bytes)
    }

    pub(crate) fn code(&self) -> Code {
        (self.code)()
    }

    /// Unpacks the migration.
    pub(crate) fn migration(&self) -> Migration {
        let packed = self.packed();
        let descriptor = Descriptor {
            version: packed.version(),
            name: packed.name(),
            group: packed.group(),
            checksum: packed.checksum(),
            crate_name: packed.crate_name(),
            file: packed.file(),
            line: packed.line(),
            out_of_order: packed.is_out_of_order(),
            labels: Names::Packed(packed.labels()),
            after: Names::Packed(packed.after()),
            replaces: packed.replaces(),
            hints: Hints {
                allow: Names::Packed(packed.allow()),
                writes: Names::Packed(packed.writes()),
            },
        };
        Migration { descriptor, body: self.code().body, code: Some(self.code) }
    }
}

impl Migration {
    /// Every migration that is linked into this binary, by group, oldest version first.
    ///
    /// A crate whose migrations no code names is not linked: write `use my_migrations as _;` (or
    /// [`link!`](crate::link)) once in the binary.
    pub fn linked() -> Vec<Self> {
        let mut all: Vec<Self> = MIGRATIONS.iter().map(Entry::migration).collect();
        all.sort_by_key(|migration| (migration.group(), migration.version()));
        all
    }
}
