//! The nginx that the benches of `fetch` get their files from. Must not know what they are.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result};

use super::commands::quiet;
use crate::shell;

const PORT: u16 = 18_723;

/// Where it serves.
pub fn base_url() -> String {
    format!("http://127.0.0.1:{PORT}/")
}

/// A running nginx, ended when dropped.
pub struct Nginx(Child);

impl Nginx {
    /// Serves the folder `www`, and `/slow/` of it at 20 MiB a second for each connection.
    pub fn start(scratch: &Path, www: &Path) -> Result<Nginx> {
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
