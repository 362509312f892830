//! `pyweb serve`: the server, what it tells, and its end. Must not know how a request is answered.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use common::record::RecordPath;
use common::server::Switch;
use common::{Exit, Explain, Failure, Session};

use crate::cli::ServeArgs;
use crate::config::{self, Config};
use crate::events::Record;
use crate::packages::wanted::What;
use crate::packages::{LOCK, PackagesError, Sources};
use crate::render;
use crate::run::packages;
use crate::runtime::Runtime;
use crate::serve::{Handle, ServeError, Server, Trouble};

/// The packages that the site's pages ask for, got at the start and again when they ask for others.
struct Provider {
    runtime: Runtime,
    root: PathBuf,
    sources: Sources,
    handle: Handle,
    /// What they were for when they were last got.
    last: Option<Vec<What>>,
}

impl Provider {
    /// Files of the site are others; its pages load again when all that they may ask for now is there.
    fn changed(&mut self, files: &[String], session: &Session) {
        // A wheel of the site, or its lock, may be another under the same name.
        let renewed = files.iter().any(|file| has_extension(file, &["whl"]) || file == LOCK);
        if renewed || files.iter().any(|file| has_extension(file, &["htm", "html", "json", "toml"])) {
            self.provide(renewed, session);
        }
        self.handle.changed(files.to_vec());
    }

    /// Provides what is asked for now, unless that is what it was before and not `renewed`.
    fn provide(&mut self, renewed: bool, session: &Session) {
        let provided = match packages::wanted(&self.root, None) {
            // The page that cannot be read says so itself.
            Ok(None) => return,
            Ok(Some(wanted)) => {
                let what = wanted.iter().map(|wanted| wanted.what.clone()).collect();
                if !renewed && self.last.as_ref() == Some(&what) {
                    return;
                }
                self.last = Some(what);
                packages::provided(session, &self.runtime, &self.root, &self.sources, &wanted)
            }
            Err(error) => {
                self.last = None;
                Err(error)
            }
        };
        let trouble = |error: PackagesError| {
            session.warn(&format!("pages are served without their packages: {error}"));
            Trouble { message: error.to_string(), hint: error.hint() }
        };
        self.handle.provision().set(provided.map_err(trouble));
    }
}

fn has_extension(file: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(file).extension().unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Serves until it is stopped.
pub fn serve(args: ServeArgs, config: &Config, session: &mut Session) -> Result<Exit, Failure> {
    let root = config::folder("the site", args.dir)?;
    let sources = config::sources(args.packages)?;
    let runtime = Runtime::ensure(session, config)?;
    let server = Server::open(&root, args.bind, args.port, runtime.clone())?;
    let address = server.address();
    let mut provider = Provider { runtime, root, sources, handle: server.handle(), last: None };
    let (switch, switched) = Switch::on_signals().map_err(ServeError::Broken)?;
    session.begin().map_err(ServeError::Output)?;
    provider.provide(false, session);
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
            match &record {
                Record::RequestServed { .. } => requests += 1,
                Record::SiteChanged { files } => {
                    reloads += 1;
                    provider.changed(files, session);
                }
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
