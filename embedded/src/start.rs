//! Joins the running server, or starts one. Only this module knows the order of a start.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{DirBuilderExt, symlink},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    binary::Search,
    cache,
    checked::Checked,
    error::{Context, EmbeddedError},
    first_start,
    keeper::{self, Door, Launch},
    lock,
    probe::Binary,
    replica_set, run_dir,
    task::Cancel,
};

/// Another process may be starting the server, with a recovery, or ending the server before it.
const START_WAIT_MAX: Duration = Duration::from_secs(180);
/// Another program may take the port after it was found free and before the server listens.
const ATTEMPTS_MAX: u32 = 5;
/// An older server that is killed before its first checkpoint may abort whenever it is to be the
/// primary again (4.4.2: an invariant on `oplogTruncateAfterPoint`), and never come back.
const NEEDS_NO_CHECKPOINT: (u32, u32, u32) = (5, 0, 0);
/// The ports to choose from: below the range that systems use for outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// Where a scratch server's data is kept if it has [`RAM_DISK_BYTES_MIN`] free: in memory.
const RAM_DISK: &str = "/dev/shm";
const RAM_DISK_BYTES_MIN: u64 = 2 << 30;

/// A server that this process is a user of.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) door: Door,
    /// Locked shared for as long as this process uses the server.
    pub(crate) users: File,
    pub(crate) server: Server,
}

/// The description of the running server, for the processes that join it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) run: PathBuf,
    pub(crate) uri: String,
    pub(crate) ports: Vec<u16>,
    pub(crate) linger_ms: u64,
    fingerprint: String,
}

impl Server {
    pub(crate) fn is_standalone(&self) -> bool {
        self.uri == replica_set::uri(&self.ports, true)
    }
}

/// Joins the running server with these settings, or starts it.
pub(crate) fn start(asked: &Checked, cancel: &Cancel) -> Result<Joined, EmbeddedError> {
    // The usual case takes no lock, so that a hundred test processes do not queue.
    if let Some(joined) = join(asked, cancel)? {
        return Ok(joined);
    }
    let binary = Search::new(asked.binary.clone(), asked.quiet).run(cancel)?;
    let _one_at_a_time = lock_home(asked, cancel)?;
    if let Some(joined) = join(asked, cancel)? {
        return Ok(joined);
    }
    for run in run_dir::all(&asked.home) {
        run_dir::evict(&run, asked.data.as_deref(), cancel)?;
    }
    match &asked.data {
        None => {
            if let Some(scratch) = asked.home.parent() {
                run_dir::sweep(scratch, &asked.home, cancel);
            }
        }
        Some(data) => {
            let path = run_dir::node_data(data, 0);
            if let Some(pid) = run_dir::holder(&path)? {
                return Err(EmbeddedError::DataDirBusy { path, pid });
            }
        }
    }
    let mut attempt = 1;
    loop {
        match start_new(asked, &binary, cancel) {
            Err(EmbeddedError::Exited { tail })
                if attempt < ATTEMPTS_MAX && tail.contains("Address already in use") =>
            {
                attempt += 1;
            }
            // The server answered once, and then ended.
            Err(EmbeddedError::Refused { command: "hello", .. }) if attempt < ATTEMPTS_MAX => {
                attempt += 1;
                for run in run_dir::all(&asked.home) {
                    run_dir::evict(&run, asked.data.as_deref(), cancel)?;
                }
            }
            result => return result,
        }
    }
}

/// Creates and locks the home, which a process that clears up may remove between the two.
fn lock_home(asked: &Checked, cancel: &Cancel) -> Result<File, EmbeddedError> {
    let mut attempt = 1;
    loop {
        match &asked.data {
            Some(_) => cache::create_home(&asked.home)?,
            None => cache::create_private(&asked.home)?,
        }
        match lock::exclusive(&asked.home.join("start.lock"), START_WAIT_MAX, cancel) {
            Err(EmbeddedError::Io { source, .. })
                if attempt < 5 && source.kind() == io::ErrorKind::NotFound =>
            {
                attempt += 1;
            }
            result => return result,
        }
    }
}

