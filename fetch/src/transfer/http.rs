//! HTTP and HTTPS by ureq: the only room that knows it. Must not know caches, digests or retries.

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body as HttpBody};

use super::{Answer, Ask, Body, Refusal, Validators, retry_after};
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

    /// Asks for `address`.
    pub fn open(&self, address: &Address, ask: Ask<'_>) -> Result<Answer, Refusal> {
        let mut request = self.agent().get(address.exact());
        if let Some((user, password)) = address.credentials() {
            let basic = STANDARD.encode(format!("{user}:{password}"));
            request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
        }
        match ask {
            Ask::Whole => {}
            Ask::Unless(known) => {
                if let Some(etag) = &known.etag {
                    request = request.header(header::IF_NONE_MATCH, etag);
                }
                if let Some(last_modified) = &known.last_modified {
                    request = request.header(header::IF_MODIFIED_SINCE, last_modified);
                }
            }
            Ask::Rest { from, validator } => {
                request = request.header(header::RANGE, format!("bytes={from}-"));
                request = request.header(header::IF_RANGE, validator);
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
            let length = text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
            let (from, size) = match status {
                206 => {
                    let range = text(header::CONTENT_RANGE).and_then(|range| content_range(&range));
                    range.ok_or(Problem::WrongRange)?
                }
                _ => (0, length),
            };
            let bytes = Box::new(response.into_body().into_reader());
            return Ok(Answer::Body(Body { bytes, from, size, validators }));
        }
        304 => return Ok(Answer::NotModified),
        416 => return Ok(Answer::NoRest),
        404 | 410 => Problem::NotFound { status },
        401 | 403 | 407 => Problem::AccessDenied { status },
        _ => Problem::HttpStatus { status },
    };
    let retry_after = text(header::RETRY_AFTER).and_then(|value| retry_after::parse(&value));
    Err(Refusal { problem, retry_after })
}

/// The first byte and the whole size that a `Content-Range` names, of a range that goes to the end.
pub fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let end = last.checked_add(1)?;
    let whole = match size.trim() {
        "*" => end,
        size => size.parse().ok()?,
    };
    (first <= last && whole == end).then_some((first, Some(whole)))
}

#[cfg(test)]
mod tests {
    use super::content_range;

    #[test]
    fn a_range_to_the_end_is_understood() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, Some(10))));
        for bad in [
            "bytes 5-8/10",
            "bytes 9-5/10",
            "bytes */10",
            "items 5-9/10",
            "bytes 5-18446744073709551615/*",
            "",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
