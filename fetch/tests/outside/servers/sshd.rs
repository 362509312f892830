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
        Ok(Sshd::run(settings, |_, config| {
            let mut command = Command::new(&sshd);
            command.args(["-D", "-e", "-f"]).arg(config);
            command
        }))
    }

    /// The same on a machine with a user more: `guest`, whose password is `s3cret`.
    pub fn with_guest(settings: &[&str]) -> Result<Sshd, kit::Missing> {
        let sshd = program("sshd", "openssh-server")?;
        if !is_root() {
            return Err(kit::Missing::new("a user with a password", "run the tests as root"));
        }
        let server = Sshd::run(settings, |folder, config| {
            let hash = Command::new("openssl").args(["passwd", "-6", "s3cret"]).output().unwrap();
            let hash = String::from_utf8(hash.stdout).unwrap();
            let with = |file: &str, line: &str| {
                let text = std::fs::read_to_string(Path::new("/etc").join(file)).unwrap();
                std::fs::write(folder.join(file), format!("{text}{line}\n")).unwrap();
            };
            with("passwd", "guest:x:4242:4242::/:/bin/sh");
            with("shadow", &format!("guest:{}:20000:0:99999:7:::", hash.trim()));
            // Nobody else sees these files: they lie over the machine's own only for this process.
            let script = "cd $1 && mount --bind passwd /etc/passwd && mount --bind shadow /etc/shadow && \
                          exec $2 -D -e -f $3";
            let mut command = Command::new("unshare");
            command.args(["-m", "sh", "-c", script, "sh"]).arg(folder).arg(&sshd).arg(config);
            command
        });
        std::fs::set_permissions(server.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::remove_file(server.home().join(".ssh/id_ed25519")).unwrap();
        Ok(server)
    }

    fn run(settings: &[&str], command: impl Fn(&Path, &Path) -> Command) -> Sshd {
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
                "{}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\n\
                 UsePAM no\nPermitRootLogin yes\nPidFile none\nLogLevel VERBOSE\nMaxStartups 100\n\
                 Subsystem sftp internal-sftp\n",
                settings.join("\n"),
                path("host_key").display(),
                path("authorized").display(),
            );
            std::fs::write(path("conf"), config).unwrap();
            command(folder.path(), &path("conf"))
        });
        let server = Sshd { process, folder };
        server.know_at(server.process.port);
        server
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
        log.lines().filter(|line| line.starts_with("Accepted ") && line.contains(" for ")).count()
    }
}

/// Makes a key, with a passphrase unless it is empty.
pub fn keygen(path: &Path, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-C", "of a test", "-N", passphrase, "-f"]).arg(path);
    kit::run(&mut command).exits(0);
}
