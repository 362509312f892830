//! HTTP and HTTPS by ureq: the only room that knows it. Must not know caches, digests or retries.

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body as HttpBody};

use super::{Answer, Body, Refusal, Validators, retry_after};
use crate::error::Problem;
use crate::hash::CHUNK;
use crate::source::Address;

/// How long a connection may take to be made: long enough for a slow TLS handshake.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a server may be silent before or within a body.
const SILENCE: Duration = Duration::from_mins(1);

/// One client for all threads, with one pool of connections.
pub struct Client {
    /// Made for the first request, as reading the machine's certificates takes time that a cached file needs not.
    agent: OnceLock<Agent>,
    connections: usize,
}

impl Client {
    /// A client that keeps up to `connections` open to each host.
    pub fn new(connections: usize) -> Client {
        Client { agent: OnceLock::new(), connections }
    }

    /// Asks for `address`, unless it is still the version `known`.
    pub fn open(&self, address: &Address, known: Option<&Validators>) -> Result<Answer, Refusal> {
        let mut request = self.agent().get(address.exact());
        if let Some((user, password)) = address.credentials() {
            let basic = STANDARD.encode(format!("{user}:{password}"));
            request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
        }
        if let Some(known) = known {
            if let Some(etag) = &known.etag {
                request = request.header(header::IF_NONE_MATCH, etag);
            }
            if let Some(last_modified) = &known.last_modified {
                request = request.header(header::IF_MODIFIED_SINCE, last_modified);
            }
        }
        let response = request.call().map_err(|error| Problem::Connection(error.to_string()))?;
        answer(response)
    }

    fn agent(&self) -> &Agent {
        self.agent.get_or_init(|| {
            let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
            let config = Agent::config_builder()
                .http_status_as_error(false)
                // Bytes are stored as the server has them; nothing on the way may unpack a .gz file.
                .accept_encoding("identity")
                .user_agent(concat!("fetch/", env!("CARGO_PKG_VERSION")))
                .redirect_auth_headers(RedirectAuthHeaders::SameHost)
                .tls_config(tls)
                // No timeout for names: ureq would start a thread for every request to have one.
                .timeout_connect(Some(CONNECT))
                .timeout_recv_response(Some(SILENCE))
                .timeout_per_read(Some(SILENCE))
                .timeout_per_write(Some(SILENCE))
                .input_buffer_size(CHUNK)
                .max_idle_connections(2 * self.connections)
                .max_idle_connections_per_host(self.connections)
                .build();
            config.into()
        })
    }
}

fn answer(response: Response<HttpBody>) -> Result<Answer, Refusal> {
    let text = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let status = response.status().as_u16();
    let problem = match status {
        200..=299 => {
            let validators =
                Validators { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) };
            let size = text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
            let bytes = Box::new(response.into_body().into_reader());
            return Ok(Answer::Body(Body { bytes, size, validators }));
        }
        304 => return Ok(Answer::NotModified),
        404 | 410 => Problem::NotFound { status },
        401 | 403 | 407 => Problem::AccessDenied { status },
        _ => Problem::HttpStatus { status },
    };
    let retry_after = text(header::RETRY_AFTER).and_then(|value| retry_after::parse(&value));
    Err(Refusal { problem, retry_after })
}
