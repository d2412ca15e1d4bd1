//! What the attribute expands to: one element of the slice of migrations.
//!
//! The compiler does this work for every migration at every check of its crate, so it is kept
//! small: `docs/compile-time.md` has the figures. In particular it avoids linkme's own attribute,
//! which costs more than all the rest. Linkme declares the slice, and tells the name of its section
//! on this target.
//!
//! That is not part of linkme's public interface, and any release may change it. So this file
//! checks at compile time that linkme still does what is relied upon:
//!
//! 1. Its attribute hands an element on to the slice's macro as a plain `static` of the slice's own
//!    type ([`probe`]).
//! 2. The slice's macro hands on the section's name for each of five kinds of targets, and nothing
//!    else ([`sections`]).
//!
//! If either does not hold, and on any other target, elements are registered through linkme's
//! attribute: that compiles more slowly, and registers the same.

/// Defines the macro for the attribute alone. `{ … }` comes before the element.
macro_rules! define {
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

#[allow(unused_macros, reason = "where linkme hands on something else")]
macro_rules! register_in {
    ($section:literal) => {
        define! { {
            #[used]
            #[unsafe(link_section = $section)]
        } }
    };
}

/// Registers an element as linkme documents it.
#[allow(unused_macros, reason = "where linkme hands on what is known")]
macro_rules! register_through_linkme {
    () => {
        define! { {
            use $crate::__private::v1 as __mongrate;

            #[__mongrate::linkme::distributed_slice(__mongrate::MIGRATIONS)]
            #[linkme(crate = __mongrate::linkme)]
        } }
    };
}

/// Receives the sections that linkme would have put around an element; there is no element.
#[allow(unused_macros, reason = "where linkme hands on something else")]
macro_rules! sections {
    (
        #![linkme_linux_section = $linux:literal]
        #![linkme_macho_section = $macho:literal]
        #![linkme_windows_section = $windows:literal]
        #![linkme_illumos_section = $illumos:literal]
        #![linkme_bsd_section = $bsd:literal]
        $element:item
    ) => {
        #[cfg(any(
            target_os = "none",
            target_os = "linux",
            target_os = "android",
            target_os = "fuchsia",
            target_os = "psp",
        ))]
        register_in! { $linux }
        #[cfg(any(target_os = "macos", target_os = "ios", target_os = "tvos"))]
        register_in! { $macho }
        #[cfg(any(target_os = "uefi", target_os = "windows"))]
        register_in! { $windows }
        #[cfg(target_os = "illumos")]
        register_in! { $illumos }
        #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
        register_in! { $bsd }
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
        register_through_linkme! {}
    };
    ($($other:tt)*) => {
        register_through_linkme! {}
    };
}

/// Replaces the slice's macro, to see what linkme's attribute passes to it.
macro_rules! probe {
    (
        #![linkme_macro = $macro:path]
        static NONE: Entry = $value:expr;
    ) => {
        super::entry::MIGRATIONS! {
            #![linkme_macro = sections]
            static NONE: () = ();
        }
    };
    ($($other:tt)*) => {
        register_through_linkme! {}
    };
}

#[linkme::distributed_slice(probe)]
static NONE: Entry = none;
