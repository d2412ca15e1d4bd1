//! The name of this process, which another process of the same machine can check: so it can tell
//! that this process has ended before the lease runs out.
//!
//! Linux only. The name is the boot of the machine, the PID namespace, the process id there, and
//! the time when the process started. No other process ever has the same name, and a process with
//! the same boot and namespace can ask the kernel for the rest. A process that cannot be asked
//! about counts as alive.

/// The name of this process:
/// `<boot id> <inode of the PID namespace> <pid> <start, in ticks since boot>`.
pub(crate) fn own() -> Option<String> {
    #[cfg(target_os = "linux")]
    return linux::own();
    #[cfg(not(target_os = "linux"))]
    None
}

/// Whether the process with this name ran on this machine and has ended. `false` if that is not
/// known.
pub(crate) fn is_gone(process: &str) -> bool {
    #[cfg(target_os = "linux")]
    return linux::is_gone(process).unwrap_or(false);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = process;
        false
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, os::unix::fs::MetadataExt as _};

    use rustix::{
        io::Errno,
        process::{Pid, test_kill_process},
    };

    /// The machine since it was started, and the namespace in which process ids mean something.
    fn place() -> Option<String> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::metadata("/proc/self/ns/pid").ok()?.ino();
        Some(format!("{} {namespace}", boot.trim()))
    }

    pub(super) fn own() -> Option<String> {
        let pid = std::process::id();
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // A `/proc` of another namespace would show another process under this id.
        if stat.split(' ').next()?.parse() != Ok(pid) {
            return None;
        }
        Some(format!("{} {pid} {}", place()?, Stat::parse(&stat)?.start))
    }

    pub(super) fn is_gone(process: &str) -> Option<bool> {
        // The name of this process comes first, so that `/proc` is known to be that of this namespace.
        let (own_place, _) = split(&own()?)?;
        let (its_place, (pid, start)) = split(process)?;
        if its_place != own_place {
            return Some(false);
        }
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        // The kernel answers even where `/proc` hides the processes of other users.
        match test_kill_process(pid) {
            Err(Errno::SRCH) => return Some(true),
            Err(_) => return Some(false),
            Ok(()) => {}
        }
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        let stat = Stat::parse(&stat)?;
        // Another process has its id now, or it is a zombie.
        Some(stat.start != start || stat.is_dead)
    }

    fn split(process: &str) -> Option<(String, (u32, u64))> {
        let words: Vec<&str> = process.split(' ').collect();
        let [boot, namespace, pid, start] = words[..] else { return None };
        Some((format!("{boot} {namespace}"), (pid.parse().ok()?, start.parse().ok()?)))
    }

    /// What `/proc/<pid>/stat` says (proc_pid_stat(5)).
    struct Stat {
        /// The process has ended and is only still listed. (If the first thread ends before the
        /// other threads, the process has not ended.)
        is_dead: bool,
        start: u64,
    }

    impl Stat {
        fn parse(text: &str) -> Option<Self> {
            // The name may hold anything, brackets and blanks too.
            let (_, rest) = text.rsplit_once(')')?;
            let words: Vec<&str> = rest.split_whitespace().collect();
            let (state, threads, start) = (words.first()?, words.get(17)?, words.get(19)?);
            let ended = matches!(*state, "Z" | "X" | "x");
            let threads: u64 = threads.parse().ok()?;
            Some(Self { is_dead: ended && threads <= 1, start: start.parse().ok()? })
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    //! Real processes: alive, ended, and unknown.

    use super::*;

    fn word(process: &str, at: usize, new: &str) -> String {
        let mut words: Vec<&str> = process.split(' ').collect();
        words[at] = new;
        words.join(" ")
    }

    fn of(pid: u32) -> String {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("its stat");
        let rest = stat.rsplit(')').next().expect("what follows the name");
        let start = rest.split_whitespace().nth(19).expect("its start");
        word(&word(&own().expect("a name"), 2, &pid.to_string()), 3, start)
    }

    #[test]
    fn this_process_is_alive() {
        assert!(!is_gone(&own().unwrap()));
    }

    #[test]
    fn a_process_is_gone_when_it_has_ended_even_as_a_zombie() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let name = of(child.id());
        assert!(!is_gone(&name));
        child.kill().unwrap();
        // `kill` returns before the child has ended: wait for that without collecting the child.
        while !std::fs::read_to_string(format!("/proc/{}/stat", child.id()))
            .unwrap()
            .contains(") Z")
        {
            std::thread::yield_now();
        }
        assert!(is_gone(&name), "a zombie");
        child.wait().unwrap();
        assert!(is_gone(&name), "collected");
    }

    #[test]
    fn an_id_that_another_process_has_now_is_gone() {
        assert!(is_gone(&word(&own().unwrap(), 3, "1")));
    }

    #[test]
    fn a_process_of_another_machine_or_namespace_counts_as_alive() {
        let gone = word(&own().unwrap(), 3, "1");
        assert!(!is_gone(&word(&gone, 0, "00000000-0000-0000-0000-000000000000")));
        assert!(!is_gone(&word(&gone, 1, "1")));
    }

    #[test]
    fn nonsense_is_no_process() {
        for nonsense in ["", "a", "a b c d", "a b 1 2 3"] {
            assert!(!is_gone(nonsense), "{nonsense}");
        }
        let own = own().unwrap();
        for bad in ["0", "-1", "4294967295", "99999999999999", "x"] {
            assert!(!is_gone(&word(&own, 2, bad)), "{bad}");
        }
    }
}
