//! `testfan daemon`, and runs that have their zygote of it.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::sync::mpsc::Sender;

use common::app::Session;
use common::{Exit, Failure};

use crate::cli::DaemonCommands;
use crate::config::{RunConfig, seconds};
use crate::daemon::client;
use crate::daemon::request::Status;
use crate::error::Error;
use crate::events::Record;
use crate::protocol::Begin;
use crate::render::renderer;
use crate::source::{Event, Zygote, ZygoteOptions};

/// Does what is asked, and says what there is then.
pub(super) fn dispatch(command: DaemonCommands, session: &mut Session) -> Result<Exit, Failure> {
    let (status, running) = match command {
        DaemonCommands::Serve { path, idle } => {
            let idle = seconds("--idle", idle)?;
            let listener = io::stdin().as_fd().try_clone_to_owned().map(UnixListener::from);
            let served = listener.and_then(|listener| crate::daemon::serve(&listener, &path, idle));
            return served.map(|()| Exit::YES).map_err(|error| Error::Daemon(error).into());
        }
        DaemonCommands::Start { idle } => {
            let idle = idle.map_or(Ok(client::IDLE), |idle| seconds("--idle", idle))?;
            client::start(idle)?;
            (client::status()?, true)
        }
        DaemonCommands::Status => (client::status()?, true),
        DaemonCommands::Stop => (client::stop()?, false),
    };
    session.begin().map_err(anyhow::Error::from)?;
    let found = status.is_some();
    let record = reported(
        status.unwrap_or(Status { pid: 0, up_ms: 0, runs: 0, suites: Vec::new() }),
        found && running,
    );
    renderer(session, None).show(&record).map_err(anyhow::Error::from)?;
    Ok(if found { Exit::YES } else { Exit::NO })
}

fn reported(status: Status, running: bool) -> Record {
    let Status { pid, up_ms, runs, suites } = status;
    Record::Daemon { running, pid: Some(pid).filter(|pid| *pid > 0), up_ms, runs, suites }
}

/// The zygote of a run: of the daemon where that was asked for and it can be had, else one of its own.
pub(super) fn zygote(
    config: &RunConfig,
    begin: &Begin,
    events: &Sender<Event>,
    session: &Session,
) -> Result<Zygote, Error> {
    let options = |daemon| ZygoteOptions {
        python: config.python.clone(),
        begin: begin.clone(),
        daemon,
        collected: config.focus.is_none(),
    };
    if config.daemon {
        match Zygote::start(&options(true), events) {
            Ok(zygote) => return Ok(zygote),
            Err(error) => {
                let failure = Failure::from(error);
                session.warn(&format!("the run does without the daemon: {}", failure.chain()));
            }
        }
    }
    Zygote::start(&options(false), events)
}
