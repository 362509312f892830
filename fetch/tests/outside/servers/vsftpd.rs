//! vsftpd, serving a folder to anonymous users, who may need the password `s3cret`.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Process, program};

/// A running vsftpd.
pub struct Vsftpd {
    pub process: Process,
    folder: TempDir,
}

impl Vsftpd {
    /// Serves an empty folder; `settings` are lines of vsftpd.conf(5) besides the usual ones.
    pub fn start(settings: &[&str]) -> Result<Vsftpd, kit::Missing> {
        let vsftpd = program("vsftpd", "vsftpd")?;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("files")).unwrap();
        std::fs::write(path("passwords"), "s3cret\n").unwrap();
        let process = Process::listening(&path("said"), |port| {
            let config = format!(
                "listen=YES\nlisten_ipv6=NO\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n\
                 run_as_launching_user=YES\nseccomp_sandbox=NO\nanonymous_enable=YES\nlocal_enable=NO\n\
                 anon_world_readable_only=NO\nanon_root={}\nxferlog_enable=YES\nxferlog_std_format=NO\n\
                 log_ftp_protocol=YES\nvsftpd_log_file={}\nemail_password_file={}\n{}\n",
                path("files").display(),
                path("log").display(),
                path("passwords").display(),
                settings.join("\n")
            );
            std::fs::write(path("conf"), config).unwrap();
            let mut command = Command::new(&vsftpd);
            command.arg(path("conf"));
            command
        });
        Ok(Vsftpd { process, folder })
    }

    /// Changes a setting for connections that come now.
    pub fn set(&self, setting: &str) {
        let path = self.folder.path().join("conf");
        let config = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{config}{setting}\n")).unwrap();
        self.process.reload();
    }

    /// Serves over TLS, with a certificate of its own for localhost.
    pub fn with_tls(settings: &[&str], certificate: &Certificate) -> Result<Vsftpd, kit::Missing> {
        let (pem, key) = (certificate.path.display(), certificate.key.display());
        let pem = format!("rsa_cert_file={pem}\nrsa_private_key_file={key}");
        let tls = "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_logins_ssl=YES\nforce_anon_data_ssl=YES";
        Vsftpd::start(&[&[tls, &pem], settings].concat())
    }

    /// The URL of a path, which begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("ftp://127.0.0.1:{}{path}", self.process.port)
    }

    /// The path of a served file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }

    /// Serves `bytes` under a name.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// The commands it was given, such as `RETR x`.
    pub fn commands(&self) -> Vec<String> {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let commands = log.lines().filter_map(|line| line.split_once("FTP command: ")?.1.split_once(", "));
        commands.map(|(_, command)| command.trim_matches('"').to_owned()).collect()
    }

    /// How often it was given a command.
    pub fn count(&self, command: &str) -> usize {
        self.commands().iter().filter(|given| given.split(' ').next() == Some(command)).count()
    }
}

/// A certificate for localhost that signs itself.
pub struct Certificate {
    pub path: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// Makes one in a folder.
    pub fn new(folder: &Path) -> Result<Certificate, kit::Missing> {
        let openssl = kit::tool("openssl", "openssl")?;
        let certificate = Certificate { path: folder.join("cert.pem"), key: folder.join("key.pem") };
        let mut command = Command::new(openssl);
        command.args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ]);
        command.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.arg("-keyout").arg(&certificate.key).arg("-out").arg(&certificate.path);
        kit::run(&mut command).exits(0);
        Ok(certificate)
    }
}
