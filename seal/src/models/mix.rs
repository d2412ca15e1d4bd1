//! A hash for constants: 64 bits guard against mistakes, not against an attacker.

use super::types::Types;

/// What a hash is of: no two kinds of shapes have one hash.
pub(super) mod kind {
    pub(in super::super) const ANY: u64 = 1;
    pub(in super::super) const SCALAR: u64 = 2;
    pub(in super::super) const VALUES: u64 = 3;
    pub(in super::super) const ARRAY: u64 = 4;
    pub(in super::super) const TUPLE: u64 = 5;
    pub(in super::super) const MAP: u64 = 6;
    pub(in super::super) const OPEN: u64 = 7;
    pub(in super::super) const CLOSED: u64 = 8;
    pub(in super::super) const REST: u64 = 9;
    pub(in super::super) const UNION: u64 = 10;
    pub(in super::super) const NULLABLE: u64 = 11;
    pub(in super::super) const RECURSION: u64 = 12;
    pub(in super::super) const FIELD: u64 = 13;
    pub(in super::super) const OPTIONAL_FIELD: u64 = 14;
    pub(in super::super) const PART: u64 = 15;
}

/// Combines two hashes, in this order.
pub(super) const fn mix(one: u64, other: u64) -> u64 {
    let mut mixed = (one.rotate_left(23) ^ other).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Returns the hash of a text.
pub(super) const fn text(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    mix(hash, bytes.len() as u64)
}

/// Returns the hash of a set of types.
pub(super) const fn scalar(types: Types) -> u64 {
    mix(kind::SCALAR, types.bits() as u64)
}

/// Returns the hash of an array.
pub(super) const fn array(item: u64, length: Option<usize>) -> u64 {
    let length = match length {
        Some(length) => length as u64,
        None => u64::MAX,
    };
    mix(mix(kind::ARRAY, length), item)
}

/// Returns the hash of a field, which is added to the other fields' hashes: their order does not count.
pub(super) const fn field(name: &str, is_required: bool, shape: u64) -> u64 {
    let kind = if is_required { kind::FIELD } else { kind::OPTIONAL_FIELD };
    mix(mix(kind, text(name)), shape)
}
