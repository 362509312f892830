//! One SSH connection with SFTP on it. Must not know which files are asked for.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, Handle, Handler};
use russh::keys::{Algorithm, HashAlg, PublicKeyOrCertificate};
use russh::{ChannelMsg, Preferred, cipher};
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::{Config as SftpConfig, SftpSession};
use russh_sftp::protocol::StatusCode;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::HostConfig;
use super::known_hosts::{KnownHost, Verdict};
use super::login;
use crate::error::Problem;
use crate::transfer::http::{CONNECT, SILENCE};
use crate::transfer::remote::{Login, RemoteProblem};

/// The port of SSH.
const PORT: u16 = 22;
/// So many bytes may be under way unread: what keeps a long line busy.
const WINDOW: u32 = 8 * 1024 * 1024;
/// So many pieces of a file are asked for ahead, each of 255 KiB at the most.
const AHEAD: usize = 16;
/// After so much silence the server is asked whether it is still there; three times in vain, and it is not.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// AES first, as processors have instructions for it. The others have no MAC of their own to slow them down.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// A connection that is logged in.
pub struct Session {
    /// What the files are asked of.
    pub sftp: SftpSession,
    /// The connection ends with it.
    ssh: Handle<Checker>,
}

/// Why there is no file.
#[derive(Debug)]
pub enum Trouble {
    /// The connection is of no more use.
    Lost(String),
    /// The server said no.
    Status(StatusCode, String),
    /// What is there is a folder or a device.
    NotAFile,
}

/// What a connection cannot be made for.
#[derive(Debug)]
pub enum ConnectError {
    /// It broke, or the other side speaks another language.
    Ssh(russh::Error),
    /// The host is not the one it should be.
    HostKey(RemoteProblem),
}

impl Session {
    /// Connects, makes sure that it is the right host, and logs in.
    pub async fn connect(login: &Login) -> Result<Session, Problem> {
        let user = login.credentials.as_ref().map(|(user, _)| user.as_str()).filter(|user| !user.is_empty());
        let config = HostConfig::read(&login.host, user);
        if let Some(what) = config.unsupported {
            return Err(RemoteProblem::Unsupported { host: login.host.clone(), what }.into());
        }
        let host = config.hostname.clone().unwrap_or_else(|| login.host.clone());
        let port = login.port.or(config.port).unwrap_or(PORT);
        let known = KnownHost::read(config.host_key_alias.as_deref().unwrap_or(&host), port);
        let broken = |cause: &dyn std::fmt::Display| {
            Problem::Connection(format!("{}: {}", login.host, login.presentable(&cause.to_string())))
        };
        let late = |_| Problem::Connection(format!("{}: no answer in time", login.host));

        let stream = timeout(CONNECT, TcpStream::connect((host.as_str(), port))).await;
        let stream = stream.map_err(late)?.map_err(|error| broken(&error))?;
        stream.set_nodelay(true).map_err(|error| broken(&error))?;
        let checker = Checker { known, host, port };
        let ssh_config = Arc::new(ssh_config(&checker.known));
        let connected = timeout(SILENCE, client::connect_stream(ssh_config, stream, checker)).await;
        let mut ssh = connected.map_err(late)?.map_err(|error| match error {
            ConnectError::Ssh(error) => broken(&error),
            ConnectError::HostKey(problem) => problem.into(),
        })?;
        timeout(SILENCE, login::log_in(&mut ssh, login, &config)).await.map_err(late)??;
        let opened = timeout(SILENCE, open_sftp(&ssh)).await.map_err(late)?;
        let sftp = opened.map_err(|error| broken(&error))?;
        Ok(Session { sftp, ssh })
    }

    /// Whether it can still be used, as far as is known.
    pub fn is_open(&self) -> bool {
        !self.ssh.is_closed()
    }
}

fn ssh_config(known: &KnownHost) -> client::Config {
    let keys = preferred_keys(known);
    client::Config {
        window_size: WINDOW,
        preferred: Preferred { key: Cow::Owned(keys), cipher: Cow::Borrowed(CIPHERS), ..Preferred::DEFAULT },
        keepalive_interval: Some(KEEPALIVE),
        ..client::Config::default()
    }
}

/// The kinds of host keys to ask for: those that the host is known by before the others, so that it shows one that can
/// be compared. None that is signed by SHA-1.
fn preferred_keys(known: &KnownHost) -> Vec<Algorithm> {
    let mut keys: Vec<Algorithm> = Preferred::DEFAULT.key.to_vec();
    keys.retain(|key| *key != Algorithm::Rsa { hash: None });
    // A stable sort: the order is kept among the known ones, and among the others.
    keys.sort_by_key(|key| !known.has_kind(key));
    keys
}

async fn open_sftp(ssh: &Handle<Checker>) -> Result<SftpSession, SftpError> {
    let failed = |error: russh::Error| SftpError::IO(error.to_string());
    let mut channel = ssh.channel_open_session().await.map_err(failed)?;
    channel.request_subsystem(true, "sftp").await.map_err(failed)?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => break,
            Some(ChannelMsg::Failure | ChannelMsg::Close | ChannelMsg::Eof) | None => {
                return Err(SftpError::IO("it offers no SFTP".to_owned()));
            }
            Some(_) => {}
        }
    }
    let config = SftpConfig {
        max_concurrent_reads: AHEAD,
        request_timeout_secs: SILENCE.as_secs(),
        ..SftpConfig::default()
    };
    SftpSession::new_with_config(channel.into_stream(), config).await
}

/// Compares the host's key with those that are known.
pub struct Checker {
    known: KnownHost,
    host: String,
    port: u16,
}

impl Handler for Checker {
    type Error = ConnectError;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, ConnectError> {
        // A certificate is not asked for, so that none is a surprise.
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        let host = self.host.clone();
        let fingerprint = format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256));
        let problem = match self.known.judge(key) {
            Verdict::Known => return Ok(true),
            Verdict::Unknown => {
                let port = if self.port == PORT { String::new() } else { format!("-p {} ", self.port) };
                let scan = format!("ssh-keyscan {port}{host}");
                RemoteProblem::UnknownHostKey { host, fingerprint, scan }
            }
            Verdict::Another { place } => RemoteProblem::ChangedHostKey { host, fingerprint, place },
        };
        Err(ConnectError::HostKey(problem))
    }
}

impl From<russh::Error> for ConnectError {
    fn from(error: russh::Error) -> Self {
        ConnectError::Ssh(error)
    }
}

impl From<SftpError> for Trouble {
    fn from(error: SftpError) -> Self {
        match error {
            SftpError::Status(status) => Trouble::Status(status.status_code, status.error_message),
            SftpError::Timeout => Trouble::Lost(io::Error::from(io::ErrorKind::TimedOut).to_string()),
            other => Trouble::Lost(other.to_string()),
        }
    }
}

impl Trouble {
    /// What it means when it came from asking for a file.
    pub fn about_file(self, login: &Login) -> Problem {
        let host = login.host.clone();
        match self {
            Trouble::Lost(cause) => Problem::Connection(format!("{host}: {}", login.presentable(&cause))),
            Trouble::NotAFile => RemoteProblem::BadPath { why: "names no regular file" }.into(),
            Trouble::Status(code, text) => {
                let reply = if text.is_empty() { code.to_string() } else { login.presentable(&text) };
                match code {
                    StatusCode::NoSuchFile => RemoteProblem::NoFile { host, reply },
                    StatusCode::PermissionDenied => RemoteProblem::Refused { host, reply },
                    _ => RemoteProblem::Reply { host, reply, passing: false },
                }
                .into()
            }
        }
    }
}
