//! The commands that the benches of `fetch` compare. Must not know what goes before them or how they are measured.

use std::path::Path;
use std::process::Command;

use super::nginx::base_url;
use super::served::FILES;
use crate::bench::arms::Arm;
use crate::setup::venv;
use crate::shell;

// As the tables name them, and the goals.
pub const OPENSSL: &str = "curl && openssl";
pub const CURL_PARALLEL: &str = "curl -Z, unverified";
pub const POOCH: &str = "pooch";
pub const ARIA2: &str = "aria2c -x8 -s8, unverified";
pub const TAR: &str = "curl && openssl && tar";

/// The same command, which prints nothing.
pub fn quiet(mut command: Command) -> Command {
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command
}

/// One file, then its digest.
pub fn curl_openssl(cache: &Path) -> Arm {
    let (cache, base) = (cache.display(), base_url());
    shell_line(OPENSSL, format!("curl -sf -o {cache}/x {base}big.bin && openssl dgst -sha256 {cache}/x"))
}

/// One archive, its digest, and what is in it.
pub fn curl_openssl_tar(cache: &Path) -> Arm {
    let (cache, base) = (cache.display(), base_url());
    shell_line(
        TAR,
        format!(
            "curl -sf -o {cache}/x {base}data.tar.gz && openssl dgst -sha256 {cache}/x && tar -C {cache} -xzf {cache}/x"
        ),
    )
}

fn shell_line(name: &'static str, line: String) -> Arm {
    Arm::new(name, move || {
        let mut sh = shell::command("sh");
        sh.args(["-c", &line]);
        sh
    })
}

/// One file, as it comes.
pub fn curl(file: &'static str, cache: &Path) -> Arm {
    let target = cache.join("x");
    Arm::new("curl, unverified", move || {
        let mut curl = shell::command("curl");
        curl.args(["-sf", "-o"]).arg(&target).arg(base_url() + file);
        curl
    })
}

/// All small files.
pub fn curl_parallel(scratch: &Path, cache: &Path) -> Arm {
    let config = scratch.join("curl.txt");
    let lines: String = (0..FILES)
        .map(|n| format!("url={0}small/{n:04}.bin\noutput={1}/{n:04}.bin\n", base_url(), cache.display()))
        .collect();
    Arm::new(CURL_PARALLEL, move || {
        // Written anew each time: the arm owns its input. curl says it when this fails.
        let _ = std::fs::write(&config, &lines);
        let mut curl = shell::command("curl");
        curl.args(["-sf", "-Z", "--parallel-max", "8", "--config"]).arg(&config);
        curl
    })
}

/// One file, by up to eight connections.
pub fn aria2(file: &'static str, cache: &Path) -> Arm {
    let cache = cache.to_owned();
    Arm::new(ARIA2, move || {
        let mut aria2 = shell::command("aria2c");
        aria2.args(["-q", "-x8", "-s8", "-d"]).arg(&cache).arg(base_url() + file);
        aria2
    })
}

/// All small files, eight at once.
pub fn aria2_parallel(scratch: &Path, cache: &Path) -> Arm {
    let (cache, list) = (cache.to_owned(), scratch.join("aria2.txt"));
    let lines: String = (0..FILES).map(|n| format!("{}small/{n:04}.bin\n", base_url())).collect();
    Arm::new("aria2c -j8, unverified", move || {
        // As above.
        let _ = std::fs::write(&list, &lines);
        let mut aria2 = shell::command("aria2c");
        aria2.args(["-q", "-j8", "-d"]).arg(&cache).arg("-i").arg(&list);
        aria2
    })
}

const POOCH_FETCH: &str = "
import sys, pooch
registry, cache, base = sys.argv[1:]
p = pooch.create(path=cache, base_url=base)
p.load_registry(registry)
pooch.get_logger().disabled = True
for name in p.registry:
    p.fetch(name, processor=PROCESSOR)
";

/// Every file of a registry.
pub fn pooch(registry: &Path, cache: &Path) -> Arm {
    pooch_with("None", registry, cache)
}

/// Every archive of a registry, unpacked.
pub fn pooch_untar(registry: &Path, cache: &Path) -> Arm {
    pooch_with("pooch.Untar()", registry, cache)
}

fn pooch_with(processor: &str, registry: &Path, cache: &Path) -> Arm {
    let (registry, cache) = (registry.to_owned(), cache.to_owned());
    let program = POOCH_FETCH.replace("PROCESSOR", processor);
    Arm::new(POOCH, move || {
        let mut python = shell::command(venv("bench"));
        python.args(["-c", &program]).arg(&registry).arg(&cache).arg(base_url());
        python
    })
}

/// Every file of a registry.
pub fn fetch(registry: &Path, cache: &Path) -> Arm {
    fetch_with(&[], registry, cache)
}

/// Every archive of a registry, unpacked.
pub fn fetch_untar(registry: &Path, cache: &Path) -> Arm {
    fetch_with(&["--process", "untar"], registry, cache)
}

fn fetch_with(options: &'static [&str], registry: &Path, cache: &Path) -> Arm {
    let (registry, cache) = (registry.to_owned(), cache.to_owned());
    Arm::new("fetch", move || {
        let mut fetch = shell::command(shell::binary("fetch"));
        fetch.args(["get", "--format", "jsonl", "--base-url", &base_url(), "-r"]).arg(&registry);
        fetch.arg("--cache").arg(&cache).args(options);
        fetch
    })
}