fn join(asked: &Checked, cancel: &Cancel) -> Result<Option<Joined>, EmbeddedError> {
    let Some(server) = described(&asked.home) else { return Ok(None) };
    let Some(door) = Door::join(&server.run, cancel)? else { return Ok(None) };
    if server.fingerprint != asked.fingerprint {
        return Err(EmbeddedError::OtherSettings { path: asked.home.clone() });
    }
    let users = match share(&server.run) {
        Err(EmbeddedError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        users => users?,
    };
    // The server may have crashed a moment ago, and the keeper not know it yet.
    if !replica_set::is_alive(&server.run, &server.ports, cancel)? {
        return Ok(None);
    }
    tracing::debug!(target: "mongrate", uri = server.uri, "joined the embedded server");
    Ok(Some(Joined { door, users, server }))
}

/// The description of the server in `home`: of the running server or the one before.
fn described(home: &Path) -> Option<Server> {
    serde_json::from_slice(&fs::read(home.join("server.json")).ok()?).ok()
}

fn share(run: &Path) -> Result<File, EmbeddedError> {
    let path = run.join("users.lock");
    let users = lock::open(&path)?;
    // Other users lock it exclusively for an instant at most, to see whether they are the last.
    users.lock_shared().context(|| format!("lock {}", path.display()))?;
    Ok(users)
}

/// Ends what was launched if the start fails or is cancelled.
struct EndOnDrop<'a>(Option<&'a Path>);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.0 {
            let _ = keeper::quit(run);
        }
    }
}

fn start_new(asked: &Checked, binary: &Binary, cancel: &Cancel) -> Result<Joined, EmbeddedError> {
    let began = Instant::now();
    let run = asked.home.join(format!("{}{:016x}", run_dir::PREFIX, fastrand::u64(..)));
    create_new_private(&run)?;
    let data = place_data(asked, &run)?;
    if asked.data.is_some() {
        let before = described(&asked.home).map(|server| server.run);
        first_start::begin(&data, before.as_deref())?;
    }
    let (ports, moved) = choose_ports(asked, &data)?;
    for (index, port) in ports.iter().enumerate() {
        rotate_log(asked, &run, index)?;
        configure(asked, binary, &run, &data, index, *port, asked.standalone || moved)?;
    }
    let users = share(&run)?;
    let mut trash = vec![run.as_path()];
    if asked.data.is_none() {
        trash.push(&data);
    }
    if asked.private {
        trash.push(&asked.home);
    }
    keeper::launch(&Launch {
        run: &run,
        mongod: &binary.path,
        nodes: asked.nodes,
        linger: asked.linger,
        grace: keeper::GRACE,
        gently: asked.data.is_some(),
        trash: &trash,
    })?;
    let mut end = EndOnDrop(Some(&run));
    let door = Door::join_new(&run, cancel)?;

    if moved {
        for (index, port) in ports.iter().enumerate() {
            replica_set::move_to(&mut replica_set::connect(&run, index, *port, cancel)?, &ports)?;
            run_dir::end_node(&run, index, Signal::TERM, cancel)?;
            configure(asked, binary, &run, &data, index, *port, false)?;
            door.start(index, cancel)?;
        }
    }
    let mut connections = Vec::with_capacity(ports.len());
    for (index, port) in ports.iter().enumerate() {
        connections.push(replica_set::connect(&run, index, *port, cancel)?);
    }
    if !asked.standalone {
        replica_set::make_ready(&mut connections, &ports, cancel)?;
        if binary.version < NEEDS_NO_CHECKPOINT {
            replica_set::checkpoint(&mut connections)?;
        }
    }
    let server = Server {
        uri: replica_set::uri(&ports, asked.standalone),
        linger_ms: u64::try_from(asked.linger.as_millis()).unwrap_or(u64::MAX),
        fingerprint: asked.fingerprint.clone(),
        run: run.clone(),
        ports,
    };
    let text = serde_json::to_vec(&server).map_err(io::Error::other);
    let text = text.context(|| "describe the server".to_owned())?;
    let description = asked.home.join("server.json");
    match &asked.data {
        None => cache::replace(&description, &text)?,
        Some(data) => {
            cache::replace_durably(&description, &text)?;
            first_start::complete(data)?;
        }
    }
    end.0 = None;
    tracing::debug!(
        target: "mongrate",
        uri = server.uri,
        elapsed = ?began.elapsed(),
        "started the embedded server",
    );
    Ok(Joined { door, users, server })
}

