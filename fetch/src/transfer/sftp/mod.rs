//! SFTP by russh, on a thread that waits for all its connections. Must not know caches, digests or retries.
//!
//! A path is absolute; `sftp://host/~/x` begins at the folder that the login leads to, as with curl.

mod config;
mod known_hosts;
mod login;
mod session;
mod stream;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use russh_sftp::client::fs::{File, Metadata};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::remote::{self, Login, Plan, RemoteProblem};
use super::{Answer, Ask, Body, Validators};
use crate::error::Problem;
use crate::source::{Address, Login as SourceLogin};
use session::{Session, Trouble};
use stream::Stream;

/// One client for all threads, with one connection for each login, over which all its files come side by side.
#[derive(Default)]
pub struct Client {
    runtime: OnceLock<Result<Runtime, Problem>>,
    slots: Mutex<HashMap<Login, Arc<Mutex<Slot>>>>,
}

/// The connection of one login. Whoever makes it holds the lock, so that the others wait for it.
#[derive(Default)]
struct Slot {
    session: Option<Arc<Session>>,
    /// When it last could not be made, and why.
    failed: Option<(Instant, String)>,
}

/// The thread that waits for the network; it ends with this.
#[derive(Debug)]
struct Runtime {
    handle: Handle,
    _end: oneshot::Sender<()>,
}

impl Client {
    /// Asks for `address`.
    pub fn open(
        &self,
        address: &Address,
        ask: Ask<'_>,
        login: Option<SourceLogin>,
    ) -> Result<Answer, Problem> {
        let (login, path) = (Login::of(address, login), path(address)?);
        let runtime = match self.runtime.get_or_init(Runtime::start) {
            Ok(runtime) => &runtime.handle,
            Err(problem) => return Err(Problem::Connection(problem.to_string())),
        };
        let slot = Arc::clone(lock(&self.slots).entry(login.clone()).or_default());
        loop {
            let (session, reused) = session(runtime, &slot, &login)?;
            match runtime.block_on(find(&session, &path, ask)) {
                Ok(found) => return Ok(answer(runtime, &session, found)),
                // Servers close what they heard nothing from for a while; that says nothing about the file.
                Err(Trouble::Lost(_)) if reused => {
                    lock(&slot).session.take_if(|known| Arc::ptr_eq(known, &session));
                }
                Err(trouble) => return Err(trouble.about_file(&login)),
            }
        }
    }
}

impl Runtime {
    fn start() -> Result<Runtime, Problem> {
        let failed = |error| Problem::Connection(format!("failed to start the thread for SFTP: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let wait = move || {
            // An error says that the sender is gone, which is the end as well.
            let _ = runtime.block_on(ended);
        };
        std::thread::Builder::new().name("sftp".to_owned()).spawn(wait).map_err(failed)?;
        Ok(Runtime { handle, _end: end })
    }
}

/// The connection for a login, and whether it was there before.
fn session(runtime: &Handle, slot: &Mutex<Slot>, login: &Login) -> Result<(Arc<Session>, bool), Problem> {
    let began = Instant::now();
    let mut slot = lock(slot);
    if let Some(session) = slot.session.as_ref().filter(|session| session.is_open()) {
        return Ok((Arc::clone(session), true));
    }
    // A host that cannot be reached takes long to say so: once for all who waited.
    if let Some((_, why)) = slot.failed.as_ref().filter(|(when, _)| *when > began) {
        return Err(Problem::Connection(why.clone()));
    }
    let made = runtime.block_on(Session::connect(login));
    if let Err(Problem::Connection(why)) = &made {
        slot.failed = Some((Instant::now(), why.clone()));
    }
    let session = Arc::new(made?);
    slot.session = Some(Arc::clone(&session));
    Ok((session, false))
}

/// The path as the server is asked for it.
fn path(address: &Address) -> Result<String, RemoteProblem> {
    let why = |why| RemoteProblem::BadPath { why };
    let path = String::from_utf8(address.path_bytes()).map_err(|_| why("is not UTF-8, as SFTP has it"))?;
    if path.is_empty() || path.ends_with('/') {
        return Err(why("names a folder"));
    }
    if path.contains('\0') {
        return Err(why("has a null in it"));
    }
    Ok(match path.strip_prefix("~/") {
        Some(below_home) => below_home.to_owned(),
        None => format!("/{path}"),
    })
}

/// A file that a server has, open.
struct Found {
    file: File,
    /// Where to begin.
    from: u64,
    size: Option<u64>,
    version: Validators,
}

/// Looks for a file; nothing when it is the version that was asked about.
async fn find(session: &Session, path: &str, ask: Ask<'_>) -> Result<Option<Found>, Trouble> {
    let metadata = session.sftp.metadata(path);
    let (metadata, file) = if let Ask::Unless(_) = ask {
        (metadata.await?, None)
    } else {
        // Together, which saves the time of one answer. The stream compares again at its end.
        let (metadata, file) = tokio::join!(metadata, session.sftp.open(path));
        (metadata?, Some(file?))
    };
    if metadata.permissions.is_some() && !metadata.is_regular() {
        return Err(Trouble::NotAFile);
    }
    let version = version(&metadata);
    let Plan::From(from) = Plan::new(ask, &version) else { return Ok(None) };
    let file = match file {
        Some(file) => file,
        None => session.sftp.open(path).await?,
    };
    Ok(Some(Found { file, from, size: metadata.size, version }))
}

fn answer(runtime: &Handle, session: &Arc<Session>, found: Option<Found>) -> Answer {
    let Some(Found { file, from, size, version }) = found else { return Answer::NotModified };
    let bytes = Box::new(Stream::start(runtime, Arc::clone(session), file, from, size, version.clone()));
    Answer::Body(Body::new(bytes, from, size, version))
}

fn version(metadata: &Metadata) -> Validators {
    remote::validators(metadata.mtime, metadata.size)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_or_below_the_home() -> Result<(), crate::source::BadAddress> {
        for (url, expected) in [
            ("sftp://host/srv/a%20b", Some("/srv/a b")),
            ("sftp://host/~/data/x", Some("data/x")),
            ("sftp://host/", None),
            ("sftp://host/srv/", None),
            ("sftp://host/%FF", None),
            ("sftp://host/a%00b", None),
        ] {
            assert_eq!(path(&Address::parse(url)?).ok().as_deref(), expected, "{url}");
        }
        Ok(())
    }
}
