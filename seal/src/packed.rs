//! What the attribute knows of a migration, packed into bytes.
//!
//! Before `main`, the dynamic linker writes every pointer that a binary has in its data, and copies
//! the page around it. A migration has seven texts: each would be a pointer. Packed, a migration is
//! one pointer to read-only bytes, which a start need not even read in full. The hash of the
//! migration is among these bytes, so a start computes none.
//!
//! The attribute packs and the runtime unpacks. Both are of one version, so the form may change in
//! any release.

/// The bytes before the texts.
const HEADER: usize = VERSION + TERM + NUMBER + NUMBER + TEXTS * NUMBER;
const VERSION: usize = 8;
const TERM: usize = 32;
const NUMBER: usize = 4;
const TEXTS: usize = 10;

const REVERSIBLE: u32 = 1;
const OUT_OF_ORDER: u32 = 2;
const CHANGE: u32 = 4;
const REPEATABLE: u32 = 8;

/// Separates the names in a list of names.
const SEPARATOR: char = '\0';

/// What the attribute knows of a migration.
#[derive(Clone, Copy, Debug)]
pub struct Unpacked<'a> {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: &'a str,
    /// The group.
    pub group: &'a str,
    /// The fingerprint of the body.
    pub checksum: &'a str,
    /// The package that declares it.
    pub crate_name: &'a str,
    /// The file that declares it, as the compiler shows it.
    pub file: &'a str,
    /// The line, counted from 1.
    pub line: u32,
    /// Whether it has a rollback.
    pub is_reversible: bool,
    /// Whether it may be older than applied migrations.
    pub is_out_of_order: bool,
    /// Whether it is a declared migration.
    pub is_change: bool,
    /// Whether it runs again when its body changes.
    pub is_repeatable: bool,
    /// The labels that it applies for; those after a `!` exclude it.
    pub labels: &'a [String],
    /// The migrations of other groups that come first, as `group::version`.
    pub after: &'a [String],
    /// What it stands for, if it is a squash; otherwise empty.
    pub replaces: &'a str,
    /// The lints that it acknowledges.
    pub allow: &'a [String],
    /// The collections of which it writes many documents.
    pub writes: &'a [String],
}

impl Unpacked<'_> {
    /// Packs it, with the hash of the migration.
    pub fn pack(&self) -> Vec<u8> {
        let [allow, writes, labels, after] =
            [self.allow, self.writes, self.labels, self.after].map(joined);
        let texts: [&str; TEXTS] = [
            self.name,
            self.group,
            self.checksum,
            self.crate_name,
            self.file,
            &allow,
            &writes,
            &labels,
            &after,
            self.replaces,
        ];
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let flags = flag(self.is_reversible, REVERSIBLE)
            | flag(self.is_out_of_order, OUT_OF_ORDER)
            | flag(self.is_change, CHANGE)
            | flag(self.is_repeatable, REPEATABLE);
        let mut bytes =
            Vec::with_capacity(HEADER + texts.iter().map(|text| text.len()).sum::<usize>());
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(crate::term(self.version, self.checksum));
        bytes.extend(self.line.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        let mut end = HEADER;
        for text in texts {
            end += text.len();
            bytes.extend(u32::try_from(end).unwrap_or(u32::MAX).to_le_bytes());
        }
        for text in texts {
            bytes.extend(text.bytes());
        }
        bytes
    }
}

fn joined(names: &[String]) -> String {
    names.join(SEPARATOR.encode_utf8(&mut [0; 4]))
}

