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

/// Which of the pinned suites a command needs.
pub enum Needed<'n> {
    /// Every one.
    All,
    /// These.
    Named(&'n [&'n str]),
}

impl Needed<'_> {
    fn has(&self, suite: &Suite) -> bool {
        match self {
            Needed::All => true,
            Needed::Named(names) => names.contains(&suite.name.as_str()),
        }
    }
}

/// Sets up these suites, and nothing else.
pub fn suites_only(needed: &Needed) -> Result<()> {
    shell::build()?;
    suites().map(|all| all.into_iter().filter(|suite| needed.has(suite)))?.try_for_each(|suite| {
        venvs::make_named(&suite.venv)?;
        suites::fetch(&suite)
    })
}

/// Sets everything up, but of the suites only these; with `system`, Debian packages first.
pub fn run(system: bool, needed: &Needed) -> Result<()> {
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
    suites()?.iter().filter(|suite| needed.has(suite)).try_for_each(suites::fetch)?;
    shell::heading("runtime files of pages");
    shell::run(shell::command(shell::binary("pyweb")).args(["runtime", "get", "--format", "human"]))
}
