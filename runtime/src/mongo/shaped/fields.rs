//! What the derive writes for a field.

use mongrate_seal::models::ConstField;

use super::trait_def::Shaped;

/// A field that every document has, unless its type can be missing.
#[doc(hidden)]
pub const fn field<T: Shaped>(name: &'static str) -> ConstField {
    ConstField { is_required: !T::IS_OPTIONAL, ..required::<T>(name) }
}

/// A field that every document has.
#[doc(hidden)]
pub const fn required<T: Shaped>(name: &'static str) -> ConstField {
    ConstField {
        name,
        shape: T::SHAPE,
        is_required: true,
        is_flattened: false,
        was: &[],
        default: None,
    }
}

/// A field that a document may lack.
#[doc(hidden)]
pub const fn optional<T: Shaped>(name: &'static str) -> ConstField {
    ConstField { is_required: false, ..required::<T>(name) }
}
