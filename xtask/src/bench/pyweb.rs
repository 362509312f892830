//! `pyweb render` beside headless Chromium on the same bundled pages.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::arms::{Arm, Work};
use crate::shell;

const PORT: u16 = 18_724;

/// One work for each interpreter's page.
pub fn works() -> Result<Vec<Work>> {
    let mut works = Vec::new();
    for (name, page) in [("MicroPython page", "tests/makefile/page"), ("Pyodide page", "tests/pages/todo")] {
        let bundle = shell::target().join("bench/site").join(Path::new(page).file_name().unwrap_or_default());
        if bundle.exists() {
            std::fs::remove_dir_all(&bundle)?;
        }
        shell::run(
            shell::command(shell::binary("pyweb"))
                .args(["bundle", "-q", page, "-o"])
                .arg(&bundle)
                .stdout(Stdio::null()),
        )?;
        let port = PORT + u16::try_from(works.len())?;
        let server = Server::start(&bundle, port)?;
        let url = format!("http://127.0.0.1:{port}/index.html");
        let arms = vec![
            Arm::new("Chromium", move || chromium(&url)),
            Arm::new("pyweb", move || {
                let mut pyweb = shell::command(shell::binary("pyweb"));
                pyweb.args(["render", &format!("{page}/index.html")]);
                pyweb
            }),
        ];
        works.push(Work { name: name.into(), arms, keep: vec![Box::new(server)] });
    }
    Ok(works)
}

fn chromium(url: &str) -> Command {
    let mut chromium = shell::command("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    chromium.arg(format!("--user-data-dir={}", shell::target().join("bench/chromium").display()));
    chromium.args(["--virtual-time-budget=30000", "--dump-dom", url]);
    chromium
}

/// A static server on loopback, ended when dropped.
struct Server(Child);

impl Server {
    fn start(folder: &Path, port: u16) -> Result<Server> {
        let mut python = shell::command("python3");
        python
            .args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string(), "--directory"])
            .arg(folder);
        let child = python.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("no python3")?;
        let server = Server(child);
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("the static server did not begin to listen on port {port}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
