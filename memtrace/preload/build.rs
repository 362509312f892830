//! Binds what this library calls of itself to itself: loaded late, it is not the first to be asked for `malloc`.

use std::io::{Result, Write, stdout};

fn main() -> Result<()> {
    writeln!(stdout(), "cargo::rerun-if-changed=build.rs")?;
    writeln!(stdout(), "cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic-functions")
}
