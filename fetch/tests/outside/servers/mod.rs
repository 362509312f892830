//! Real servers for the tests: each its own process on a port of its own, which ends with the test.

pub mod nginx;
pub mod proxy;
pub mod slow;
pub mod sshd;
pub mod stores;
pub mod vsftpd;

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that listens; with all its processes it ends when this goes.
pub struct Process {
    child: Child,
    pub port: u16,
}

impl Process {
    /// Starts what `command` makes for a free port, and waits until it listens there. What it says goes to `log`.
    pub fn listening(log: &Path, command: impl Fn(u16) -> Command) -> Process {
        // Between the choice of a port and its use somebody else may take it.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let said = std::fs::File::create(log).unwrap();
            let mut command = command(port);
            command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said).process_group(0);
            let mut process = Process { child: command.spawn().unwrap(), port };
            if process.listens() {
                return process;
            }
        }
        panic!("the server does not start: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    fn listens(&mut self) -> bool {
        let until = Instant::now() + Duration::from_mins(1);
        while Instant::now() < until && self.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Ends what serves those who are connected, so that all connections break; it goes on listening.
    pub fn break_connections(&self) {
        for process in descendants(self.child.id()).split_off(1) {
            signal("-9", process);
        }
    }

    /// Lets it read its settings again.
    pub fn reload(&self) {
        signal("-HUP", self.child.id());
    }

    /// Ends it on the spot, with all connections.
    pub fn kill(&mut self) {
        for process in descendants(self.child.id()) {
            signal("-9", process);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn signal(signal: &str, process: u32) {
    // One that ended meanwhile is no failure.
    let _ = Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status();
}

/// A process and all below it, its children last.
fn descendants(process: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let below = children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(descendants);
    std::iter::once(process).chain(below.collect::<Vec<_>>()).collect()
}

/// A server's program, which may lie where only root looks.
fn program(name: &str, package: &str) -> Result<PathBuf, kit::Missing> {
    let path = Path::new("/usr/sbin").join(name);
    if path.is_file() { Ok(path) } else { kit::tool(name, package) }
}

/// Whether the tests run as root.
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}
