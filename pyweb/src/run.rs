//! From a command to the rooms that do it. Must not know how they do it.

mod deserted;
mod packages;
mod pages;
mod serve;
mod signals;

use common::{Exit, Failure, Session, app};

use crate::bundle;
use crate::cli::{Cli, Command, RuntimeCommand};
use crate::config::{self, BundleConfig, Config, NewConfig};
use crate::error::RuntimeError;
use crate::events::Record;
use crate::new;
use crate::render;
use crate::runtime::{self, Source};

/// Runs one command line.
pub fn run(cli: Cli, session: &mut Session) -> Result<Exit, Failure> {
    let config = Config::new(&cli)?;
    match cli.command {
        Command::New(args) => {
            let project = NewConfig::new(&args)?;
            begin(session)?;
            let record = new::create(&project)?;
            render::show(session, &record).map_err(RuntimeError::Output)?;
            Ok(Exit::YES)
        }
        Command::Serve(args) => serve::serve(args, &config, session),
        Command::Bundle(args) => {
            let bundle = BundleConfig::new(args)?;
            begin(session)?;
            let shown = &*session;
            bundle::write(shown, &config, &bundle, &mut |record| Ok(render::show(shown, &record)?))?;
            Ok(Exit::YES)
        }
        Command::Render(args) => pages::render(args, &config, session),
        Command::Lock(args) => packages::lock(args, &config, session),
        Command::Test(args) => pages::test(args, &config, session),
        Command::PageProcess(args) => pages::host(args, &config, session),
        Command::Runtime(command) => run_runtime(command, &config, session),
        Command::Completions { shell } => {
            app::completions::<Cli>(&crate::TOOL, shell, session);
            Ok(Exit::YES)
        }
    }
}

fn run_runtime(command: RuntimeCommand, config: &Config, session: &mut Session) -> Result<Exit, Failure> {
    match command {
        RuntimeCommand::Path => {
            render::path(session, &runtime::folder(config)?).map_err(RuntimeError::Output)?;
            Ok(Exit::YES)
        }
        RuntimeCommand::List => {
            begin(session)?;
            render::packages(session, &runtime::list(config)?).map_err(RuntimeError::Output)?;
            Ok(Exit::YES)
        }
        RuntimeCommand::Get { from } => {
            begin(session)?;
            let source = match from {
                Some(folder) => Source::Folder(config::folder("--from", folder)?),
                None => Source::Network,
            };
            let mut installed = 0;
            runtime::get(session, config, &source, &mut |record| {
                installed += 1;
                Ok(render::show(session, &record)?)
            })?;
            session.count("packages", installed);
            Ok(Exit::YES)
        }
        RuntimeCommand::Verify => {
            begin(session)?;
            let verified = runtime::verify(config)?;
            render::packages(session, &verified).map_err(RuntimeError::Output)?;
            let sound = |record: &Record| matches!(record, Record::PackageVerified { damaged, .. } if damaged.is_empty());
            Ok(if verified.iter().all(sound) { Exit::YES } else { Exit::NO })
        }
    }
}

fn begin(session: &mut Session) -> Result<(), Failure> {
    Ok(session.begin().map_err(RuntimeError::Output)?)
}
