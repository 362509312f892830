//! `fetch` beside curl with openssl, pooch, and aria2, over nginx on loopback.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::bench::arms::{Arm, Work};
use crate::setup::venv;
use crate::shell;

const BIG_BYTES: usize = 1 << 30;
const FILES: usize = 1000;
const FILE_BYTES: usize = 10 << 10;
const SLOW_BYTES: usize = 200 << 20;
const PORT: u16 = 18_723;

const OPENSSL: &str = "curl && openssl";
const CURL_PARALLEL: &str = "curl -Z, unverified";
const POOCH_ARM: &str = "pooch";
const ARIA2: &str = "aria2c -x8 -s8, unverified";

/// One large file, a thousand small ones, one from a server slow with each connection; the first two again.
pub fn works(scratch: &Path) -> Result<Vec<Work>> {
    let www = scratch.join("www");
    let served = Served::make(&www)?;
    let nginx = Nginx::start(scratch, &www)?;
    let first = served.downloads(scratch);
    let again = served.hits(scratch)?;
    let mut works: Vec<Work> = first.into_iter().chain(again).collect();
    works[0].keep.push(Box::new(nginx));
    Ok(works)
}

/// The files under nginx and their registries in pooch's format.
struct Served {
    big: PathBuf,
    slow: PathBuf,
    small: PathBuf,
}

