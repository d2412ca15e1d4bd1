//! The line that makes the linker see a crate.

/// Links a crate whose migrations no code names: `mongrate::link!(my_migrations);`
///
/// Without it the linker never sees that crate, and its migrations are silently absent.
#[macro_export]
macro_rules! link {
    ($($krate:ident),+ $(,)?) => {
        $(use $krate as _;)+
    };
}
