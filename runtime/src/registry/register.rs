//! What the attribute and the derive expand to: one element of the slice of migrations, or of models.
//!
//! The compiler does this work for every migration and every model at every check of its crate, so it
//! is kept small: `docs/compile-time.md` has the figures. In particular it avoids linkme's own
//! attribute, which costs more than all the rest. Linkme declares the slices, and tells the name of a
//! slice's section on this target.
//!
//! That is not part of linkme's public interface, and any release may change it. So this file
//! checks at compile time that linkme still does what is relied upon:
//!
//! 1. Its attribute hands an element on to the slice's macro as a plain `static` of the slice's own
//!    type (the probe).
//! 2. The slice's macro hands on the section's name for each of five kinds of targets, and nothing
//!    else (the sections).
//!
//! If either does not hold, and on any other target, elements are registered through linkme's
//! attribute: that compiles more slowly, and registers the same.

/// Defines the macro for the attribute alone. `{ … }` comes before the element.
macro_rules! define_migration {
    ({ $($attributes:tt)* }) => {
        /// One migration, for the attribute alone.
        ///
        /// The function exists for its name: two functions of one name do not link. It stands
        /// beside the element, never on it: if the two were merged, a migration would be lost
        /// silently.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! __migration_v1 {
            ($symbol:ident $register:ident $packed:tt $functions:tt) => {
                const _: () = {
                    $($attributes)*
                    static MIGRATION: $crate::__private::v1::Entry =
                        $crate::__private::v1::Texts($packed).$register $functions;
                    #[unsafe(no_mangle)]
                    fn $symbol() {}
                };
            };
        }
    };
}

/// Defines the macro for the derive alone. `{ … }` comes before the element.
macro_rules! define_model {
    ({ $($attributes:tt)* }) => {
        /// One model, for the derive alone, which has a scope for it.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! __model_v1 {
            ($fields:tt) => {
                $($attributes)*
                static __MODEL: $crate::__private::v1::shape::ModelDescriptor =
                    $crate::__private::v1::shape::ModelDescriptor $fields;
            };
        }
    };
}

/// Finds out how the elements of a slice are registered, and hands it to `$define`. The last four are
/// names for the macros in this one, and `$dollar` is a dollar sign for them.
macro_rules! registering {
    (
        $dollar:tt $slice:ident in { $($module:tt)* }, for others { $($private:tt)* },
        $element:ident, $define:ident,
        $probe:ident, $sections:ident, $register_in:ident, $through_linkme:ident
    ) => {
        #[allow(unused_macros, reason = "where linkme hands on something else")]
        macro_rules! $register_in {
            ($dollar section:literal) => {
                $define! { {
                    #[used]
                    #[unsafe(link_section = $dollar section)]
                } }
            };
        }

        /// Registers an element as linkme documents it.
        #[allow(unused_macros, reason = "where linkme hands on what is known")]
        macro_rules! $through_linkme {
            () => {
                $define! { {
                    use $dollar crate::$($private)* as __slices;

                    #[__slices::linkme::distributed_slice(__slices::$slice)]
                    #[linkme(crate = __slices::linkme)]
                } }
            };
        }

        /// Receives the sections that linkme would have put around an element; there is no element.
        #[allow(unused_macros, reason = "where linkme hands on something else")]
        macro_rules! $sections {
            (
                #![linkme_linux_section = $dollar linux:literal]
                #![linkme_macho_section = $dollar macho:literal]
                #![linkme_windows_section = $dollar windows:literal]
                #![linkme_illumos_section = $dollar illumos:literal]
                #![linkme_bsd_section = $dollar bsd:literal]
                $dollar element:item
            ) => {
                #[cfg(any(
                    target_os = "none",
                    target_os = "linux",
                    target_os = "android",
                    target_os = "fuchsia",
                    target_os = "psp",
                ))]
                $register_in! { $dollar linux }
                #[cfg(any(target_os = "macos", target_os = "ios", target_os = "tvos"))]
                $register_in! { $dollar macho }
                #[cfg(any(target_os = "uefi", target_os = "windows"))]
                $register_in! { $dollar windows }
                #[cfg(target_os = "illumos")]
                $register_in! { $dollar illumos }
                #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
                $register_in! { $dollar bsd }
                #[cfg(not(any(
                    target_os = "none",
                    target_os = "linux",
                    target_os = "android",
                    target_os = "fuchsia",
                    target_os = "psp",
                    target_os = "macos",
                    target_os = "ios",
                    target_os = "tvos",
                    target_os = "uefi",
                    target_os = "windows",
                    target_os = "illumos",
                    target_os = "freebsd",
                    target_os = "openbsd",
                )))]
                $through_linkme! {}
            };
            ($dollar($dollar other:tt)*) => {
                $through_linkme! {}
            };
        }

        /// Replaces the slice's macro, to see what linkme's attribute passes to it.
        macro_rules! $probe {
            (
                #![linkme_macro = $dollar macro:path]
                static NONE: $element = $dollar value:expr;
            ) => {
                $($module)*::$slice! {
                    #![linkme_macro = $sections]
                    static NONE: () = ();
                }
            };
            ($dollar($dollar other:tt)*) => {
                $through_linkme! {}
            };
        }

        #[linkme::distributed_slice($probe)]
        static NONE: $element = none;
    };
}

registering! {
    $ MIGRATIONS in { super::entry }, for others { __private::v1 },
    Entry, define_migration,
    probe_migrations, sections_of_migrations, migration_in, migration_through_linkme
}
registering! {
    $ MODELS in { super::models::descriptor }, for others { __private::v1::shape },
    ModelDescriptor, define_model,
    probe_models, sections_of_models, model_in, model_through_linkme
}