impl Served {
    fn make(www: &Path) -> Result<Served> {
        std::fs::create_dir_all(www.join("small"))?;
        let served =
            Served { big: www.join("big.txt"), slow: www.join("slow.txt"), small: www.join("small.txt") };
        if served.slow.exists() {
            return Ok(served);
        }
        let block: Vec<u8> =
            (0..1 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut big = std::fs::File::create(www.join("big.bin"))?;
        let mut digest = Sha256::new();
        for _ in 0..BIG_BYTES / block.len() {
            big.write_all(&block)?;
            digest.update(&block);
        }
        std::fs::write(&served.big, format!("big.bin sha256:{}\n", hex(&digest.finalize())))?;
        let mut registry = String::new();
        for number in 0..FILES {
            let bytes: Vec<u8> = format!("{number} ").bytes().cycle().take(FILE_BYTES).collect();
            let name = format!("small/{number:04}.bin");
            std::fs::write(www.join(&name), &bytes)?;
            registry += &format!("{name} sha256:{}\n", hex(&Sha256::digest(&bytes)));
        }
        std::fs::write(&served.small, registry)?;
        std::fs::create_dir_all(www.join("slow"))?;
        let slow = block.repeat(SLOW_BYTES / block.len());
        std::fs::write(www.join("slow/slow.bin"), &slow)?;
        std::fs::write(&served.slow, format!("slow/slow.bin sha256:{}\n", hex(&Sha256::digest(&slow))))?;
        Ok(served)
    }

    fn downloads(&self, scratch: &Path) -> Vec<Work> {
        let cache = scratch.join("fetch-cache");
        let fresh = |cache: &Path| {
            let cache = cache.to_owned();
            move || {
                if cache.exists() {
                    std::fs::remove_dir_all(&cache)?;
                }
                Ok(std::fs::create_dir_all(&cache)?)
            }
        };
        let big = vec![
            curl_openssl(&cache).after(fresh(&cache)),
            pooch(&self.big, &cache).after(fresh(&cache)),
            fetch(&self.big, &cache).after(fresh(&cache)).within(0.9, OPENSSL).within(0.25, POOCH_ARM),
        ];
        let small = vec![
            curl_parallel(scratch, &cache).after(fresh(&cache)),
            pooch(&self.small, &cache).after(fresh(&cache)),
            fetch(&self.small, &cache).after(fresh(&cache)).within(1.1, CURL_PARALLEL).within(0.1, POOCH_ARM),
        ];
        let slow = vec![
            aria2(&cache).after(fresh(&cache)),
            curl_slow(&cache).after(fresh(&cache)),
            pooch(&self.slow, &cache).after(fresh(&cache)),
            fetch(&self.slow, &cache).after(fresh(&cache)).within(1.0, ARIA2),
        ];
        vec![
            Work { name: "1 GiB with sha256".into(), arms: big, keep: Vec::new() },
            Work { name: format!("{FILES} files of 10 KiB"), arms: small, keep: Vec::new() },
            Work { name: "200 MiB at 20 MiB/s a connection".into(), arms: slow, keep: Vec::new() },
        ]
    }

    fn hits(&self, scratch: &Path) -> Result<Vec<Work>> {
        let mut works = Vec::new();
        for (name, registry) in [("1 GiB again", &self.big), ("1000 files again", &self.small)] {
            let cache = scratch.join("fetch-hits");
            let arms = vec![pooch(registry, &cache.join("pooch")), fetch(registry, &cache.join("fetch"))];
            for arm in &arms {
                shell::run(&mut quiet((arm.command)()))?;
            }
            works.push(Work { name: name.into(), arms, keep: Vec::new() });
        }
        Ok(works)
    }
}

fn quiet(mut command: Command) -> Command {
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command
}

fn base_url() -> String {
    format!("http://127.0.0.1:{PORT}/")
}

fn curl_openssl(cache: &Path) -> Arm {
    let line = format!(
        "curl -sf -o {0}/big.bin {1}big.bin && openssl dgst -sha256 {0}/big.bin",
        cache.display(),
        base_url()
    );
    Arm::new(OPENSSL, move || {
        let mut sh = shell::command("sh");
        sh.args(["-c", &line]);
        sh
    })
}

fn curl_parallel(scratch: &Path, cache: &Path) -> Arm {
    let config = scratch.join("curl.txt");
    let lines: String = (0..FILES)
        .map(|n| format!("url={0}small/{n:04}.bin\noutput={1}/{n:04}.bin\n", base_url(), cache.display()))
        .collect();
    Arm::new(CURL_PARALLEL, move || {
        // Written anew each time: the arm owns its input.
        let _ = std::fs::write(&config, &lines);
        let mut curl = shell::command("curl");
        curl.args(["-sf", "-Z", "--parallel-max", "8", "--config"]).arg(&config);
        curl
    })
}

const POOCH: &str = "
import sys, pooch
registry, cache, base = sys.argv[1:]
p = pooch.create(path=cache, base_url=base)
p.load_registry(registry)
pooch.get_logger().disabled = True
for name in p.registry:
    p.fetch(name)
";

fn pooch(registry: &Path, cache: &Path) -> Arm {
    let (registry, cache) = (registry.to_owned(), cache.to_owned());
    Arm::new(POOCH_ARM, move || {
        let mut python = shell::command(venv("bench"));
        python.args(["-c", POOCH]).arg(&registry).arg(&cache).arg(base_url());
        python
    })
}

fn fetch(registry: &Path, cache: &Path) -> Arm {
    let (registry, cache) = (registry.to_owned(), cache.to_owned());
    Arm::new("fetch", move || {
        let mut fetch = shell::command(shell::binary("fetch"));
        fetch.args(["get", "--format", "jsonl", "--base-url", &base_url(), "-r"]).arg(&registry);
        fetch.arg("--cache").arg(&cache);
        fetch
    })
}

fn aria2(cache: &Path) -> Arm {
    let cache = cache.to_owned();
    Arm::new(ARIA2, move || {
        let mut aria2 = shell::command("aria2c");
        aria2.args(["-q", "-x8", "-s8", "-d"]).arg(&cache).arg(base_url() + "slow/slow.bin");
        aria2
    })
}

fn curl_slow(cache: &Path) -> Arm {
    let target = cache.join("slow.bin");
    Arm::new("curl, unverified", move || {
        let mut curl = shell::command("curl");
        curl.args(["-sf", "-o"]).arg(&target).arg(base_url() + "slow/slow.bin");
        curl
    })
}

/// A running nginx, ended when dropped.
struct Nginx(Child);

impl Nginx {
    fn start(scratch: &Path, www: &Path) -> Result<Nginx> {
        let config = scratch.join("nginx.conf");
        let text = format!(
            "daemon off; pid {0}/nginx.pid; error_log stderr; worker_processes 1; user root;
             events {{ }}
             http {{ access_log off; sendfile on; keepalive_requests 100000;
               server {{ listen 127.0.0.1:{PORT}; root {1};
                 location /slow/ {{ limit_rate 20m; }} }} }}",
            scratch.display(),
            www.display()
        );
        std::fs::write(&config, text)?;
        let mut nginx = quiet(shell::command("nginx"));
        let child = nginx.arg("-c").arg(&config).spawn().context("no nginx: `cargo xtask setup --system`")?;
        let nginx = Nginx(child);
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", PORT)).is_ok() {
                return Ok(nginx);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("nginx did not begin to listen on port {PORT}")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Ended by signal so that its worker ends with it.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
