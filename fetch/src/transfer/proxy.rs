//! Which requests go through which proxy: by option or environment, as curl and Python have it.
//! Must not know how a proxy is spoken to.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::source::{Address, decode};

/// The proxies of a run.
#[derive(Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    without: Vec<String>,
}

/// One proxy. `Display` and `Debug` leave out user and password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    url: Url,
}

/// A text that names no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProxy {
    /// It is no URL.
    #[error("not a URL of a proxy: {0}")]
    NotUrl(url::ParseError),
    /// Nothing here speaks its protocol.
    #[error("{0}: proxies are not supported")]
    Scheme(String),
}

impl Proxies {
    /// The proxies of the environment, read by `variable`, with `option` in the place of them all; an empty
    /// `option` means none. The error names where the bad one was.
    ///
    /// As in Python, names in lower case count first, and `HTTP_PROXY` not at all in a CGI program, where it is a
    /// header of the client.
    pub fn new(
        option: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Proxies, (String, BadProxy)> {
        let read = |name: &str| {
            let upper = name.to_uppercase();
            let forged = upper == "HTTP_PROXY" && variable("REQUEST_METHOD").is_some();
            let found = |name: String| Some((variable(&name)?, name)).filter(|(text, _)| !text.is_empty());
            found(name.to_owned()).or_else(|| if forged { None } else { found(upper) })
        };
        let without = read("no_proxy").map(|(text, _)| text).unwrap_or_default();
        let without = without.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        let without = without.map(str::to_ascii_lowercase).collect();
        let proxy = |name: &str| {
            let found = match option {
                Some("") => None,
                Some(text) => Some((text.to_owned(), "--proxy".to_owned())),
                None => {
                    read(name).or_else(|| read("all_proxy")).map(|(text, name)| (text, format!("${name}")))
                }
            };
            found.map(|(text, origin)| Proxy::parse(&text).map_err(|bad| (origin, bad))).transpose()
        };
        Ok(Proxies { http: proxy("http_proxy")?, https: proxy("https_proxy")?, without })
    }

    /// The proxy for an address; nothing when it is asked directly.
    pub fn of(&self, address: &Address) -> Option<&Proxy> {
        let proxy = if address.scheme() == "https" { &self.https } else { &self.http };
        let proxy = proxy.as_ref()?;
        let excepted = self.without.iter().any(|entry| excepts(entry, address.host(), address.port()));
        (!excepted).then_some(proxy)
    }
}

/// Whether an entry of `NO_PROXY` is for a host: `*`; a domain, with or without a dot before it, and all below; an
/// IP address or a network such as `10.0.0.0/8`; each perhaps with a port.
fn excepts(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => match digits.parse::<u16>() {
            Ok(wanted) => (name, Some(wanted)),
            Err(_) => return false,
        },
        _ => (entry, None),
    };
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        return match name.split_once('/') {
            Some((network, bits)) => within(address, network, bits).unwrap_or(false),
            None => name.parse() == Ok(address),
        };
    }
    let name = name.trim_start_matches('*').trim_start_matches('.');
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    !name.is_empty() && host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn within(address: IpAddr, network: &str, bits: &str) -> Option<bool> {
    let bits: u32 = bits.parse().ok()?;
    Some(match (address, network.parse().ok()?) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            (address.to_bits() ^ network.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            (address.to_bits() ^ network.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    })
}

impl Proxy {
    /// Reads a URL, or a host with or without port, which means HTTP.
    pub fn parse(text: &str) -> Result<Proxy, BadProxy> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&text).map_err(BadProxy::NotUrl)?;
        match url.scheme() {
            "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" if url.has_host() => {
                Ok(Proxy { url })
            }
            "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" => {
                Err(BadProxy::NotUrl(url::ParseError::EmptyHost))
            }
            other => Err(BadProxy::Scheme(other.to_owned())),
        }
    }

    /// Whether it is spoken to in plain HTTP.
    pub fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// The URL with user and password, for the wire alone.
    pub fn exact(&self) -> &str {
        self.url.as_str()
    }

    /// Host and port as a resolver wants them.
    pub fn host_and_port(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        format!("{host}:{}", self.url.port_or_known_default().unwrap_or(80))
    }

    /// The value of `Proxy-Authorization`, when the URL has a user.
    pub fn authorization(&self) -> Option<String> {
        let (user, password) = (decode(self.url.username()), decode(self.url.password().unwrap_or_default()));
        let given = !user.is_empty() || !password.is_empty();
        given.then(|| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        write!(f, "{}://{}{port}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(option: Option<&str>, variables: &[(&str, &str)], url: &str) -> Option<String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let proxies =
            Proxies::new(option, variable).unwrap_or_else(|(origin, bad)| unreachable!("{origin}: {bad}"));
        let address = Address::parse(url).unwrap_or_else(|bad| unreachable!("{bad}"));
        proxies.of(&address).map(ToString::to_string)
    }

    #[test]
    fn the_environment_is_read_as_python_reads_it() {
        let all =
            [("http_proxy", "a:1"), ("HTTP_PROXY", "b:2"), ("HTTPS_PROXY", "me:pw@c:3"), ("all_proxy", "d")];
        for (option, variables, url, proxy) in [
            (None, &all[..], "http://h/", Some("http://a:1")),
            (None, &all[1..], "http://h/", Some("http://b:2")),
            (None, &all[1..], "https://h/", Some("http://c:3")),
            (None, &all[3..], "https://h/", Some("http://d")),
            (None, &[("HTTP_PROXY", "b"), ("REQUEST_METHOD", "GET")], "http://h/", None),
            (None, &[("http_proxy", ""), ("https_proxy", "c")], "http://h/", None),
            (Some("socks5://e:5"), &all, "http://h/", Some("socks5://e:5")),
            (Some(""), &all, "http://h/", None),
            (Some("e"), &[("NO_PROXY", "h")], "http://h/", None),
        ] {
            assert_eq!(chosen(option, variables, url).as_deref(), proxy, "{option:?} {variables:?} {url}");
        }
        let bad = |text| Proxies::new(Some(text), |_| None).err().map(|(_, bad)| bad.to_string());
        assert!(bad("ftp://x").is_some_and(|said| said.contains("ftp: proxies are not supported")));
        assert!(bad("http://me:s3cret@:3").is_some_and(|said| !said.contains("s3cret")));
    }

    #[test]
    fn hosts_are_excepted_by_domain_address_network_and_port() {
        for (entry, url, excepted) in [
            ("*", "http://h/", true),
            ("example.org", "http://example.org/", true),
            ("EXAMPLE.org", "http://a.b.Example.ORG/", true),
            (".example.org", "http://example.org/", true),
            ("*.example.org", "http://a.example.org/", true),
            ("example.org", "http://badexample.org/", false),
            ("example.org", "http://example.org.evil/", false),
            ("example.org:81", "http://example.org:81/", true),
            ("example.org:81", "http://example.org/", false),
            ("x, example.org", "http://example.org/", true),
            ("127.0.0.1", "http://127.0.0.1:9/", true),
            ("127.0.0.1:9", "http://127.0.0.1:9/", true),
            ("0.0.1", "http://127.0.0.1/", false),
            ("127.0.0.0/8", "http://127.9.9.9/", true),
            ("10.0.0.0/8", "http://127.9.9.9/", false),
            ("0.0.0.0/0", "http://127.9.9.9/", true),
            ("10.0.0.0/64", "http://10.0.0.0/", false),
            ("[::1]", "http://[::1]:80/", true),
            ("::1", "http://[::1]/", true),
            ("[::1]:80", "http://[::1]/", true),
            ("fe80::/10", "http://[fe80::7]/", true),
            ("fe80::/10", "http://h/", false),
            (".", "http://h/", false),
        ] {
            let chosen = chosen(Some("p"), &[("no_proxy", entry)], url);
            assert_eq!(chosen.is_none(), excepted, "{entry} {url}");
        }
    }
}
