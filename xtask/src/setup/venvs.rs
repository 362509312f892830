//! Virtual environments, one for each `tests/venvs/<name>.txt`: requirements pinned by version and digest.
//! A first line `# python: 3.11` asks for that version; without it any `python3` will do.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell;

/// The interpreter of the environment called `name`.
pub fn venv(name: &str) -> PathBuf {
    shell::setup_dir().join("venvs").join(name).join("bin/python")
}

/// Makes those that are missing or whose requirements changed.
pub fn make_all() -> Result<()> {
    let folder = shell::root().join("tests/venvs");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "txt")) {
        make(file)?;
    }
    Ok(())
}

/// Makes one of them, where it is missing or its requirements changed.
pub fn make_named(name: &str) -> Result<()> {
    make(&shell::root().join("tests/venvs").join(format!("{name}.txt")))
}

fn make(requirements: &Path) -> Result<()> {
    let name = requirements.file_stem().context("a requirements file has a name")?.to_string_lossy();
    let text = std::fs::read_to_string(requirements)?;
    let python = interpreter(&text)?;
    let folder = shell::setup_dir().join("venvs").join(&*name);
    // The environment names its interpreter, so another interpreter makes it stale too.
    let stamp = folder.join("made-from.txt");
    let made_from = format!("{}\n{text}", python.display());
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == made_from) {
        shell::say(&format!("{name}: there"));
        return Ok(());
    }
    shell::say(&format!("{name}: installing with {}", python.display()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    shell::run(shell::command(&python).args(["-m", "venv"]).arg(&folder))?;
    let mut pip = shell::command(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]);
    shell::run(pip.arg(requirements))?;
    std::fs::write(stamp, made_from)?;
    Ok(())
}

/// The interpreter that the first line of `requirements` asks for.
pub fn interpreter(requirements: &str) -> Result<PathBuf> {
    let Some(version) = requirements.lines().next().and_then(|line| line.strip_prefix("# python: ")) else {
        return Ok("python3".into());
    };
    let version = version.trim();
    let name = format!("python{version}");
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let pyenv = std::env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from);
    let mut found: Vec<PathBuf> = std::fs::read_dir(pyenv.join("versions"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{version}.")))
        .map(|entry| entry.path().join("bin").join(&name))
        .collect();
    found.sort();
    if let Some(python) = found.pop() {
        return Ok(python);
    }
    // Without that version the nearest thing is the machine's own Python 3.
    [name.as_str(), "python3"]
        .into_iter()
        .find(|name| shell::on_path(name))
        .map(PathBuf::from)
        .map_or_else(|| bail!("no {name} and no python3 on PATH: install Python 3 with venv"), Ok)
}
