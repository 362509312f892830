//! Makes what tests, demo and benches need and does nothing when it is there: Debian packages, virtual
//! environments, npm packages, test suites from source distributions, the runtime files of pages.
//! Package clients are used as configured on the machine; nothing here knows a registry.

mod node;
mod suites;
mod system;
mod venvs;

use anyhow::Result;

use crate::shell;

pub use suites::{Suite, suites};
pub use venvs::{interpreter, venv};

/// Sets up what real suites need.
pub fn suites_only() -> Result<()> {
    shell::build()?;
    venvs::make_all()?;
    suites::fetch_all()
}

/// Sets everything up; with `system`, Debian packages first.
pub fn run(system: bool) -> Result<()> {
    if system {
        shell::heading("Debian packages");
        system::install()?;
    }
    shell::heading("build");
    shell::build()?;
    shell::heading("virtual environments");
    venvs::make_all()?;
    shell::heading("npm packages");
    node::install_all()?;
    shell::heading("test suites");
    suites::fetch_all()?;
    shell::heading("runtime files of pages");
    shell::run(shell::command(shell::binary("pyweb")).args(["runtime", "get", "--format", "human"]))
}
