//! What the derive expands to for a type of the usual form: the compiler, which is optimised, writes what
//! the macro crate, which as a rule is not, would write token by token for every type at every check.

/// The shape of a type without generics, whose fields have nothing but a name and a type, or whose
/// values are strings. For the derive alone.
///
/// Each item costs the compiler, so there are few: no block around the `impl`, no `use`.
#[doc(hidden)]
#[macro_export]
macro_rules! __shape_v1 {
    ($own:ident $end:literal values $values:tt) => {
        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic)]
        impl $crate::__s::Shaped for $own {
            const SHAPE: $crate::__s::ShapeRef =
                $crate::__s::ShapeRef::new(&$crate::__s::ConstShape::Values {
                    id: ::core::concat!(::core::module_path!(), $end),
                    values: &$values,
                });
            const IS_KEY: bool = true;
        }
    };
    ($own:ident $end:literal $is_closed:literal [$($make:ident $name:literal $type:ty),*]) => {
        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic)]
        impl $crate::__s::Shaped for $own {
            const SHAPE: $crate::__s::ShapeRef = {
                // A static may refer to itself, in a circle of types.
                static __SHAPE: $crate::__s::ConstShape = $crate::__s::ConstShape::Object {
                    id: ::core::concat!(::core::module_path!(), $end),
                    fields: &[$($crate::__s::$make::<$type>($name)),*],
                    is_closed: $is_closed,
                };
                $crate::__s::ShapeRef::new(&__SHAPE)
            };
        }
    };
}
