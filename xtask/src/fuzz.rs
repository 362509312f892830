//! `cargo xtask fuzz`: the tools' fuzz targets by cargo-fuzz, with the versions of the workspace's own lock file.

use anyhow::{Context, Result, bail};

use crate::shell;

/// Fuzzes each target for so many seconds, all of them when none is named; stops at the first finding.
pub fn run(targets: &[String], seconds: u32) -> Result<()> {
    let all = all_targets()?;
    let names = || all.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>();
    if let Some(unknown) = targets.iter().find(|target| !names().contains(&target.as_str())) {
        bail!("there is no target {unknown}; there are {}", names().join(", "));
    }
    if !shell::on_path("cargo-fuzz") {
        shell::heading("cargo-fuzz");
        shell::run(shell::cargo().args(["install", "--locked", "cargo-fuzz"]))?;
    }
    let folder = shell::target().join("fuzz");
    for (tool, target) in all.iter().filter(|(_, name)| targets.is_empty() || targets.contains(name)) {
        let crate_dir = shell::root().join(tool).join("fuzz");
        std::fs::copy(shell::root().join("Cargo.lock"), crate_dir.join("Cargo.lock"))
            .context("failed to copy the lock file")?;
        shell::heading(&format!("{target}, {seconds} s"));
        let corpus = folder.join("corpus").join(target);
        let findings = folder.join("findings").join(target);
        for needed in [&corpus, &findings] {
            std::fs::create_dir_all(needed).context("failed to make a folder for the fuzzer")?;
        }
        let mut fuzz = shell::cargo();
        // What libFuzzer needs of the compiler is there in a stable one too, but kept for nightly.
        fuzz.env("RUSTC_BOOTSTRAP", "1").current_dir(shell::root().join(tool));
        fuzz.args(["fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none", "--target-dir"]).arg(&folder);
        fuzz.arg(target).arg(&corpus).arg(crate_dir.join("seeds").join(target)).arg("--");
        fuzz.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
        fuzz.arg(format!("-artifact_prefix={}/", findings.display()));
        shell::run(&mut fuzz)?;
    }
    Ok(())
}

/// The tools that have any.
const TOOLS: [&str; 2] = ["fetch", "memtrace"];

/// The targets, one file each, and whose they are.
fn all_targets() -> Result<Vec<(&'static str, String)>> {
    let mut all = Vec::new();
    for tool in TOOLS {
        let folder = shell::root().join(tool).join("fuzz/targets");
        let entries = std::fs::read_dir(folder).context("failed to read the fuzz targets")?;
        let names = entries.flatten().map(|entry| entry.path().with_extension(""));
        all.extend(names.filter_map(|path| Some((tool, path.file_name()?.to_str()?.to_owned()))));
    }
    all.sort();
    Ok(all)
}
