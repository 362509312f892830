//! TLS for FTP: the machine's own roots, as for HTTP. Must not know FTP's commands.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls_platform_verifier::BuilderVerifierExt;
use suppaftp::rustls::client::Resumption;
use suppaftp::rustls::{ClientConfig, crypto};
use suppaftp::{FtpError, FtpResult, RustlsConnector, TlsConnector};

use super::session::with_timeouts;

/// So many of its sessions a server may have us remember.
const SESSIONS: usize = 8;

/// A stream that is secure, or could be: what suppaftp does not name.
pub type TlsStream = <RustlsConnector as TlsConnector>::Stream;

/// What all connections are made by.
pub fn config() -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier);
    let config = config.map_err(|error| format!("failed to set up TLS: {error}"))?;
    Ok(Arc::new(config.with_no_client_auth()))
}

/// Makes one login's control connection and its data connections secure.
#[derive(Debug)]
pub struct Connector {
    rustls: RustlsConnector,
    /// Whether it was given a connection.
    reached: Arc<AtomicBool>,
}

impl Connector {
    /// With TLS sessions of its own: servers demand that a data connection resumes that of its own control
    /// connection, and no other.
    pub fn new(config: &ClientConfig) -> Connector {
        let mut config = config.clone();
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Connector { rustls: Arc::new(config).into(), reached: Arc::default() }
    }

    /// What tells whether the server was reached.
    pub fn reached(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.reached)
    }
}

impl TlsConnector for Connector {
    type Stream = TlsStream;

    fn connect(&self, domain: &str, stream: TcpStream) -> FtpResult<TlsStream> {
        self.reached.store(true, Ordering::Release);
        // One that suppaftp made itself has none yet.
        let stream = with_timeouts(stream).map_err(FtpError::ConnectionError)?;
        self.rustls.connect(domain, stream)
    }
}
