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

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};

use common::fs::FileError;
use common::server::{self, Switched};
use hyper::Response;

use crate::error::Error;
use crate::events::RequestServed;
use answer::{Answer, Asked};
use body::{Log, Pace, Payload};
use folder::Folder;

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    folder: Folder,
    root: PathBuf,
    rate: Option<NonZeroU64>,
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
        let (folder, rate) = (Arc::new(self.folder), self.rate);
        server::run(self.listener, switched, move || {
            let (folder, served) = (Arc::clone(&folder), served.clone());
            let pace = rate.map(|rate| Arc::new(Mutex::new(Pace::new(rate))));
            move |request| {
                let log = Log::begin(&request, served.clone());
                respond(Asked::of(&request), Arc::clone(&folder), pace.clone(), log)
            }
        })
    }
}

async fn respond(
    asked: Asked,
    folder: Arc<Folder>,
    pace: Option<Arc<Mutex<Pace>>>,
    log: Log,
) -> Response<Payload> {
    let answer = if asked.may_take_long() {
        let asking = move || answer::answer(&folder, &asked);
        tokio::task::spawn_blocking(asking).await.unwrap_or_else(|_| Answer::broken())
    } else {
        answer::answer(&folder, &asked)
    };
    answer.into_response(pace, log)
}
