//! Debian packages that the tests use as real peers and servers. Needs root.

use anyhow::{Result, bail};

use crate::shell;

/// What to install, and why.
const PACKAGES: [(&str, &str); 8] = [
    ("aria2", "a peer in benches"),
    ("chromium", "a real browser for bundles and reports"),
    ("jq", "the pipes of the README"),
    ("make", "the Makefile example"),
    ("nginx-light", "a real server for downloads and benches"),
    ("openssh-server", "a real SFTP server"),
    ("openssl", "certificates for TLS tests"),
    ("vsftpd", "a real FTP server"),
];

/// Installs what is not there.
pub fn install() -> Result<()> {
    if !shell::on_path("apt-get") {
        let wanted = PACKAGES.map(|(package, why)| format!("{package} ({why})")).join(", ");
        bail!("this machine has no apt-get; install by its own means: {wanted}");
    }
    let missing: Vec<&str> = PACKAGES.iter().map(|(package, _)| *package).filter(|p| !installed(p)).collect();
    if missing.is_empty() {
        shell::say("all there");
        return Ok(());
    }
    shell::say(&format!("installing {}", missing.join(" ")));
    shell::run(shell::command("apt-get").args(["update", "-q"]))?;
    let mut install = shell::command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    shell::run(install.args(["install", "-q", "-y", "--no-install-recommends"]).args(missing))
}

fn installed(package: &str) -> bool {
    let mut query = shell::command("dpkg-query");
    query.args(["-W", "-f", "${db:Status-Status}", package]).stderr(std::process::Stdio::null());
    query.output().is_ok_and(|output| output.stdout == b"installed")
}
