//! When a migration applies: labels, repeatable migrations, and the order across groups.

mod after;
mod labels;
mod repeatable;
