//! What the derive expands to for a type of the usual form: the compiler, which is optimised, writes what
//! the macro crate, which as a rule is not, would write token by token for every type at every check.

/// The shape of a type without generics, whose fields have nothing but a name and a type, or whose
/// values are strings. For the derive alone, which has a scope for it.
#[doc(hidden)]
#[macro_export]
macro_rules! __shape_v1 {
    ($own:ident $end:literal values $values:tt) => {
        use $crate::__private::v1::shape as __mongrate;
        #[automatically_derived]
        impl __mongrate::Shaped for $own {
            const SHAPE: __mongrate::ShapeRef =
                __mongrate::ShapeRef::new(&__mongrate::ConstShape::Values {
                    id: ::core::concat!(::core::module_path!(), $end),
                    values: &$values,
                });
            const IS_KEY: bool = true;
        }
    };
    ($own:ident $end:literal $is_closed:literal [$($make:ident $name:literal $type:ty),*]) => {
        use $crate::__private::v1::shape as __mongrate;
        // A static may refer to itself, in a circle of types.
        static __SHAPE: __mongrate::ConstShape = __mongrate::ConstShape::Object {
            id: ::core::concat!(::core::module_path!(), $end),
            fields: &[$(__mongrate::$make::<$type>($name)),*],
            is_closed: $is_closed,
        };
        #[automatically_derived]
        impl __mongrate::Shaped for $own {
            const SHAPE: __mongrate::ShapeRef = __mongrate::ShapeRef::new(&__SHAPE);
        }
    };
}
