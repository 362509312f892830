//! The kit that every test uses: run a real binary, read and validate its records, give it a terminal,
//! be a server's client, find the real components. Must not know what any tool does.

mod components;
mod process;
mod records;
mod serving;
mod terminal;

pub use components::{Missing, data, node_module, python, setup_dir, tool, venv};
pub use process::{Ran, run, run_within};
pub use records::{of_type, records, validate};
pub use serving::{Serving, curl, head};
pub use terminal::{Screen, in_terminal, typing_in_terminal};

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// One of the workspace's binaries, as built beside the running test.
///
/// # Panics
/// When it was not built; `cargo xtask test` and `cargo build --workspace` build it.
#[expect(clippy::panic, reason = "a test cannot go on without it")]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let found = test.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built: run `cargo build --workspace`"))
}