fn create_new_private(path: &Path) -> Result<(), EmbeddedError> {
    let created = fs::DirBuilder::new().mode(0o700).create(path);
    created.context(|| format!("create {}", path.display()))
}

/// Creates the place for the data. A scratch server's data goes into memory if there is room: fsync
/// costs nothing there.
fn place_data(asked: &Checked, run: &Path) -> Result<PathBuf, EmbeddedError> {
    if let Some(data) = &asked.data {
        cache::create_private(data)?;
        return Ok(data.clone());
    }
    let link = run.join("data");
    let room = rustix::fs::statvfs(RAM_DISK)
        .is_ok_and(|facts| facts.f_bavail.saturating_mul(facts.f_frsize) >= RAM_DISK_BYTES_MIN);
    if cfg!(target_os = "linux") && room {
        let target = Path::new(RAM_DISK).join(format!("mongrate-{:016x}", fastrand::u64(..)));
        if create_new_private(&target).is_ok() {
            let action = || format!("create {}", link.display());
            symlink(&target, &link).context(action).inspect_err(|_| {
                let _ = fs::remove_dir(&target);
            })?;
            return Ok(target);
        }
    }
    create_new_private(&link)?;
    Ok(link)
}

/// Chooses free ports, and tells whether the data knows other ports. Takes the ports of the last time
/// if possible, so that a data directory's URI stays the same.
fn choose_ports(asked: &Checked, data: &Path) -> Result<(Vec<u16>, bool), EmbeddedError> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let before = described(&asked.home).filter(|_| asked.data.is_some()).map(|server| server.ports);
    if let Some(before) = &before
        && before.len() == asked.nodes
        && before.iter().all(is_free)
    {
        return Ok((before.clone(), false));
    }
    let known = before.is_some() && run_dir::node_data(data, 0).join("WiredTiger").exists();
    let mut ports: Vec<u16> = Vec::with_capacity(asked.nodes);
    for _ in 0..1_000 {
        let port = fastrand::u16(PORTS);
        if !ports.contains(&port) && is_free(&port) {
            ports.push(port);
            if ports.len() == asked.nodes {
                return Ok((ports, known && !asked.standalone));
            }
        }
    }
    let source = io::ErrorKind::AddrInUse.into();
    Err(EmbeddedError::Io { action: "find a free port on 127.0.0.1".to_owned(), source })
}

fn log_path(asked: &Checked, run: &Path, index: usize) -> PathBuf {
    match &asked.data {
        Some(_) => asked.home.join("mongod.log"),
        None => run.join(format!("mongod.{index}.log")),
    }
}

/// Keeps two generations of a data directory's log: of this run and of the run before.
fn rotate_log(asked: &Checked, run: &Path, index: usize) -> Result<(), EmbeddedError> {
    let log = log_path(asked, run, index);
    if log.exists() {
        let mut older = OsString::from(&log);
        older.push(".1");
        fs::rename(&log, &older).context(|| format!("rotate {}", log.display()))?;
    }
    let link = run.join(format!("log.{index}"));
    symlink(&log, &link).context(|| format!("create {}", link.display()))
}

