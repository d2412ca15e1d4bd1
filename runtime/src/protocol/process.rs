//! Which process this is, in words that another process of the same machine can check: whether
//! it is gone need not be guessed from a lease that runs out.
//!
//! Linux only. A process is named by the boot of its machine, its PID namespace, its id there, and
//! when it started: no other process ever has the same name, and whoever shares the first two can
//! ask the kernel for the rest. What cannot be asked counts as alive.

/// `<boot id> <inode of the PID namespace> <pid> <start, in ticks since boot>`.
pub(crate) fn own() -> Option<String> {
    #[cfg(target_os = "linux")]
    return linux::own();
    #[cfg(not(target_os = "linux"))]
    None
}

/// Whether that process was one of this machine, and has ended. `false` where that is not known.
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
        // A `/proc` of another namespace than this process's would name another one.
        if stat.split(' ').next()?.parse() != Ok(pid) {
            return None;
        }
        Some(format!("{} {pid} {}", place()?, Stat::parse(&stat)?.start))
    }

    pub(super) fn is_gone(process: &str) -> Option<bool> {
        // Both, so that `/proc` is known to be the one that counts here.
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
        // Its number was given to another, or nobody has asked yet how it ended.
        Some(stat.start != start || stat.is_dead)
    }

    fn split(process: &str) -> Option<(String, (u32, u64))> {
        let words: Vec<&str> = process.split(' ').collect();
        let [boot, namespace, pid, start] = words[..] else { return None };
        Some((format!("{boot} {namespace}"), (pid.parse().ok()?, start.parse().ok()?)))
    }

    /// What `/proc/<pid>/stat` says (proc_pid_stat(5)).
    struct Stat {
        /// Ended, and only still listed. A leader that ended before its other threads is not.
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
    //! Real processes, alive, ended, and never heard of.

    use super::*;

    fn word(process: &str, at: usize, new: &str) -> String {
        let mut words: Vec<&str> = process.split(' ').collect();
        words[at] = new;
        words.join(" ")
    }

    fn of(pid: u32) -> String {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("its stat");
        let rest = stat.rsplit(')').next().expect("what is behind the name");
        let start = rest.split_whitespace().nth(19).expect("its start");
        word(&word(&own().expect("a name"), 2, &pid.to_string()), 3, start)
    }

    #[test]
    fn this_process_is_alive() {
        assert!(!is_gone(&own().unwrap()));
    }

    #[test]
    fn a_process_is_gone_when_it_has_ended_even_if_nobody_asked_how() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let name = of(child.id());
        assert!(!is_gone(&name));
        child.kill().unwrap();
        // `kill` returns before it has ended: only wait for that, without collecting it.
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
    fn a_number_that_was_given_to_another_is_gone() {
        assert!(is_gone(&word(&own().unwrap(), 3, "1")));
    }

    #[test]
    fn of_another_machine_or_namespace_nothing_is_known() {
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
