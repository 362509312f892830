//! HTTP and HTTPS by ureq: the only room that knows it, with those below. Must not know caches, digests or retries.
//!
//! Redirects are followed here and not by ureq. The requester's login and headers go to the origins that
//! [`Address::trusts`] names and to no other, and where else it leads, only what netrc has for that host is
//! told; nothing at all from HTTPS to HTTP. That such a redirect is followed is safe for files with a digest.

mod agents;
mod encoding;
mod forward;
mod names;

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http::header::{self, HeaderName};
use ureq::http::{Method, Request, Response, request};
use ureq::{AsSendBody, Body as HttpBody};

use super::{Answer, Ask, Body, Credentials, Found, Proxies, Refusal, Validators, retry_after};
use crate::error::Problem;
use crate::source::{Access, Address, Login};
use agents::Agents;
pub(super) use agents::{CONNECT, SILENCE};

/// So many redirects are followed, as in ureq and Go; browsers and curl follow more.
const REDIRECTS: usize = 10;
/// A redirect's own body up to this size in bytes is read, so that its connection can serve the next request.
const DRAIN: u64 = 64 * 1024;

/// The longest text that is read of an answer that is no file, in bytes.
const LONGEST_TEXT: u64 = 64 * 1024;

/// One client for all threads, with one pool of connections.
pub struct Client {
    agents: Agents,
    credentials: Arc<Credentials>,
}

type Headers = Vec<(HeaderName, String)>;

impl Client {
    /// A client that keeps up to `connections` open to each host.
    pub fn new(connections: usize, proxies: Proxies, credentials: Arc<Credentials>) -> Client {
        Client { agents: Agents::new(connections, proxies), credentials }
    }

    /// Asks for `address`; without `access` only netrc's login is told.
    pub fn open(&self, address: &Address, ask: Ask<'_>, access: Option<&Access>) -> Result<Answer, Refusal> {
        let response = self.send(&Method::GET, address, access, &conditions(ask))?;
        answer(response, Some(address), ask)
    }

    /// Asks whether `address` is there, by its headers alone; of a server that gives none, by the first byte.
    pub fn check(&self, address: &Address, access: Option<&Access>) -> Result<Found, Refusal> {
        let head = self.send(&Method::HEAD, address, access, &[])?;
        match head.status().as_u16() {
            // Signed links are refused for any other method than theirs.
            400 | 403 | 405 | 501 => {}
            status if has_file(status) => {
                let size_bytes = text(&head, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
                return Ok(Found { size_bytes, http_status: Some(status) });
            }
            _ => return Err(refusal(&head)),
        }
        let first = [(header::RANGE, "bytes=0-0".to_owned())];
        let part = self.send(&Method::GET, address, access, &first)?;
        let size_bytes = match part.status().as_u16() {
            206 => text(&part, &header::CONTENT_RANGE)
                .and_then(|range| range.rsplit_once('/')?.1.trim().parse().ok()),
            status if has_file(status) => {
                text(&part, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok())
            }
            // There is no first byte.
            416 => Some(0),
            _ => return Err(refusal(&part)),
        };
        Ok(Found { size_bytes, http_status: Some(part.status().as_u16()) })
    }

    /// Where `address` redirects to, followed for one step; nothing when it does not.
    pub fn redirect(&self, address: &Address) -> Result<Option<Address>, Refusal> {
        let headers = introduction(address, None, &self.credentials);
        let response = self.send_once(&Method::GET, address, headers.iter())?;
        match location(&response) {
            Some(location) => Ok(address.follow(&location).ok().filter(is_web)),
            None => answer(response, Some(address), Ask::Whole).map(|_| None),
        }
    }

    /// Sends a request, and again to where it is redirected.
    fn send(
        &self,
        method: &Method,
        address: &Address,
        access: Option<&Access>,
        conditions: &[(HeaderName, String)],
    ) -> Result<Response<HttpBody>, Refusal> {
        let mut target = address.clone();
        let mut visited = Vec::new();
        loop {
            // Not even the target's own login, which netrc may have, goes unencrypted where encryption was asked for.
            let downgraded = address.scheme() == "https" && target.scheme() != "https";
            let own = access.filter(|_| address.trusts(&target));
            let headers =
                if downgraded { Headers::new() } else { introduction(&target, own, &self.credentials) };
            let response = self.send_once(method, &target, headers.iter().chain(conditions))?;
            let Some(location) = location(&response) else { return Ok(response) };
            let next = target.follow(&location).map_err(|bad| Problem::Redirect(bad.to_string()))?;
            // Nor to where other credentials than those for the web would be told.
            if !is_web(&next) {
                return Err(Problem::Redirect(format!("{next} is no place that a server may lead to")).into());
            }
            visited.push(target.exact());
            if visited.contains(&next.exact()) {
                return Err(Problem::Redirect(format!("{next} leads back to itself")).into());
            }
            if visited.len() > REDIRECTS {
                return Err(Problem::Redirect(format!("more than {REDIRECTS}, the last to {next}")).into());
            }
            // A body that cannot be read only costs the connection.
            let _ = std::io::copy(&mut response.into_body().into_reader().take(DRAIN), &mut std::io::sink());
            target = next;
        }
    }

    /// Sends a GET with these headers to `url`, and follows no redirect: what is signed for one host is for no other.
    pub fn get(&self, url: &str, headers: &[Header]) -> Result<Reply, Problem> {
        self.send_signed(Request::get(url), headers, url, String::new())
    }

    /// Sends a form by POST to `url`, and follows no redirect.
    pub fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Reply, Problem> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let kind = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        self.send_signed(Request::post(url), &kind, url, body)
    }

