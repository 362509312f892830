//! Names into addresses, with a limit and a memory. Must not know what is asked of the hosts.
//!
//! ureq asks for every request anew, and with a limit starts a thread for each. Here a name is asked for once a
//! minute, by a thread that is left behind when no answer comes.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long an answer may take: longer than two servers need that are silent, by resolv.conf(5).
const LIMIT: Duration = Duration::from_secs(25);
/// How long an answer is good for, as in curl.
const LIFE: Duration = Duration::from_mins(1);
/// So many addresses are tried at most: as many as ureq has room for.
const ADDRESSES: usize = 16;

/// When a name was asked for, and what the answer was.
type Known = (Instant, Vec<SocketAddr>);
/// Asks for a name with its port.
type Lookup = fn(&str) -> io::Result<Vec<SocketAddr>>;

/// The names of a run; clones share what they know.
#[derive(Clone, Debug)]
pub struct Names {
    known: Arc<Mutex<HashMap<String, Known>>>,
    lookup: Lookup,
    limit: Duration,
    /// Host and port that every name leads to.
    instead: Option<String>,
}

impl Default for Names {
    fn default() -> Self {
        let lookup: Lookup = |name| Ok(name.to_socket_addrs()?.collect());
        Names { known: Arc::default(), lookup, limit: LIMIT, instead: None }
    }
}

impl Names {
    /// The same, but all names lead to this one.
    pub fn instead(&self, host_and_port: String) -> Names {
        Names { instead: Some(host_and_port), ..self.clone() }
    }

    fn find(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, addresses)) = known().get(name)
            && asked.elapsed() < LIFE
        {
            return Ok(addresses.clone());
        }
        let (sender, receiver) = mpsc::channel();
        let (lookup, asked) = (self.lookup, name.to_owned());
        thread::spawn(move || sender.send(lookup(&asked)));
        let addresses = match receiver.recv_timeout(self.limit) {
            Ok(found) => found?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let text = format!("no answer to the name {name} within {} s", self.limit.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
        };
        known().insert(name.to_owned(), (Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, config: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let of_uri = || DefaultResolver::host_and_port(uri.scheme()?, uri.authority()?);
        let name = self.instead.clone().or_else(of_uri).ok_or(Error::HostNotFound)?;
        let found = self.find(&name)?;
        let mut addresses = self.empty();
        for address in config.ip_family().keep_wanted(found.into_iter()).take(ADDRESSES) {
            addresses.push(address);
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_name_that_hangs_is_given_up() {
        let lookup: Lookup = |_| {
            thread::sleep(Duration::from_mins(10));
            Ok(vec![])
        };
        let names = Names { lookup, limit: Duration::from_millis(10), ..Names::default() };
        let error = names.find("h:80").err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("no answer to the name h:80 within 0 s"));
        assert!(names.find("[::1]:80").is_ok(), "an address is no name");
    }

    #[test]
    fn a_name_is_asked_for_once() -> io::Result<()> {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let lookup: Lookup = |_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], 80))])
        };
        let names = Names { lookup, ..Names::default() };
        assert_eq!(names.find("h:80")?, names.clone().find("h:80")?);
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
        Ok(())
    }
}
