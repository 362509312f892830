//! nginx on ephemeral ports of loopback, in plain HTTP and in TLS with a certificate made for it.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::Missing;
use tempfile::TempDir;

/// A running nginx; ends when dropped.
pub struct Nginx {
    folder: TempDir,
    process: Child,
    /// Plain HTTP.
    pub port: u16,
    /// HTTPS, by the certificate at [`Nginx::certificate`].
    pub tls_port: u16,
}

impl Nginx {
    /// Serves the folder [`Nginx::root`]; `locations` goes into the `server` block.
    pub fn start(locations: &str) -> Result<Nginx, Missing> {
        let nginx = kit::tool("nginx", "nginx-light").or_else(|missing| {
            // Debian puts it where only root looks.
            Some(PathBuf::from("/usr/sbin/nginx")).filter(|path| path.is_file()).ok_or(missing)
        })?;
        let openssl = kit::tool("openssl", "openssl")?;
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("root")).unwrap();
        make_certificate(&openssl, folder.path());
        // Another process may take a free port before nginx does.
        for _ in 0..10 {
            let (port, tls_port) = free_ports();
            let file = folder.path().join("nginx.conf");
            std::fs::write(&file, configuration(folder.path(), port, tls_port, locations)).unwrap();
            let mut command = Command::new(&nginx);
            command.arg("-p").arg(folder.path()).arg("-e").arg("stderr").arg("-c").arg(&file);
            let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if answers(&mut process, port) {
                return Ok(Nginx { folder, process, port, tls_port });
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        panic!("nginx does not start");
    }

    /// The folder that it serves.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The certificate that a client has to trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The URL of a path, which begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The same by HTTPS.
    pub fn tls_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.tls_port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn make_certificate(openssl: &Path, folder: &Path) {
    let mut command = Command::new(openssl);
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    // A server's own certificate is trusted only when it does not say that it is an authority.
    command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    command.args(["-keyout", "key.pem", "-out", "certificate.pem"]);
    kit::run(command.current_dir(folder)).exits(0);
}

fn free_ports() -> (u16, u16) {
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (first, second) = (listen(), listen());
    (first.local_addr().unwrap().port(), second.local_addr().unwrap().port())
}

fn configuration(folder: &Path, port: u16, tls_port: u16, locations: &str) -> String {
    let folder = folder.display();
    // One process, so that a test that is killed leaves no workers behind.
    format!(
        "daemon off; master_process off; pid {folder}/nginx.pid;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            default_type application/octet-stream;
            client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
            uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
            server {{
                listen 127.0.0.1:{port};
                listen 127.0.0.1:{tls_port} ssl;
                ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
                root {folder}/root;
                {locations}
            }}
        }}"
    )
}

fn answers(process: &mut Child, port: u16) -> bool {
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until && process.try_wait().unwrap().is_none() {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
