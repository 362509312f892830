//! Real pytest suites from source distributions, as `tests/suites.toml` pins them: pip says where one
//! lies, `fetch` gets it by its digest, tar unpacks it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::setup::venvs::venv;
use crate::shell;

/// One pinned suite.
#[derive(Clone, Deserialize)]
pub struct Suite {
    /// The suite's name, and the name of its folder under `target/setup/suites/`.
    #[serde(skip)]
    pub name: String,
    /// The package whose source distribution holds it.
    package: String,
    /// Its version.
    pub version: String,
    /// The source distribution's digest in hex.
    pub sha256: String,
    /// The virtual environment that has what the tests import.
    pub venv: String,
    /// The folder of the tests within the distribution.
    pub tests: String,
    /// What else pytest is told, such as what to leave out.
    #[serde(default)]
    pub args: Vec<String>,
}

impl Suite {
    /// The unpacked source distribution.
    pub fn folder(&self) -> PathBuf {
        shell::setup_dir().join("suites").join(&self.name)
    }
}

/// The pinned suites.
pub fn suites() -> Result<Vec<Suite>> {
    let text = std::fs::read_to_string(shell::root().join("tests/suites.toml"))?;
    let pinned: BTreeMap<String, Suite> =
        toml::from_str(&text).context("failed to read tests/suites.toml")?;
    Ok(pinned.into_iter().map(|(name, suite)| Suite { name, ..suite }).collect())
}

/// Gets and unpacks a suite that is missing or pinned anew.
pub fn fetch(suite: &Suite) -> Result<()> {
    let stamp = suite.folder().join(".unpacked-from");
    if std::fs::read_to_string(&stamp).is_ok_and(|digest| digest == suite.sha256) {
        shell::say(&format!("{} {}: there", suite.name, suite.version));
        return Ok(());
    }
    shell::say(&format!("{} {}: fetching", suite.name, suite.version));
    let archive = archive(suite)?;
    if suite.folder().exists() {
        std::fs::remove_dir_all(suite.folder())?;
    }
    std::fs::create_dir_all(suite.folder())?;
    let mut tar = shell::command("tar");
    tar.args(["--extract", "--strip-components=1", "--no-same-owner", "--file"]).arg(&archive);
    shell::run(tar.arg("--directory").arg(suite.folder()))?;
    Ok(std::fs::write(stamp, &suite.sha256)?)
}

/// `pip … --report - | fetch get -`; the digest is held against our own lock, not the registry's word.
fn archive(suite: &Suite) -> Result<PathBuf> {
    let mut pip = shell::command(venv(&suite.venv));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run", "--no-deps"]);
    pip.args(["--ignore-installed", "--no-binary", ":all:", "--report", "-"]);
    let report = shell::output(pip.arg(format!("{}=={}", suite.package, suite.version)))?;
    let cache = shell::setup_dir().join("downloads");
    let mut get = shell::command(shell::binary("fetch"));
    get.args(["get", "--format", "jsonl", "--cache"]).arg(&cache).arg("-");
    let records = shell::pipe(&report, &mut get)?;
    for line in records.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        if record["type"] == "fetch.file.finished" {
            let path = PathBuf::from(record["path"].as_str().context("a finished file has a path")?);
            if record["digest"] != format!("sha256:{}", suite.sha256) {
                bail!(
                    "{} {} has {}, pinned is {}",
                    suite.name,
                    suite.version,
                    record["digest"],
                    suite.sha256
                );
            }
            return Ok(path);
        }
    }
    bail!("fetch brought no file for {} {}", suite.name, suite.version)
}
