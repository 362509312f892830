//! A server for who writes a site: PyScript from this machine, the headers that give pages shared memory, and every
//! change shown at once. Must not know how requests are shown.
//!
//! The rooms, in the order a request meets them:
//!
//! - [`site`]: what a path names: a file of the folder, a file of PyScript's, a page; and never more
//! - [`page`]: a page as it is shown, with `js/live.js` in it
//! - [`answer`]: a request into a response
//! - [`body`]: the bytes of a response
//! - [`listing`]: folders without a page, and paths without a file
//! - [`live`]: who is told of changes
//! - [`changes`]: the files that change
//! - [`provision`]: the Python packages that its pages find, and what keeps them from it
//! - [`raised`]: the Python errors that pages tell of
//! - [`error`]: why a site cannot be served

mod answer;
mod body;
mod changes;
mod error;
mod listing;
mod live;
mod page;
mod provision;
mod raised;
mod site;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::events::Record;
use crate::runtime::Runtime;
use answer::{Answer, Asked};
use body::{Log, Payload};
use changes::Changes;
pub use error::ServeError;
use live::Live;
pub use provision::{Provision, Trouble};
use site::Site;

/// What of the URL space is the server's own.
const OWN: &str = "/@pyweb/";
/// So many connections are served at once; more wait until one ends.
const CONNECTIONS: usize = 1000;
/// How long a client may take for the head of a request, and be silent between two.
const HEAD: Duration = Duration::from_secs(30);
/// How long a client may take nothing of what is sent to it, in milliseconds.
const UNREAD_MS: u32 = 60_000;

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    site: Site,
    live: Arc<Live>,
}

/// By which a running server is told what happens outside of it.
#[derive(Clone, Debug)]
pub struct Handle {
    live: Arc<Live>,
    provision: Arc<Provision>,
}

impl Handle {
    /// Has pages load again in which these files are others.
    pub fn changed(&self, files: Vec<String>) {
        self.live.change(files);
    }

    /// The packages that pages find from now on.
    pub fn provision(&self) -> &Provision {
        &self.provision
    }
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
    /// Listens at `bind` and `port` for who wants the site in `root`.
    pub fn open(root: &Path, bind: IpAddr, port: u16, runtime: Runtime) -> Result<Server, ServeError> {
        let site = Site::open(root, runtime)?;
        let wanted = SocketAddr::new(bind, port);
        let failed = |cause: io::Error| match cause.kind() {
            io::ErrorKind::AddrInUse => ServeError::PortTaken { address: wanted },
            _ => ServeError::Listen { address: wanted, cause },
        };
        let listener = TcpListener::bind(wanted).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server { listener, address, site, live: Arc::new(Live::new()) })
    }

    /// The folder, as an absolute path without links.
    pub fn root(&self) -> &Path {
        self.site.root()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// By which it can be told of changes once it runs.
    pub fn handle(&self) -> Handle {
        Handle { live: Arc::clone(&self.live), provision: self.site.provision() }
    }

    /// From now on tells `records` of each change, as long as the answer lives.
    pub fn watch(&self, records: SyncSender<Record>) -> notify::Result<Changes> {
        Changes::watch(self.root(), records)
    }

    /// Answers requests until the switch is turned, and tells of each when it is done with it.
    pub fn run(self, switched: Switched, records: SyncSender<Record>) -> io::Result<()> {
        allow_open_files();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(16)
            .build()?;
        let loopback = self.address.ip().is_loopback();
        let ended = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let shared = Shared { site: self.site, live: self.live, loopback, records };
            tokio::spawn(accept(listener, Arc::new(shared)));
            tokio::net::UnixStream::from_std(switched.reader)?.readable().await
        });
        // Connections end here, wherever they are; a read that a disk holds up is not waited for.
        runtime.shutdown_background();
        ended
    }
}

/// What all connections share.
struct Shared {
    site: Site,
    live: Arc<Live>,
    /// Whether only this machine can reach the server.
    loopback: bool,
    records: SyncSender<Record>,
}

/// Each connection takes one, and each file that is sent.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // With the customary ones it works too, for as many connections as they allow.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    converse(stream, shared).await;
                    drop(place);
                });
            }
            // Too many open files, or a client that went away at once: what it is passes.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    // Without these options a connection is slower or holds its place longer; it works all the same.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_MS);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(respond(request, shared).await) }
    });
    // A connection that breaks concerns nobody but its client, who knows.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(mut request: Request<Incoming>, shared: Arc<Shared>) -> Response<Payload> {
    let asked = Asked::of(&request);
    let log = Log::begin(&asked, shared.records.clone());
    let report = if raised::is_report(&asked) { raised::read(request.body_mut()).await } else { None };
    // Pages are read and changed, folders listed: a slow disk is to hold up nobody else.
    let answering = tokio::task::spawn_blocking(move || answer::answer(&shared, &asked, report.as_deref()));
    answering.await.unwrap_or_else(|_| Answer::broken()).into_response(log)
}
