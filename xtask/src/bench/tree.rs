//! How much memory a process and everything below it hold, shared pages counted once (PSS).
//! Sampling costs time, so a run that is sampled must not be timed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(50);

/// Samples until it is asked for the peak.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Sampler {
    /// Begins with this process.
    pub fn of(root: u32) -> Sampler {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut peak = 0;
            while !stopped.load(Ordering::Relaxed) {
                peak = peak.max(below(root).into_iter().map(pss_kib).sum());
                thread::sleep(EVERY);
            }
            peak
        });
        Sampler { stop, thread }
    }

    /// The most that all of them held at once, in MiB.
    pub fn peak(self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "no machine holds 2^53 KiB")]
        let kib = self.thread.join().unwrap_or(0) as f64;
        kib / 1024.0
    }
}

/// The process and its descendants.
fn below(root: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for pid in pids {
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        found.extend(children.remove(pid).unwrap_or_default());
        at += 1;
    }
    found
}

/// The second field behind the name, which is in parentheses and may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// 0 where the process is gone.
fn pss_kib(pid: u32) -> u64 {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(Path::new(&path)).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_and_its_child_hold_memory() {
        let own = std::process::id();
        let child = std::process::Command::new("sleep").arg("60").spawn();
        let mut child = child.unwrap_or_else(|error| unreachable!("sleep is everywhere: {error}"));
        let found = below(own);
        let _ = (child.kill(), child.wait());
        assert!(found.contains(&own) && found.contains(&child.id()), "{found:?}");
        assert!(pss_kib(own) > 100);
    }
}
