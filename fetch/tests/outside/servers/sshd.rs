//! OpenSSH's sshd with its SFTP server, and a home folder whose owner may log in.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Process, is_root, program};

/// A running sshd.
pub struct Sshd {
    pub process: Process,
    folder: TempDir,
}

impl Sshd {
    /// Serves this machine's files to its own user, who has a key in `home()` and knows the host.
    pub fn start(settings: &[&str]) -> Result<Sshd, kit::Missing> {
        let sshd = program("sshd", "openssh-server")?;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        if is_root() {
            // Where sshd goes with what it does for strangers; packages make it at boot only.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        std::fs::create_dir_all(path("home/.ssh")).unwrap();
        std::fs::set_permissions(path("home/.ssh"), PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::create_dir(path("files")).unwrap();
        keygen(&path("host_key"), "");
        keygen(&path("home/.ssh/id_ed25519"), "");
        std::fs::copy(path("home/.ssh/id_ed25519.pub"), path("authorized")).unwrap();
        let process = Process::listening(&path("log"), |port| {
            let config = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\n\
                 UsePAM no\nPermitRootLogin yes\nPidFile none\nLogLevel VERBOSE\nMaxStartups 100\n\
                 Subsystem sftp internal-sftp\n{}\n",
                path("host_key").display(),
                path("authorized").display(),
                settings.join("\n")
            );
            std::fs::write(path("conf"), config).unwrap();
            let mut command = Command::new(&sshd);
            command.args(["-D", "-e", "-f"]).arg(path("conf"));
            command
        });
        let server = Sshd { process, folder };
        server.know_at(server.process.port);
        Ok(server)
    }

    /// Writes the host's key into the user's `known_hosts`, as of this port.
    pub fn know_at(&self, port: u16) {
        let key = std::fs::read_to_string(self.host_key()).unwrap();
        self.known_hosts(&format!("[127.0.0.1]:{port} {key}"));
    }

    /// Replaces the user's `known_hosts`.
    pub fn known_hosts(&self, text: &str) {
        std::fs::write(self.home().join(".ssh/known_hosts"), text).unwrap();
    }

    /// The home folder of who may log in.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The public half of the host's key.
    pub fn host_key(&self) -> PathBuf {
        self.folder.path().join("host_key.pub")
    }

    /// The URL of a served file.
    pub fn url(&self, name: &str) -> String {
        let path = self.path(name);
        format!("sftp://127.0.0.1:{}{}", self.process.port, path.to_str().unwrap())
    }

    /// The path of a served file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }

    /// Serves `bytes` under a name.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// How often somebody logged in.
    pub fn logins(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.lines().filter(|line| line.starts_with("Accepted ")).count()
    }
}

/// Makes a key, with a passphrase unless it is empty.
pub fn keygen(path: &Path, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-C", "of a test", "-N", passphrase, "-f"]).arg(path);
    kit::run(&mut command).exits(0);
}
