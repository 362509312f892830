//! ureq's agents, one for each way that requests take: directly, through a tunnel, or forwarded by a proxy.
//! Must not know what is asked for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::{Connector, DefaultConnector, TcpConnector};
use ureq::{Agent, Proxy as UreqProxy};

use super::forward::Forward;
use super::names::Names;
use crate::hash::CHUNK;
use crate::source::Address;
use crate::transfer::proxy::{Proxies, Proxy};

/// How long a connection may take to be made: long enough for a slow TLS handshake.
pub const CONNECT: Duration = Duration::from_secs(20);
/// How long a server may be silent before or within a body.
pub const SILENCE: Duration = Duration::from_mins(1);

/// The agents of a run.
pub struct Agents {
    proxies: Proxies,
    connections: usize,
    names: Names,
    /// Made for the first request, as reading the machine's certificates takes time that a cached file needs not.
    made: Mutex<HashMap<Way, Agent>>,
}

/// A way that requests take.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Way {
    Direct,
    Tunnel(Proxy),
    Forward(Proxy),
}

impl Agents {
    /// Agents that keep up to `connections` open to each host.
    pub fn new(connections: usize, proxies: Proxies) -> Agents {
        Agents { proxies, connections, names: Names::default(), made: Mutex::default() }
    }

    /// The proxy that an address is asked through.
    pub fn proxy(&self, address: &Address) -> Option<&Proxy> {
        self.proxies.of(address)
    }

    /// The agent for an address, and what `Proxy-Authorization` its requests need.
    pub fn of(&self, address: &Address) -> Result<(Agent, Option<String>), ureq::Error> {
        let way = match self.proxies.of(address) {
            None => Way::Direct,
            Some(proxy) if proxy.is_plain() && address.scheme() == "http" => Way::Forward(proxy.clone()),
            Some(proxy) => Way::Tunnel(proxy.clone()),
        };
        let authorization = match &way {
            Way::Forward(proxy) => proxy.authorization(),
            _ => None,
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = made.get(&way) {
            return Ok((agent.clone(), authorization));
        }
        let agent = self.make(&way)?;
        made.insert(way, agent.clone());
        Ok((agent, authorization))
    }

    fn make(&self, way: &Way) -> Result<Agent, ureq::Error> {
        let proxy = match way {
            Way::Tunnel(proxy) => Some(UreqProxy::new(proxy.exact())?),
            _ => None,
        };
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Each redirect is judged by `http`: it may lead to a host that must not learn what this one may.
            .max_redirects(0)
            // Bytes are stored as the server has them; nothing on the way may unpack a .gz file.
            .accept_encoding("identity")
            .user_agent(concat!("fetch/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            // Also when there is none, or else ureq looks for one itself.
            .proxy(proxy)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .input_buffer_size(CHUNK)
            .max_idle_connections(2 * self.connections)
            .max_idle_connections_per_host(self.connections)
            .build();
        Ok(match way {
            Way::Direct | Way::Tunnel(_) => {
                Agent::with_parts(config, DefaultConnector::default(), self.names.clone())
            }
            Way::Forward(proxy) => {
                let connector = ().chain(TcpConnector::default()).chain(Forward);
                Agent::with_parts(config, connector, self.names.instead(proxy.host_and_port()))
            }
        })
    }
}