    fn send_signed(
        &self,
        request: request::Builder,
        headers: &[Header],
        url: &str,
        body: String,
    ) -> Result<Reply, Problem> {
        let target = Address::parse(url).map_err(|bad| Problem::Connection(bad.to_string()))?;
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        let response =
            if body.is_empty() { self.run(request, &target, ())? } else { self.run(request, &target, body)? };
        Ok(Reply { response })
    }

    fn send_once<'a>(
        &self,
        method: &Method,
        target: &Address,
        headers: impl Iterator<Item = &'a (HeaderName, String)>,
    ) -> Result<Response<HttpBody>, Problem> {
        let request = Request::builder().method(method).uri(target.exact());
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        self.run(request, target, ())
    }

    fn run(
        &self,
        mut request: request::Builder,
        target: &Address,
        body: impl AsSendBody,
    ) -> Result<Response<HttpBody>, Problem> {
        let failed = |error: ureq::Error| self.problem(target, &error);
        let (agent, proxy_authorization) = self.agents.of(target).map_err(failed)?;
        if let Some(authorization) = proxy_authorization {
            request = request.header(header::PROXY_AUTHORIZATION, authorization);
        }
        let request = request.body(body).map_err(|error| Problem::Connection(error.to_string()))?;
        let response = agent.run(request).map_err(failed)?;
        if response.status().as_u16() == 407
            && let Some(proxy) = self.agents.proxy(target)
        {
            return Err(Problem::Proxy(format!("{proxy} refuses (HTTP 407)")));
        }
        Ok(response)
    }

    fn problem(&self, target: &Address, error: &ureq::Error) -> Problem {
        let text = error.to_string();
        match (error, self.agents.proxy(target)) {
            // rustls says so, as cause of an I/O error that ureq passes on.
            _ if text.contains("peer certificate") || text.contains("CA certificates") => {
                Problem::Certificate(text.rsplit_once(": ").map_or(text.clone(), |(_, why)| why.to_owned()))
            }
            (ureq::Error::ConnectProxyFailed(why), Some(proxy)) => Problem::Proxy(format!("{proxy}: {why}")),
            (ureq::Error::BadUri(_), _) => Problem::Connection("the URL cannot be sent".into()),
            (_, Some(proxy)) => Problem::Connection(format!("{text} (through {proxy})")),
            (_, None) => Problem::Connection(text),
        }
    }
}

/// Whether a server may lead to it: never a file of this machine, and no other protocol.
fn is_web(address: &Address) -> bool {
    matches!(address.scheme(), "http" | "https")
}

/// The headers that tell `target` who asks; `own` only where it may be told.
fn introduction(target: &Address, own: Option<&Access>, credentials: &Credentials) -> Headers {
    let mut headers: Headers = Vec::new();
    for given in own.into_iter().flat_map(|own| credentials.headers(own)) {
        if let Ok(name) = HeaderName::from_bytes(given.name().as_bytes()) {
            headers.push((name, given.value().to_owned()));
        }
    }
    let authorized = headers.iter().any(|(name, _)| name == header::AUTHORIZATION);
    let login = credentials.login(target, own).filter(|_| !authorized);
    headers.extend(login.map(|login| {
        let value = match login {
            Login::Basic { user, password } => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            Login::Bearer(token) => format!("Bearer {token}"),
        };
        (header::AUTHORIZATION, value)
    }));
    headers
}

/// The headers that say which bytes are wanted, or which not.
fn conditions(ask: Ask<'_>) -> Headers {
    match ask {
        Ask::Whole => Vec::new(),
        Ask::Unless(known) => {
            let etag = known.etag.clone().map(|etag| (header::IF_NONE_MATCH, etag));
            let date = known.last_modified.clone().map(|date| (header::IF_MODIFIED_SINCE, date));
            etag.into_iter().chain(date).collect()
        }
        Ask::Rest { from, validator } => {
            vec![(header::RANGE, format!("bytes={from}-")), (header::IF_RANGE, validator.to_owned())]
        }
        Ask::Part { from, to, validator } => {
            let range = format!("bytes={from}-{}", to.saturating_sub(1));
            vec![(header::RANGE, range), (header::IF_RANGE, validator.to_owned())]
        }
    }
}

fn text<T>(response: &Response<T>, name: &HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.trim().to_owned())
}

