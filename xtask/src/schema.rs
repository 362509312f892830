//! Keeps `common/schemas/` equal to the record types: each tool prints its own, this writes or compares.

use anyhow::{Result, bail};

use crate::shell;

/// The tools that write records.
pub const TOOLS: [&str; 4] = ["fetch", "memtrace", "testfan", "pyweb"];

/// Writes every schema, or with `check` fails when a committed one is stale.
pub fn run(check: bool) -> Result<()> {
    shell::build()?;
    let mut stale = Vec::new();
    for tool in TOOLS {
        let path = shell::root().join(format!("common/schemas/{tool}.v1.json"));
        let fresh = shell::output(shell::command(shell::binary(tool)).arg("__schema"))?;
        if std::fs::read_to_string(&path).unwrap_or_default() == fresh {
            continue;
        }
        if check {
            stale.push(tool);
        } else {
            std::fs::write(&path, fresh)?;
            shell::say(&format!("wrote common/schemas/{tool}.v1.json"));
        }
    }
    if !stale.is_empty() {
        bail!("stale schemas: {}; run `cargo xtask schema` and commit the result", stale.join(", "));
    }
    Ok(())
}
