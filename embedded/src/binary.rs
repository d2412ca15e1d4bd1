//! Which `mongod` to run: the places that are tried, in their order.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use crate::{
    cache::{self, Stamp},
    download::{self, Sources},
    error::{self, Attempt, EmbeddedError},
    lock,
    probe::{Binary, probe},
    progress::Progress,
    task::Cancel,
};

/// How long another process may take for the download that this process waits for.
const DOWNLOAD_WAIT_MAX: Duration = Duration::from_secs(20 * 60);

/// The places of a search; tests supply their own.
#[derive(Debug)]
pub(crate) struct Search {
    /// The builder's choice, or else `MONGOD`.
    pub(crate) chosen: Option<PathBuf>,
    pub(crate) cache: PathBuf,
    /// `PATH`.
    pub(crate) path: Option<OsString>,
    pub(crate) sources: Sources,
    pub(crate) progress: Progress,
}

impl Search {
    pub(crate) fn new(chosen: Option<PathBuf>, quiet: bool) -> Self {
        Self {
            chosen: chosen.or_else(|| cache::env_path("MONGOD")),
            cache: cache::directory(),
            path: std::env::var_os("PATH"),
            sources: Sources::here(),
            progress: Progress::new(quiet),
        }
    }

    /// Finds or downloads a `mongod` that runs.
    pub(crate) fn run(&self, cancel: &Cancel) -> Result<Binary, EmbeddedError> {
        if let Some(path) = &self.chosen {
            // An explicit choice that does not work is an error: no other place is tried.
            return probe(path, cancel).map_err(|error| match error {
                EmbeddedError::Cancelled | EmbeddedError::UnusableBinary { .. } => error,
                error => EmbeddedError::UnusableBinary {
                    path: path.clone(),
                    reason: error::chain(&error),
                },
            });
        }
        let mut tried = vec![Attempt::new("MONGOD in the environment", "not set")];
        if let Some(found) = self.in_cache(&mut tried, cancel)? {
            return Ok(found);
        }
        if let Some(found) = self.on_path(&mut tried, cancel)? {
            return Ok(found);
        }
        if cache::env_path("MONGRATE_OFFLINE").is_some() {
            tried.push(Attempt::new("downloads", "forbidden by MONGRATE_OFFLINE"));
            return Err(EmbeddedError::NoBinary { tried });
        }
        cache::create_private(&self.cache)?;
        let lock = self.cache.join("download.lock");
        let _one_at_a_time = lock::exclusive(&lock, DOWNLOAD_WAIT_MAX, cancel)?;
        // Another process may have downloaded it while this one waited for the lock.
        if let Some(found) = self.in_cache(&mut Vec::new(), cancel)? {
            return Ok(found);
        }
        download::sweep(&self.cache);
        match self.sources.fetch(&self.cache, self.progress, &mut tried, cancel)? {
            Some(found) => Ok(found),
            None => Err(EmbeddedError::NoBinary { tried }),
        }
    }

    fn in_cache(
        &self,
        tried: &mut Vec<Attempt>,
        cancel: &Cancel,
    ) -> Result<Option<Binary>, EmbeddedError> {
        for pin in self.sources.pins() {
            let path = pin.binary_path(&self.cache);
            if !path.is_file() {
                tried.push(Attempt::new(path.display().to_string(), "not there"));
                continue;
            }
            if let Some(stamp) = Stamp::read(&path).filter(|stamp| pin.accepts(&stamp.sha256)) {
                return Ok(Some(Binary { path, version: stamp.version }));
            }
            // The stamp is missing or stale: compare the bytes, where their hash is pinned.
            let place = path.display().to_string();
            if let Some(found) = cache::attempt(place, pin.admit(&path, cancel), tried)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn on_path(
        &self,
        tried: &mut Vec<Attempt>,
        cancel: &Cancel,
    ) -> Result<Option<Binary>, EmbeddedError> {
        let path = self.path.as_deref().unwrap_or(OsStr::new(""));
        let mut any = false;
        for directory in std::env::split_paths(path).filter(|directory| directory.is_absolute()) {
            let candidate = directory.join("mongod");
            if !candidate.is_file() {
                continue;
            }
            any = true;
            let place = candidate.display().to_string();
            if let Some(found) = cache::attempt(place, probe(&candidate, cancel), tried)? {
                return Ok(Some(found));
            }
        }
        if !any {
            tried.push(Attempt::new("`mongod` on PATH", "not there"));
        }
        Ok(None)
    }
}
