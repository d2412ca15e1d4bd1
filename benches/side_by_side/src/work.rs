//! What a process says of the work that it did, for workloads that do not measure whole processes.

use std::time::Duration;

/// Prints the time of the work in microseconds, and the peak memory of this process in MB.
pub fn print_work(took: Duration) {
    println!("{} {}", took.as_micros(), peak_memory().unwrap_or_default());
}

/// The peak memory of this process, in MB; `None` if the system does not say.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1024)
}
