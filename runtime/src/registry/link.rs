//! `link!`: makes the linker see a crate of migrations.

/// Links crates whose migrations no code names: `mongrate::link!(my_migrations);`
///
/// Without it the linker never sees such a crate, and its migrations are silently absent.
#[macro_export]
macro_rules! link {
    ($($krate:ident),+ $(,)?) => {
        $(use $krate as _;)+
    };
}
