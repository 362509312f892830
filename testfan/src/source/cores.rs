//! How many cores and hardware threads this process may use. Must not know what for.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

/// Hardware threads, as far as affinity and cgroups allow them.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Cores: threads that share one count once. Where the system does not say, as many as threads.
pub fn cores() -> usize {
    let cpus = std::fs::read_dir("/sys/devices/system/cpu").into_iter().flatten().filter_map(Result::ok);
    let siblings =
        cpus.filter_map(|cpu| std::fs::read_to_string(cpu.path().join("topology/thread_siblings_list")).ok());
    match siblings.collect::<BTreeSet<String>>().len() {
        0 => threads(),
        cores => cores.min(threads()),
    }
}
