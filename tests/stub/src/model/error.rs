//! The one error that needs no server.

#[derive(Debug)]
pub enum Error {
    Registry { problems: Vec<String> },
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Registry { problems } = self;
        f.write_str(&problems.join("\n"))
    }
}

impl std::error::Error for Error {}
