//! What the attribute expands to: one element of the slice of migrations.
//!
//! It is the compiler's part of the work per migration, at every check of the crate, so it is kept
//! small: `docs/compile-time.md` has the figures. In particular it does without linkme's own
//! attribute, which costs more than all the rest. Linkme declares the slice, and says here how its
//! section is called on this target.

/// Takes what linkme would have put around an element, of which there is none.
macro_rules! sections {
    (#![$platform:ident = $section:literal] $($rest:tt)+) => {
        section! { $platform $section }
        sections! { $($rest)+ }
    };
    ($element:item) => {};
}

/// Picks this target's.
macro_rules! section {
    (linkme_linux_section $section:literal) => {
        #[cfg(any(
            target_os = "none",
            target_os = "linux",
            target_os = "android",
            target_os = "fuchsia",
            target_os = "psp",
        ))]
        register_in! { $section }
    };
    (linkme_macho_section $section:literal) => {
        #[cfg(any(target_os = "macos", target_os = "ios", target_os = "tvos"))]
        register_in! { $section }
    };
    (linkme_windows_section $section:literal) => {
        #[cfg(any(target_os = "uefi", target_os = "windows"))]
        register_in! { $section }
    };
    (linkme_illumos_section $section:literal) => {
        #[cfg(target_os = "illumos")]
        register_in! { $section }
    };
    (linkme_bsd_section $section:literal) => {
        #[cfg(any(target_os = "freebsd", target_os = "openbsd"))]
        register_in! { $section }
    };
    ($platform:ident $section:literal) => {};
}

macro_rules! register_in {
    ($section:literal) => {
        /// One migration, for the attribute alone.
        ///
        /// The function is there for the sake of its name: two of one name do not link. It stands
        /// beside the element and never on it, where a merger of the two would lose a migration
        /// in silence.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! __migration_v1 {
                    ($symbol:ident $register:ident $descriptor:tt $hints:tt $functions:tt) => {
                        const _: () = {
                            #[used]
                            #[unsafe(link_section = $section)]
                            static MIGRATION: $crate::Migration =
                                $crate::__private::v1::Descriptor::new $descriptor
                                    .hinted $hints.$register $functions;
                            #[unsafe(no_mangle)]
                            fn $symbol() {}
                        };
                    };
                }
    };
}

crate::migration::MIGRATIONS! {
    #![linkme_macro = sections]
    static NONE: () = ();
}
