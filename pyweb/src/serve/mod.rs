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

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use common::fs::allow_open_files;
use common::server::{self, Switched};
use hyper::body::Incoming;
use hyper::{Request, Response};

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
        let loopback = self.address.ip().is_loopback();
        let shared = Arc::new(Shared { site: self.site, live: self.live, loopback, records });
        server::run(self.listener, switched, move || {
            let shared = Arc::clone(&shared);
            move |request| respond(request, Arc::clone(&shared))
        })
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

async fn respond(mut request: Request<Incoming>, shared: Arc<Shared>) -> Response<Payload> {
    let asked = Asked::of(&request);
    let log = Log::begin(&asked, shared.records.clone());
    let report = if raised::is_report(&asked) { raised::read(request.body_mut()).await } else { None };
    // Pages are read and changed, folders listed: a slow disk is to hold up nobody else.
    let answering = tokio::task::spawn_blocking(move || answer::answer(&shared, &asked, report.as_deref()));
    answering.await.unwrap_or_else(|_| Answer::broken()).into_response(log)
}
