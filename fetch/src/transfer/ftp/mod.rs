//! FTP and FTPS by suppaftp. Must not know caches, digests or retries.
//!
//! `ftp:` is plain. `ftps:` begins with TLS, on port 990 unless the URL says otherwise, as with curl; on port 21, where
//! nobody begins with TLS, and for `ftpes:` the connection is plain until `AUTH TLS`. There is no way back to plain:
//! user, password and files go over TLS or not at all.
//! A path is relative to the folder that the login leads to; `ftp://host//x` and `ftp://host/%2Fx` are absolute.

mod pool;
mod session;
mod tls;

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use suppaftp::TransferStream;
use suppaftp::rustls::ClientConfig;

use super::remote::{self, Login, Plan, RemoteProblem};
use super::{Answer, Ask, Body};
use crate::error::Problem;
use crate::source::{Address, Login as SourceLogin};
use pool::{Lease, Pool};
use session::{Trouble, octets};
use tls::TlsStream;

/// One client for all threads, with a pool of connections for each login.
#[derive(Default)]
pub struct Client {
    pools: Mutex<HashMap<Target, Arc<Pool>>>,
    /// Made for the first secure connection, as reading the machine's certificates takes time.
    tls: OnceLock<Result<Arc<ClientConfig>, String>>,
}

/// A server as it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Target {
    login: Login,
    security: Security,
}

/// How a connection comes to be secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Security {
    /// Not at all.
    Plain,
    /// By `AUTH TLS`, of RFC 4217.
    Explicit,
    /// From its first byte on.
    Implicit,
}

impl Client {
    /// Asks for `address`.
    pub fn open(
        &self,
        address: &Address,
        ask: Ask<'_>,
        login: Option<SourceLogin>,
    ) -> Result<Answer, Problem> {
        let target = Target { login: Login::of(address, login), security: security(address) };
        let path = path(address)?;
        let pool = self.pool(target)?;
        loop {
            let lease = pool.lease()?;
            let reused = lease.reused;
            match exchange(lease, &path, ask) {
                // Servers close what they heard nothing from for a while; that says nothing about the file.
                Err(Trouble::Lost(_) | Trouble::Closing(_)) if reused => {}
                answered => return answered.map_err(|trouble| trouble.about_file(&pool.target.login)),
            }
        }
    }

    fn pool(&self, target: Target) -> Result<Arc<Pool>, Problem> {
        let tls = match target.security {
            Security::Plain => None,
            Security::Explicit | Security::Implicit => {
                Some(self.tls.get_or_init(tls::config).clone().map_err(Problem::Connection)?)
            }
        };
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools.entry(target.clone()).or_insert_with(|| Arc::new(Pool::new(target, tls)));
        Ok(Arc::clone(pool))
    }
}

fn security(address: &Address) -> Security {
    match (address.scheme(), address.given_port()) {
        ("ftpes", _) | ("ftps", Some(session::PORT)) => Security::Explicit,
        ("ftps", _) => Security::Implicit,
        _ => Security::Plain,
    }
}

/// The path as commands carry it.
fn path(address: &Address) -> Result<String, RemoteProblem> {
    let path = address.path_bytes();
    if path.is_empty() || path.ends_with(b"/") {
        return Err(RemoteProblem::BadPath { why: "names a folder" });
    }
    // It would end the command, and what follows would be another one.
    if path.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0')) {
        return Err(RemoteProblem::BadPath { why: "has a line break or a null in it" });
    }
    Ok(octets(&path))
}

fn exchange(mut lease: Lease, path: &str, ask: Ask<'_>) -> Result<Answer, Trouble> {
    let session = lease.session();
    let size = session.size(path)?;
    let modified = session.modified(path)?;
    let validators = remote::validators(modified, size);
    let from = match Plan::new(ask, &validators) {
        Plan::NotModified => {
            lease.give_back();
            return Ok(Answer::NotModified);
        }
        Plan::From(from) => from,
    };
    let (data, from) = match session.retrieve(path, from) {
        Ok(data) => (data, from),
        // A server that cannot begin in the middle.
        Err(Trouble::Reply { .. }) if from > 0 => (session.retrieve(path, 0)?, 0),
        Err(trouble) => {
            // Such as a file that is not there: the connection is as good as before.
            if matches!(trouble, Trouble::Reply { .. }) {
                lease.give_back();
            }
            return Err(trouble);
        }
    };
    let bytes = Box::new(Download { data: Some(data), lease: Some(lease), sized: size.is_some() });
    Ok(Answer::Body(Body::new(bytes, from, size, validators)))
}

/// The bytes of one file; at their end, which the server confirms, the connection goes back to its pool.
struct Download {
    /// Dropped first, see `drop`.
    data: Option<TransferStream<TlsStream>>,
    lease: Option<Lease>,
    /// Whether the size tells when the file was cut short.
    sized: bool,
}

impl Download {
    fn finish(&mut self) -> io::Result<usize> {
        if let (Some(data), Some(mut lease)) = (self.data.take(), self.lease.take()) {
            lease.session().confirm(data)?;
            lease.give_back();
        }
        Ok(0)
    }
}

impl Read for Download {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(data) = &mut self.data else { return Ok(0) };
        match data.read(bytes) {
            Ok(0) if !bytes.is_empty() => self.finish(),
            // Many servers end TLS without saying so. Where the size is known, nobody can cut the file short by that.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.sized => self.finish(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::TimedOut.into()),
            read => read,
        }
    }
}

impl Drop for Download {
    /// What is dropped before its end would else wait for the server to confirm it.
    fn drop(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.session().hang_up();
        }
        self.data = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_ends_its_command() -> Result<(), crate::source::BadAddress> {
        for bad in ["", "a/", "a%0D%0ADELE%20b", "a%0Ab", "a%00b"] {
            let address = Address::parse(&format!("ftp://host/{bad}"))?;
            assert!(matches!(path(&address), Err(RemoteProblem::BadPath { .. })), "{bad}");
        }
        // Bytes that are no UTF-8 are sent as they are.
        assert_eq!(path(&Address::parse("ftp://host/d/%E9%20x")?).ok().as_deref(), Some("d/\u{e9} x"));
        Ok(())
    }

    #[test]
    fn the_scheme_and_the_port_say_how_it_is_secured() -> Result<(), crate::source::BadAddress> {
        for (url, expected) in [
            ("ftp://host/x", Security::Plain),
            ("ftp://host:990/x", Security::Plain),
            ("ftps://host/x", Security::Implicit),
            ("ftps://host:2121/x", Security::Implicit),
            ("ftps://host:21/x", Security::Explicit),
            ("ftpes://host/x", Security::Explicit),
            ("ftpes://host:2121/x", Security::Explicit),
        ] {
            assert_eq!(security(&Address::parse(url)?), expected, "{url}");
        }
        Ok(())
    }
}
