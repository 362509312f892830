//! Finds the real components that tests run against, and says loudly when one is missing.

use std::fmt;
use std::path::{Path, PathBuf};

/// A component that this machine does not have. With `CI` set, making one panics: nothing is skipped there.
#[derive(Debug)]
pub struct Missing {
    what: String,
}

impl Missing {
    /// Says it on standard error and notes it for the list at the end of `cargo xtask test`.
    ///
    /// # Panics
    /// With `CI` set.
    pub fn new(what: &str, how: &str) -> Missing {
        let what = format!("MISSING: {what}; to get it: {how}");
        assert!(std::env::var_os("CI").is_none(), "{what}");
        let folder = setup_dir().join("missing");
        let name: String = what.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        // The message below is what counts; the note only repeats it.
        let _ = std::fs::create_dir_all(&folder);
        let _ = std::fs::write(folder.join(name), &what);
        #[expect(clippy::print_stderr, reason = "a test says what it did not do")]
        {
            eprintln!("{what}");
        }
        Missing { what }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Where `cargo xtask setup` puts what it makes.
pub fn setup_dir() -> PathBuf {
    std::env::var_os("SNAKEPIPE_SETUP").map_or_else(|| crate::root().join("target/setup"), PathBuf::from)
}

/// A file under `tests/`, such as `programs/recurse.py`.
pub fn data(path: &str) -> PathBuf {
    crate::root().join("tests").join(path)
}

/// The interpreter of one Python version such as `3.12`: on `PATH` as `python3.12`, else among pyenv's.
pub fn python(version: &str) -> Result<PathBuf, Missing> {
    let name = format!("python{version}");
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let pyenv = std::env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from);
    let in_pyenv = std::fs::read_dir(pyenv.join("versions")).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<PathBuf> = in_pyenv
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{version}.")))
        .map(|entry| entry.path().join("bin").join(&name))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.pop().or_else(|| on_path(&name)).ok_or_else(|| {
        Missing::new(
            &format!("Python {version}"),
            &format!("put {name} on PATH, or `pyenv install {version}`"),
        )
    })
}

/// A program on `PATH`, such as `chromium`; `package` is what installs it.
pub fn tool(name: &str, package: &str) -> Result<PathBuf, Missing> {
    on_path(name).ok_or_else(|| {
        Missing::new(name, &format!("`cargo xtask setup --system` (Debian package {package})"))
    })
}

/// The interpreter of a virtual environment that `cargo xtask setup` made from `tests/venvs/<name>.txt`.
pub fn venv(name: &str) -> Result<PathBuf, Missing> {
    let python = setup_dir().join("venvs").join(name).join("bin/python");
    if python.is_file() {
        return Ok(python);
    }
    Err(Missing::new(&format!("virtual environment {name}"), "`cargo xtask setup`"))
}

/// A file such as `azurite/main.js` of the npm packages that `cargo xtask setup` installed from `tests/node/<name>/`.
pub fn node_module(name: &str, file: &str) -> Result<PathBuf, Missing> {
    let path = setup_dir().join("node").join(name).join("node_modules").join(file);
    if path.is_file() && on_path("node").is_some() {
        return Ok(path);
    }
    Err(Missing::new(&format!("npm package {name}"), "Node.js with npm, then `cargo xtask setup`"))
}

/// pyenv's shims answer to every name, so they do not count.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path).filter(|folder| !is_shims(folder));
    folders.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
}

fn is_shims(folder: &Path) -> bool {
    folder.ends_with("shims")
}
