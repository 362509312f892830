//! npm packages, one folder for each `tests/node/<name>/`: pinned by version and digest in its package-lock.json.
//! npm takes them from the registry it is set up for; the lock names none.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;

/// Installs those that are missing or whose lock changed.
pub fn install_all() -> Result<()> {
    if !shell::on_path("npm") {
        shell::say("no npm: the tests that need its packages will say so");
        return Ok(());
    }
    let entries = std::fs::read_dir(shell::root().join("tests/node"))?;
    let mut folders: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    folders.iter().try_for_each(|folder| install(folder))
}

fn install(pinned: &Path) -> Result<()> {
    let name = pinned.file_name().context("a folder of pins has a name")?;
    let folder = shell::setup_dir().join("node").join(name);
    let name = name.to_string_lossy();
    // Written last, so that what a broken run left is not taken for the whole.
    let stamp = folder.join("made-from.json");
    let lock = std::fs::read_to_string(pinned.join("package-lock.json"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == lock) {
        shell::say(&format!("{name}: there"));
        return Ok(());
    }
    shell::say(&format!("{name}: installing"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(pinned.join(file), folder.join(file))?;
    }
    let mut npm = shell::command("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    shell::run(npm.current_dir(&folder))?;
    std::fs::write(stamp, lock)?;
    Ok(())
}
