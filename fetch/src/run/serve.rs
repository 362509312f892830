//! Wires `fetch serve`. Must not know how a request is answered.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;

use common::fs::allow_open_files;
use common::server::Switch;
use common::{Exit, Failure, Session};

use super::lost_output;
use crate::cli::ServeArgs;
use crate::events::ServerStarted;
use crate::reduce::Traffic;
use crate::render::Screen;
use crate::serve::Server;

/// Serves until it is stopped.
pub fn run(args: &ServeArgs, session: &mut Session) -> Result<Exit, Failure> {
    let server = Server::open(&args.folder, args.bind, args.port, args.rate)?;
    let address = server.address().map_err(anyhow::Error::from)?;
    let (switch, switched) = Switch::on_signals().map_err(anyhow::Error::from)?;
    if !args.bind.is_loopback() {
        session.warn(&format!("whoever reaches {address} can read {}", server.root().display()));
    }
    allow_open_files();
    let mut screen = Screen::new(session);
    let root = server.root().to_string_lossy().into_owned();
    let started = ServerStarted { url: format!("http://{address}/"), port: address.port(), root };
    let mut shown = screen.server_started(started);
    let mut traffic = Traffic::default();
    // A reader of the log that falls behind holds up the server, not its memory.
    let (sender, requests) = mpsc::sync_channel(1024);
    let ran = thread::scope(|scope| {
        let running = scope.spawn(move || server.run(switched, sender));
        for request in requests {
            traffic.apply(&request);
            if shown.is_ok() {
                shown = screen.served(request);
            }
            if shown.is_err() || screen.reader_gone() {
                switch.turn();
            }
        }
        running.join().unwrap_or_else(|panic| resume_unwind(panic))
    });
    drop(screen);
    session.count("requests", traffic.requests);
    session.count("sent_bytes", traffic.bytes);
    ran.map_err(anyhow::Error::from)?;
    shown.map_err(lost_output)?;
    Ok(Exit::YES)
}
