//! The errors that need no server.

#[derive(Debug)]
pub enum Error {
    Registry { problems: Vec<String> },
    Settings { setting: &'static str, problem: String },
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Registry { problems } => f.write_str(&problems.join("\n")),
            Self::Settings { setting, problem } => write!(f, "`{setting}`: {problem}"),
        }
    }
}

impl std::error::Error for Error {}

pub(crate) mod text {
    //! The one text that the registry needs.

    pub(crate) fn names(all: &[String]) -> String {
        all.join(", ")
    }
}
