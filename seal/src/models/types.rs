//! BSON types, and sets of them.

/// A set of BSON types, by the names that the server's `bsonType` has for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Types(u32);

/// The names, in the order of the bits.
const NAMES: [&str; 21] = [
    "double",
    "string",
    "object",
    "array",
    "binData",
    "undefined",
    "objectId",
    "bool",
    "date",
    "null",
    "regex",
    "dbPointer",
    "javascript",
    "symbol",
    "javascriptWithScope",
    "int",
    "timestamp",
    "long",
    "decimal",
    "minKey",
    "maxKey",
];

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Types {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

types! {
    /// A 64-bit floating-point number.
    DOUBLE = 0;
    /// A string.
    STRING = 1;
    /// A document.
    OBJECT = 2;
    /// An array.
    ARRAY = 3;
    /// Binary data of any subtype.
    BINARY = 4;
    /// The deprecated type `undefined`.
    UNDEFINED = 5;
    /// An object id.
    OBJECT_ID = 6;
    /// A boolean.
    BOOL = 7;
    /// A date.
    DATE = 8;
    /// Null.
    NULL = 9;
    /// A regular expression.
    REGEX = 10;
    /// The deprecated type `dbPointer`.
    DB_POINTER = 11;
    /// JavaScript code.
    JAVASCRIPT = 12;
    /// The deprecated type `symbol`.
    SYMBOL = 13;
    /// JavaScript code with a scope.
    JAVASCRIPT_WITH_SCOPE = 14;
    /// A 32-bit integer.
    INT = 15;
    /// A timestamp of the server's own.
    TIMESTAMP = 16;
    /// A 64-bit integer.
    LONG = 17;
    /// A decimal number.
    DECIMAL = 18;
    /// The value below all others.
    MIN_KEY = 19;
    /// The value above all others.
    MAX_KEY = 20;
}

impl Types {
    /// The set of no types.
    pub const NONE: Self = Self(0);

    /// Returns the types of both sets.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the types that are not in the other set.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether one type is in both sets.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is no type in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the set as a number, for its hash.
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// Returns the type with this name.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().position(|known| *known == name).map(|bit| Self(1 << bit))
    }

    /// Returns the names of the types, in the order in which BSON numbers them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, n)| n)
    }

    /// Returns the names of all types.
    pub fn all_names() -> [&'static str; 21] {
        NAMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for name in Types::all_names() {
            let one = Types::named(name).unwrap();
            assert_eq!(one.names().collect::<Vec<_>>(), [name]);
        }
        assert_eq!(Types::named("integer"), None);
        let two = Types::LONG.or(Types::DOUBLE);
        assert_eq!(two.names().collect::<Vec<_>>(), ["double", "long"]);
        assert!(two.meets(Types::LONG) && !two.meets(Types::INT));
        assert!(two.without(Types::LONG).without(Types::DOUBLE).is_empty());
    }
}
