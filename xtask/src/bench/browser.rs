//! Headless Chromium that loads a page and prints it when it is done, and the static server that has the page. Must not
//! measure.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::shell;

/// With this begin the paths by which page and server tell each other of the end.
pub const OWN: char = '@';

/// Chromium, which prints the page of a [`Server`] once its Python is done. What is in `profile` from before, it need not
/// load again.
pub fn dump(url: &str, profile: &Path) -> Command {
    let mut chromium = shell::command("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    chromium.arg(format!("--user-data-dir={}", profile.display()));
    chromium.args(["--dump-dom", url]);
    chromium
}

/// A static server on loopback, which has a browser wait until a page is done; ended when dropped.
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Serves `folder`; a line for each request goes to `log`.
    pub fn start(folder: &Path, port: u16, log: Stdio) -> Result<Server> {
        let mut python = shell::command("python3");
        // Unbuffered, so that the log is whole whenever it ends.
        python.args(["-u", "xtask/src/bench/serve.py"]).arg(folder).arg(port.to_string());
        let child = python.stdout(Stdio::null()).stderr(log).spawn().context("no python3")?;
        let server = Server { child, port };
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("the static server did not begin to listen on port {port}")
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