/// Where a redirect leads.
fn location<T>(response: &Response<T>) -> Option<String> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    redirects.then(|| text(response, &header::LOCATION)).flatten()
}

/// A header's name, in lower case, and value.
pub type Header = (&'static str, String);

/// What a server answers, as it is.
pub struct Reply {
    response: Response<HttpBody>,
}

impl Reply {
    /// The status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// How long the server wants not to be asked.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after").and_then(retry_after::parse)
    }

    /// The body as text, as far as it comes and is no longer than [`LONGEST_TEXT`].
    pub fn text(self) -> String {
        let mut bytes = Vec::new();
        // What explains a failure must not add one: half of it is better than none.
        let _ = self.response.into_body().into_reader().take(LONGEST_TEXT).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The file in it, as it is stored, or why there is none.
    pub fn answer(self, ask: Ask<'_>) -> Result<Answer, Refusal> {
        answer(self.response, None, ask)
    }
}

/// The file that a response brings. What lies at `address` may have been packed for the way; without one, it is taken
/// as it comes.
fn answer(response: Response<HttpBody>, address: Option<&Address>, ask: Ask<'_>) -> Result<Answer, Refusal> {
    let status = response.status().as_u16();
    match status {
        206 => {}
        status if has_file(status) => {}
        304 => return Ok(Answer::NotModified),
        416 => return Ok(Answer::NoRest),
        _ => return Err(refusal(&response)),
    }
    let validators = Validators {
        etag: text(&response, &header::ETAG),
        last_modified: text(&response, &header::LAST_MODIFIED),
        date: text(&response, &header::DATE),
    };
    let length = text(&response, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let packing = text(&response, &header::CONTENT_ENCODING);
    let unpack = match address {
        Some(address) => encoding::unpack(packing.as_deref(), address)?,
        None => false,
    };
    let (from, size) = match status {
        // The rest of what is packed is not the rest of the file.
        206 if unpack => return Err(Problem::WrongRange.into()),
        206 => {
            let range = text(&response, &header::CONTENT_RANGE).and_then(|range| content_range(&range));
            range.and_then(|range| fitting(range, ask)).ok_or(Problem::WrongRange)?
        }
        _ => (0, length),
    };
    let ranges = status == 206 || text(&response, &header::ACCEPT_RANGES).is_some_and(|unit| unit == "bytes");
    let bytes = response.into_body().into_reader();
    if unpack {
        return Ok(Answer::Body(encoding::unpacked(bytes, validators)));
    }
    Ok(Answer::Body(Body { ranges, ..Body::new(bytes, from, size, validators) }))
}

/// Whether the body of an answer with this status is the file: not that of 202, which comes before there is one, nor
/// that of 204 and 205, which say that there is none.
fn has_file(status: u16) -> bool {
    matches!(status, 200 | 203)
}

/// Why a response gives no file.
fn refusal<T>(response: &Response<T>) -> Refusal {
    let status = response.status().as_u16();
    let problem = match status {
        404 | 410 => Problem::NotFound { status },
        401 | 403 | 407 => Problem::AccessDenied { status },
        _ => Problem::HttpStatus { status },
    };
    let retry_after = text(response, &header::RETRY_AFTER).and_then(|value| retry_after::parse(&value));
    Refusal { problem, retry_after }
}

/// The first byte and the whole size, when a range is the one asked for: to the end, or a part exactly.
fn fitting((range, whole): (Range<u64>, Option<u64>), ask: Ask<'_>) -> Option<(u64, Option<u64>)> {
    match ask {
        Ask::Part { from, to, .. } => (range == (from..to)).then_some((from, whole)),
        _ => whole.is_none_or(|whole| whole == range.end).then_some((range.start, Some(range.end))),
    }
}

/// The bytes that a `Content-Range` names, and the whole size if it is known.
pub fn content_range(value: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (range, size) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let end = last.checked_add(1)?;
    let whole = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    (first <= last && whole.is_none_or(|whole| end <= whole)).then_some((first..end, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_understood() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5..10, Some(10))));
        assert_eq!(content_range("bytes 5-8/10"), Some((5..9, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5..10, None)));
        for bad in [
            "bytes 5-10/10",
            "bytes 9-5/10",
            "bytes */10",
            "items 5-9/10",
            "bytes 5-18446744073709551615/*",
            "",
        ] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_the_range_asked_for_fits() {
        let rest = Ask::Rest { from: 5, validator: "" };
        assert_eq!(fitting((5..10, Some(10)), rest), Some((5, Some(10))));
        assert_eq!(fitting((5..10, None), rest), Some((5, Some(10))));
        assert_eq!(fitting((5..9, Some(10)), rest), None);
        let part = Ask::Part { from: 5, to: 9, validator: "" };
        assert_eq!(fitting((5..9, Some(10)), part), Some((5, Some(10))));
        for other in [5..10, 4..9, 5..8] {
            assert_eq!(fitting((other, Some(10)), part), None);
        }
    }
}
