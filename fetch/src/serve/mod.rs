//! A small static server of one folder, for tests and for rooms without a network. Must not know how requests are
//! shown, nor of caches.
//!
//! One thread answers: what is in the page cache is sent without another one, what is not is read by a helper, so
//! that a slow disk holds up nobody else. Rooms: `folder` (what a path names, and never more), `answer` (a request into
//! a response), `listing` (folders), `body` (the bytes).

mod answer;
mod body;
mod folder;
mod listing;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroU64;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::fs::FileError;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::events::RequestServed;
use body::{Log, Pace};
use folder::Folder;

/// So many connections are served at once; more wait until one ends.
const CONNECTIONS: usize = 1000;
/// How long a client may take for the head of a request, and be silent between two.
const HEAD: Duration = Duration::from_secs(30);
/// How long a client may take nothing of what is sent to it, in milliseconds.
const UNREAD_MS: u32 = 60_000;
/// The longest head of a request in bytes.
const LONGEST_HEAD: usize = 64 * 1024;
/// The most headers of a request.
const MOST_HEADERS: usize = 100;

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    folder: Folder,
    root: PathBuf,
    rate: Option<NonZeroU64>,
}

/// Ends a running server.
#[derive(Debug)]
pub struct Switch {
    writer: UnixStream,
}

/// What a server looks at to know that it is to end.
#[derive(Debug)]
pub struct Switched {
    reader: UnixStream,
}

impl Switch {
    /// A switch that Ctrl-C and SIGTERM turn as well.
    pub fn on_signals() -> io::Result<(Switch, Switched)> {
        let (writer, reader) = UnixStream::pair()?;
        writer.set_nonblocking(true)?;
        reader.set_nonblocking(true)?;
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        Ok((Switch { writer }, Switched { reader }))
    }

    /// Ends the server.
    pub fn turn(&self) {
        // It fails when the server has ended already, or has been told to more often than it can be.
        let _ = io::Write::write(&mut &self.writer, &[0]);
    }
}

impl Server {
    /// Listens at `bind` and `port` for who wants the files below `root`; each connection gets at most `rate` bytes a
    /// second.
    pub fn open(root: &Path, bind: IpAddr, port: u16, rate: Option<NonZeroU64>) -> Result<Server, Error> {
        let folder = Folder::open(root).map_err(FileError::at("serve", root))?;
        let root = root.canonicalize().map_err(FileError::at("serve", root))?;
        let address = SocketAddr::new(bind, port);
        let listener = TcpListener::bind(address).map_err(|cause| Error::Listen { address, cause })?;
        listener.set_nonblocking(true).map_err(|cause| Error::Listen { address, cause })?;
        Ok(Server { listener, folder, root, rate })
    }

    /// The folder, as an absolute path without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until the switch is turned, and tells of each when it is done with it.
    pub fn run(self, switched: Switched, served: SyncSender<RequestServed>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(16)
            .build()?;
        let ended = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let site = Site { folder: self.folder, rate: self.rate, served };
            tokio::spawn(accept(listener, Arc::new(site)));
            tokio::net::UnixStream::from_std(switched.reader)?.readable().await
        });
        // Connections end here, wherever they are; a read that a disk holds up is not waited for.
        runtime.shutdown_background();
        ended
    }
}

/// What all connections share.
struct Site {
    folder: Folder,
    rate: Option<NonZeroU64>,
    served: SyncSender<RequestServed>,
}

async fn accept(listener: tokio::net::TcpListener, site: Arc<Site>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let site = Arc::clone(&site);
                tokio::spawn(async move {
                    converse(stream, site).await;
                    drop(place);
                });
            }
            // Too many open files, or a client that went away at once: what it is passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, site: Arc<Site>) {
    // Without these options a connection is slower or holds its place longer; it works all the same.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_MS);
    let pace = site.rate.map(|rate| Arc::new(Mutex::new(Pace::new(rate))));
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (site, pace) = (Arc::clone(&site), pace.clone());
        async move {
            let log = Log::begin(&request, site.served.clone());
            let asked = answer::Asked::of(&request);
            let answer = if asked.may_take_long() {
                let asking = move || answer::answer(&site.folder, &asked);
                tokio::task::spawn_blocking(asking).await.unwrap_or_else(|_| answer::Answer::broken())
            } else {
                answer::answer(&site.folder, &asked)
            };
            Ok::<_, Infallible>(answer.into_response(pace, log))
        }
    });
    // A connection that breaks concerns nobody but its client, who knows.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LONGEST_HEAD)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
