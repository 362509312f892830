//! `cargo xtask fuzz`: fetch's fuzz targets by cargo-fuzz, with the versions of the workspace's own lock file.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Fuzzes each target for so many seconds, all of them when none is named; stops at the first finding.
pub fn run(targets: Vec<String>, seconds: u32) -> Result<()> {
    let crate_dir = shell::root().join("fetch/fuzz");
    let all = all_targets(&crate_dir)?;
    if let Some(unknown) = targets.iter().find(|target| !all.contains(target)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    if !shell::on_path("cargo-fuzz") {
        shell::heading("cargo-fuzz");
        shell::run(shell::cargo().args(["install", "--locked", "cargo-fuzz"]))?;
    }
    std::fs::copy(shell::root().join("Cargo.lock"), crate_dir.join("Cargo.lock"))
        .context("failed to copy the lock file")?;
    let folder = shell::target().join("fuzz");
    for target in if targets.is_empty() { all } else { targets } {
        shell::heading(&format!("{target}, {seconds} s"));
        let corpus = folder.join("corpus").join(&target);
        let findings = folder.join("findings").join(&target);
        for needed in [&corpus, &findings] {
            std::fs::create_dir_all(needed).context("failed to make a folder for the fuzzer")?;
        }
        let mut fuzz = shell::cargo();
        // What libFuzzer needs of the compiler is there in a stable one too, but kept for nightly.
        fuzz.env("RUSTC_BOOTSTRAP", "1").current_dir(shell::root().join("fetch"));
        fuzz.args(["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none", "--target-dir"]).arg(&folder);
        fuzz.arg(&target).arg(&corpus).arg(crate_dir.join("seeds").join(&target)).arg("--");
        fuzz.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
        fuzz.arg(format!("-artifact_prefix={}/", findings.display()));
        shell::run(&mut fuzz)?;
    }
    Ok(())
}

/// The targets: one file each.
fn all_targets(crate_dir: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(crate_dir.join("targets")).context("failed to read the fuzz targets")?;
    let names = entries.flatten().map(|entry| entry.path().with_extension(""));
    let mut names: Vec<String> =
        names.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}