/// A packed migration. Each value is read when it is asked for. Bytes that [`Unpacked::pack`] did not
/// write read as zeros and empty texts.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    /// Takes packed bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The version.
    pub fn version(self) -> i64 {
        i64::from_le_bytes(self.array(0))
    }

    /// The hash of the migration, as [`term`](crate::term()) computes it.
    pub fn term(self) -> [u8; 32] {
        self.array(VERSION)
    }

    /// The line, counted from 1.
    pub fn line(self) -> u32 {
        self.number(VERSION + TERM)
    }

    /// Whether it has a rollback.
    pub fn is_reversible(self) -> bool {
        self.has(REVERSIBLE)
    }

    /// Whether it may be older than applied migrations.
    pub fn is_out_of_order(self) -> bool {
        self.has(OUT_OF_ORDER)
    }

    /// Whether it is a declared migration.
    pub fn is_change(self) -> bool {
        self.has(CHANGE)
    }

    /// Whether it runs again when its body changes.
    pub fn is_repeatable(self) -> bool {
        self.has(REPEATABLE)
    }

    /// The name.
    pub fn name(self) -> &'a str {
        self.text(0)
    }

    /// The group.
    pub fn group(self) -> &'a str {
        self.text(1)
    }

    /// The fingerprint of the body.
    pub fn checksum(self) -> &'a str {
        self.text(2)
    }

    /// The package that declares it.
    pub fn crate_name(self) -> &'a str {
        self.text(3)
    }

    /// The file that declares it, as the compiler shows it.
    pub fn file(self) -> &'a str {
        self.text(4)
    }

    /// The lints that it acknowledges.
    pub fn allow(self) -> Names<'a> {
        Names(self.text(5))
    }

    /// The collections of which it writes many documents.
    pub fn writes(self) -> Names<'a> {
        Names(self.text(6))
    }

    /// The labels that it applies for; those after a `!` exclude it.
    pub fn labels(self) -> Names<'a> {
        Names(self.text(7))
    }

    /// The migrations of other groups that come first, as `group::version`.
    pub fn after(self) -> Names<'a> {
        Names(self.text(8))
    }

    /// What it stands for, if it is a squash; otherwise empty.
    pub fn replaces(self) -> &'a str {
        self.text(9)
    }

    /// Whether there are labels.
    pub fn has_labels(self) -> bool {
        !self.bytes(7).is_empty()
    }

    /// Whether migrations of other groups come first.
    pub fn has_after(self) -> bool {
        !self.bytes(8).is_empty()
    }

    /// Whether it is a squash.
    pub fn has_replaces(self) -> bool {
        !self.bytes(9).is_empty()
    }

    /// The bytes of the name, which nothing has looked at.
    pub fn name_bytes(self) -> &'a [u8] {
        self.bytes(0)
    }

    /// The bytes of the group, which nothing has looked at.
    pub fn group_bytes(self) -> &'a [u8] {
        self.bytes(1)
    }

    fn has(self, flag: u32) -> bool {
        self.number(VERSION + TERM + NUMBER) & flag != 0
    }

    fn text(self, index: usize) -> &'a str {
        std::str::from_utf8(self.bytes(index)).unwrap_or_default()
    }

    fn bytes(self, index: usize) -> &'a [u8] {
        let end = |index: usize| self.number(HEADER - (TEXTS - index) * NUMBER) as usize;
        let start = index.checked_sub(1).map_or(HEADER, end);
        self.0.get(start..end(index)).unwrap_or_default()
    }

    fn number(self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let found = self.0.get(at..).and_then(<[u8]>::first_chunk);
        found.copied().unwrap_or([0; N])
    }
}

/// A packed list of names.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a>(&'a str);

impl<'a> Names<'a> {
    /// The names in their order.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        self.0.split(SEPARATOR).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read() {
        let lints = ["a".to_owned(), "b".to_owned()];
        let unpacked = Unpacked {
            version: 20_250_122_001,
            name: "say_grüezi",
            group: "default",
            checksum: "v1:sha256:aa",
            crate_name: "my-shop",
            file: "src/m.rs",
            line: 70_000,
            is_reversible: true,
            is_out_of_order: false,
            is_change: true,
            is_repeatable: true,
            labels: &lints,
            after: &[],
            replaces: "7:2:x",
            allow: &lints,
            writes: &[],
        };
        let bytes = unpacked.pack();
        let packed = Packed::new(&bytes);
        assert_eq!(packed.version(), unpacked.version);
        assert_eq!(packed.term(), crate::term(unpacked.version, unpacked.checksum));
        assert_eq!(packed.line(), unpacked.line);
        let texts = [
            (packed.name(), unpacked.name),
            (packed.group(), unpacked.group),
            (packed.checksum(), unpacked.checksum),
            (packed.crate_name(), unpacked.crate_name),
            (packed.file(), unpacked.file),
        ];
        for (found, expected) in texts {
            assert_eq!(found, expected);
        }
        assert_eq!(
            (packed.is_reversible(), packed.is_out_of_order(), packed.is_change()),
            (true, false, true)
        );
        assert_eq!(packed.allow().iter().collect::<Vec<_>>(), lints);
        assert_eq!(packed.labels().iter().collect::<Vec<_>>(), lints);
        assert!(packed.is_repeatable() && packed.replaces() == unpacked.replaces);
        assert_eq!((packed.writes().iter().next(), packed.after().iter().next()), (None, None));
        assert_eq!(
            (packed.has_labels(), packed.has_after(), packed.has_replaces()),
            (true, false, true)
        );
        assert_eq!(packed.name_bytes(), unpacked.name.as_bytes());
        assert_eq!(packed.group_bytes(), unpacked.group.as_bytes());
    }

    #[test]
    fn other_bytes_read_as_nothing() {
        for bytes in [&[][..], &[255; HEADER - 1], &[255; HEADER + 9]] {
            let packed = Packed::new(bytes);
            assert_eq!((packed.name(), packed.writes().iter().next()), ("", None));
            assert!(!packed.has_labels() && !packed.has_after() && !packed.has_replaces());
        }
    }
}
