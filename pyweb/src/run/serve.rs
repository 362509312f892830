//! `pyweb serve`: the server, what it tells, and its end. Must not know how a request is answered.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use common::record::RecordPath;
use common::server::Switch;
use common::{Exit, Failure, Session};

use crate::cli::{PackageArgs, ServeArgs};
use crate::config::{self, Config};
use crate::events::Record;
use crate::render;
use crate::run::packages;
use crate::runtime::Runtime;
use crate::serve::{ServeError, Server};

/// With the packages that the site's pages ask for now. Where they cannot be had, pages say so that want them.
fn with_packages(runtime: Runtime, root: &Path, args: PackageArgs, session: &Session) -> Runtime {
    match packages::folder(session, &runtime, root, None, args) {
        Ok(folder) => runtime.with_python_packages(folder),
        Err(failure) => {
            session.warn(&format!("pages are served without their packages: {failure}"));
            runtime
        }
    }
}

/// Serves until it is stopped.
pub fn serve(args: ServeArgs, config: &Config, session: &mut Session) -> Result<Exit, Failure> {
    let root = config::folder("the site", args.dir)?;
    let runtime = Runtime::ensure(session, config)?;
    let runtime = with_packages(runtime, &root, args.packages, session);
    let server = Server::open(&root, args.bind, args.port, runtime)?;
    let address = server.address();
    let (switch, switched) = Switch::on_signals().map_err(ServeError::Broken)?;
    session.begin().map_err(ServeError::Output)?;
    if !args.bind.is_loopback() {
        session.warn(&format!("whoever reaches {address} can read {}", server.root().display()));
    }
    // A reader of the records that falls behind holds up the server, not its memory.
    let (sender, records) = mpsc::sync_channel(1024);
    let changes = server.watch(sender.clone());
    if let Err(error) = &changes {
        session.warn(&format!("pages will not reload by themselves: {error}; check sysctl fs.inotify"));
    }
    let path = RecordPath::from(server.root());
    let started = Record::ServerStarted { url: format!("http://{address}/"), port: address.port(), path };
    let mut shown = render::serve::served(session, &started);
    let (mut requests, mut reloads) = (0, 0);
    let ran = thread::scope(|scope| {
        let running = scope.spawn(move || {
            let ran = server.run(switched, sender);
            // Nothing more is told, so that the loop below ends.
            drop(changes);
            ran
        });
        for record in records {
            match record {
                Record::RequestServed { .. } => requests += 1,
                Record::SiteChanged { .. } => reloads += 1,
                _ => {}
            }
            if shown.is_ok() {
                shown = render::serve::served(session, &record);
            }
            if shown.is_err() || session.output().reader_gone() {
                switch.turn();
            }
        }
        running.join().unwrap_or_else(|panic| resume_unwind(panic))
    });
    session.count("requests", requests);
    session.count("changes", reloads);
    ran.map_err(ServeError::Broken)?;
    shown.map_err(ServeError::Output)?;
    Ok(Exit::YES)
}
