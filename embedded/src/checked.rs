//! The checks of the settings, and which of them two processes must agree on to share a server.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::{
    cache,
    error::{Context, EmbeddedError},
    settings::Settings,
};

const LINGER_MAX: Duration = Duration::from_secs(60 * 60);

/// Settings that passed the checks, and where the files of their server are.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Holds the lock, the description of the running server and its run directory.
    pub(crate) home: PathBuf,
    /// Where the data is kept; `None` for a scratch server.
    pub(crate) data: Option<PathBuf>,
    /// No other process is to find the server.
    pub(crate) private: bool,
    pub(crate) linger: Duration,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) nodes: usize,
    pub(crate) standalone: bool,
    pub(crate) quiet: bool,
    pub(crate) binary: Option<PathBuf>,
    pub(crate) fingerprint: String,
}

impl Settings {
    pub(crate) fn check(self) -> Result<Checked, EmbeddedError> {
        let bad = |text: &str| Err(EmbeddedError::BadSetting(text.to_owned()));
        let nodes = match self.nodes {
            0 | 1 => 1,
            3 => 3,
            _ => return bad("an embedded server has 1 or 3 nodes"),
        };
        if self.standalone && nodes != 1 {
            return bad("a standalone server has one node");
        }
        if self.data_dir.is_some() && (self.private || nodes != 1) {
            return bad("a server that keeps its data has one node and is shared");
        }
        let private = self.private || nodes != 1;
        let fallback = match (&self.data_dir, private) {
            (None, false) => Duration::from_secs(5),
            _ => Duration::ZERO,
        };
        let linger = self.linger.unwrap_or(fallback);
        if linger > LINGER_MAX {
            return bad("an embedded server lingers for an hour at most");
        }
        let binary = match self.binary.or_else(|| cache::env_path("MONGOD")) {
            Some(path) => Some(absolute(&path)?),
            None => None,
        };

        let mut hasher = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(&[u8::try_from(nodes).unwrap_or(0), u8::from(self.standalone)]);
        part(binary.as_deref().unwrap_or(Path::new("")).as_os_str().as_encoded_bytes());
        for (name, value) in &self.parameters {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        let mut fingerprint = cache::hex(&hasher.finalize());
        fingerprint.truncate(16);

        let scratch = || absolute(&cache::directory()).map(|cache| cache.join("scratch"));
        let home = match &self.data_dir {
            Some(path) => absolute(path)?,
            None if private => scratch()?.join(format!("private-{:016x}", fastrand::u64(..))),
            None => scratch()?.join(&fingerprint),
        };
        Ok(Checked {
            data: self.data_dir.is_some().then(|| home.join("db")),
            home,
            private,
            linger,
            parameters: self.parameters,
            nodes,
            standalone: self.standalone,
            quiet: self.quiet,
            binary,
            fingerprint,
        })
    }
}

fn absolute(path: &Path) -> Result<PathBuf, EmbeddedError> {
    std::path::absolute(path).context(|| format!("make {} absolute", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { binary: Some("/mongod".into()), ..Settings::default() }
    }

    #[test]
    fn equal_settings_share_and_others_do_not() {
        let home = |settings: Settings| settings.check().unwrap().home;
        let mut other = settings();
        other.parameters.insert("enableTestCommands".to_owned(), "1".to_owned());
        assert_eq!(home(settings()), home(settings()));
        assert_ne!(home(settings()), home(other));
        assert_ne!(home(settings()), home(Settings { standalone: true, ..settings() }));
        assert_ne!(home(settings()), home(Settings { binary: Some("/x".into()), ..settings() }));
        let private = || home(Settings { private: true, ..settings() });
        assert_ne!(private(), private());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |settings: Settings| settings.check().is_err();
        assert!(refused(Settings { nodes: 2, ..settings() }));
        assert!(refused(Settings { nodes: 3, standalone: true, ..settings() }));
        assert!(refused(Settings { nodes: 3, data_dir: Some("d".into()), ..settings() }));
        assert!(refused(Settings { linger: Some(LINGER_MAX * 2), ..settings() }));
    }
}
