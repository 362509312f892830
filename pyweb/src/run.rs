//! From a command to the rooms that do it. Must not know how they do it.

use common::{Exit, Failure, Session, app};

use crate::cli::{Cli, Command};
use crate::config::Config;

/// Runs one command line.
pub fn run(cli: Cli, session: &mut Session) -> Result<Exit, Failure> {
    let _config = Config::new(&cli)?;
    match cli.command {
        Command::Completions { shell } => {
            app::completions::<Cli>(&crate::TOOL, shell, session);
            Ok(Exit::YES)
        }
    }
}
