//! Why a site cannot be served. Must not know how it is shown.

use std::io;
use std::net::SocketAddr;

use common::Explain;
use common::fs::FileError;

/// A site cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another program listens there.
    #[error("port {} of {} is taken", address.port(), address.ip())]
    PortTaken {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The system does not let it listen there.
    #[error("failed to listen at {address}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// The server broke down.
    #[error("failed to serve")]
    Broken(#[source] io::Error),
    /// The folder cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A record could not be written.
    #[error("failed to write to standard output")]
    Output(#[from] io::Error),
}

impl Explain for ServeError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            ServeError::PortTaken { .. } => {
                "end what listens there, or name another with --port; 0 is any that is free"
            }
            ServeError::Listen { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
                "name a port from 1024 on"
            }
            ServeError::Listen { .. } => "check --bind: it must be an address of this machine",
            ServeError::File(error) => return error.hint(),
            ServeError::Broken(_) | ServeError::Output(_) => return None,
        };
        Some(hint.into())
    }
    fn code(&self) -> &'static str {
        match self {
            ServeError::PortTaken { .. } => "port_taken",
            ServeError::Listen { .. } => "cannot_listen",
            ServeError::File(error) => error.code(),
            ServeError::Broken(_) | ServeError::Output(_) => "failed",
        }
    }
}