/// Writes a node's configuration. `mongod` reads YAML, and JSON is YAML.
fn configure(
    asked: &Checked,
    binary: &Binary,
    run: &Path,
    data: &Path,
    index: usize,
    port: u16,
    standalone: bool,
) -> Result<(), EmbeddedError> {
    let data = run_dir::node_data(data, index);
    cache::create_private(&data)?;
    let log = log_path(asked, run, index);
    let mut parameters = serde_json::Map::new();
    parameters.insert("diagnosticDataCollectionEnabled".to_owned(), json!("false"));
    if binary.version >= (5, 0, 0) {
        // By default a primary waits 15 s for its clients when it ends. These clients have gone.
        parameters.insert("shutdownTimeoutMillisForSignaledShutdown".to_owned(), json!("0"));
    }
    for (name, value) in &asked.parameters {
        parameters.insert(name.clone(), json!(value));
    }
    let mut config = json!({
        "net": {
            "bindIp": "127.0.0.1",
            "port": port,
            "unixDomainSocket": { "enabled": false },
        },
        "storage": {
            "dbPath": text(&data)?,
            "wiredTiger": { "engineConfig": {
                "cacheSizeGB": 0.25,
                // 300 MB less on disk, and a little quicker, than with the default's three
                // journal files of 100 MB.
                "configString":
                    "log=(enabled=true,path=journal,compressor=snappy,prealloc=false,file_max=32MB)",
            } },
        },
        "systemLog": {
            "destination": "file",
            "path": text(&log)?,
            "logAppend": true,
            "quiet": true,
        },
        "setParameter": parameters,
    });
    if !standalone {
        config["replication"] = json!({ "replSetName": replica_set::NAME, "oplogSizeMB": 128 });
    }
    let path = run.join(format!("node.{index}.conf"));
    fs::write(&path, config.to_string()).context(|| format!("write {}", path.display()))
}

fn text(path: &Path) -> Result<&str, EmbeddedError> {
    path.to_str()
        .ok_or_else(|| EmbeddedError::BadSetting(format!("{} is not valid UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::settings::Settings;

    /// A process that was killed looks like this until the last of its threads has ended.
    #[test]
    fn a_server_that_only_the_kernel_answers_for_is_not_joined() {
        let place = tempfile::tempdir().unwrap();
        let home = place.path().join("home");
        let run = home.join("run.0");
        fs::create_dir_all(&run).unwrap();
        let mongod = place.path().join("mongod");
        fs::write(&mongod, "#!/bin/sh\nexec sleep 60\n").unwrap();
        fs::set_permissions(&mongod, fs::Permissions::from_mode(0o755)).unwrap();
        let settings =
            Settings { data_dir: Some(home), binary: Some(mongod), ..Settings::default() };
        let asked = settings.check().unwrap();
        keeper::launch(&Launch {
            run: &run,
            mongod: asked.binary.as_deref().unwrap(),
            nodes: 1,
            linger: Duration::ZERO,
            grace: keeper::GRACE,
            gently: false,
            trash: &[&run],
        })
        .unwrap();
        let cancel = Cancel::default();
        let door = Door::join_new(&run, &cancel).unwrap();
        // The kernel accepts connections, and no server answers them.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let ports = vec![listener.local_addr().unwrap().port()];
        let server = Server {
            uri: replica_set::uri(&ports, false),
            linger_ms: 0,
            fingerprint: asked.fingerprint.clone(),
            run: run.clone(),
            ports,
        };
        fs::write(asked.home.join("server.json"), serde_json::to_vec(&server).unwrap()).unwrap();

        let closing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(listener);
        });
        let joined = join(&asked, &cancel).unwrap();
        assert!(joined.is_none(), "joined a server that is dying");
        closing.join().unwrap();
        assert!(keeper::has_keeper(&run), "its keeper has not learnt of it");
        drop(door);
        let ended = || Ok((!run.exists()).then_some(()));
        let ended = cancel.poll(Duration::from_secs(10), Duration::from_millis(5), ended).unwrap();
        assert!(ended.is_some(), "its keeper still runs");
    }
}
