//! What FTP and SFTP have in common: who logs in where, which version a file is, what a server may say.
//! Must not know how either speaks.

use std::fmt;

use common::Explain;

use super::{Ask, Validators};
use crate::source::{self, Address};

/// Who logs in where.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Login {
    /// The host.
    pub host: String,
    /// The port, where it is named.
    pub port: Option<u16>,
    /// User and password; the password may be empty.
    pub credentials: Option<(String, String)>,
}

impl Login {
    /// This login at the server of `address`; these protocols know no bearer tokens.
    pub fn of(address: &Address, login: Option<source::Login>) -> Login {
        let credentials = match login {
            Some(source::Login::Basic { user, password }) => Some((user, password)),
            Some(source::Login::Bearer(_)) | None => None,
        };
        Login { host: address.host().to_owned(), port: address.given_port(), credentials }
    }

    /// What a server said, fit to be shown: one short line, without the password if it should be in it.
    pub fn presentable(&self, said: &str) -> String {
        let password = self.credentials.as_ref().map(|(_, password)| password.as_str());
        let said = match password.filter(|password| !password.is_empty()) {
            Some(password) => said.replace(password, "***"),
            None => said.to_owned(),
        };
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        said.trim().chars().map(visible).take(LONGEST_REPLY).collect()
    }
}

/// So much of what a server says is shown, in characters.
const LONGEST_REPLY: usize = 300;

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:?}", self.host, self.port)
    }
}

/// A version of a file by its time of writing, as the server writes it, and its size. Told apart by both, as the time
/// is often in whole seconds only.
pub fn validators(modified: Option<impl fmt::Display>, size: Option<u64>) -> Validators {
    let version = modified.zip(size).map(|(modified, size)| format!("{modified}-{size}"));
    Validators { etag: version, ..Validators::default() }
}

/// What an [`Ask`] comes to when the version that lies there is known beforehand.
pub enum Plan {
    /// Nothing is sent: it is the version that was asked about.
    NotModified,
    /// The bytes from here on are sent.
    From(u64),
}

impl Plan {
    /// What to do for `ask` about a file of this version.
    pub fn new(ask: Ask<'_>, version: &Validators) -> Plan {
        match ask {
            Ask::Unless(known) if known.etag.is_some() && *known == *version => Plan::NotModified,
            Ask::Rest { from, validator } if version.strong() == Some(validator) => Plan::From(from),
            Ask::Whole | Ask::Unless(_) | Ask::Rest { .. } | Ask::Part { .. } => Plan::From(0),
        }
    }
}

/// Why a file server gives no file.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum RemoteProblem {
    #[error("{host} has no such file: {reply}")]
    NoFile { host: String, reply: String },
    #[error("{host} refuses: {reply}")]
    Refused { host: String, reply: String },
    #[error("{host} answers: {reply}")]
    Reply { host: String, reply: String, passing: bool },
    #[error("the path of the URL {why}")]
    BadPath { why: &'static str },
    #[error("the certificate of {host} is not trusted: {cause}")]
    Certificate { host: String, cause: String },
    #[error("the host key of {host} is not known: {fingerprint}")]
    UnknownHostKey { host: String, fingerprint: String, scan: String },
    #[error("the host key of {host} is not the one in {place}: {fingerprint}")]
    ChangedHostKey { host: String, fingerprint: String, place: String },
    #[error("no login at {host}: {why}")]
    NoLogin { host: String, why: String },
    #[error("~/.ssh/config sets {what} for {host}, which is not supported")]
    Unsupported { host: String, what: &'static str },
}

impl RemoteProblem {
    /// True when another attempt at the same URL may go better.
    pub fn is_transient(&self) -> bool {
        matches!(self, RemoteProblem::Reply { passing: true, .. })
    }
}

impl Explain for RemoteProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            RemoteProblem::NoFile { .. } | RemoteProblem::BadPath { .. } => "check the URL",
            RemoteProblem::Refused { .. } => "check user and password: ftp://USER:PASSWORD@HOST/…",
            RemoteProblem::Reply { .. } => "try again later, or give a mirror in \"urls\"",
            RemoteProblem::Certificate { .. } => {
                "it must be signed by an authority this machine trusts; SSL_CERT_FILE names others"
            }
            RemoteProblem::UnknownHostKey { scan, .. } => {
                return Some(format!(
                    "if the fingerprint is what the server's owner says: {scan} >> ~/.ssh/known_hosts"
                ));
            }
            RemoteProblem::ChangedHostKey { .. } => {
                "somebody may listen in; only if the server's owner confirms the new key, remove the old line"
            }
            RemoteProblem::NoLogin { .. } => {
                "give a user: sftp://USER@HOST/…, and a key by ssh-agent or ~/.ssh, or a password"
            }
            RemoteProblem::Unsupported { .. } => {
                "get the file by sftp, or from a host that is reached directly"
            }
        };
        Some(hint.to_owned())
    }

    fn code(&self) -> &'static str {
        match self {
            RemoteProblem::NoFile { .. } | RemoteProblem::BadPath { .. } => "not_found",
            RemoteProblem::Refused { .. } | RemoteProblem::NoLogin { .. } => "access_denied",
            RemoteProblem::Reply { .. } => "server_error",
            RemoteProblem::Certificate { .. } => "certificate_refused",
            RemoteProblem::UnknownHostKey { .. } => "host_key_unknown",
            RemoteProblem::ChangedHostKey { .. } => "host_key_changed",
            RemoteProblem::Unsupported { .. } => "unsupported",
        }
    }
}
