//! Verify with an exception twice.

mongrate::verify!(reversible, except = [load_countries, audit::trim_log, load_countries]);

fn main() {}
