//! Asks npm where a package's archive is, so that the registry is the one this machine is configured for.
//! Must not download anything.

use std::process::Command;

use serde::Deserialize;

use super::fetcher::Request;
use super::pins::Package;
use crate::error::RuntimeError;

/// What `npm view NAME@VERSION dist --json` prints, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Dist {
    tarball: String,
    integrity: String,
}

/// What npm prints instead when it fails.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: RefusalText,
}

/// The part of it for people.
#[derive(Debug, Deserialize)]
struct RefusalText {
    summary: String,
}

/// The request for each package's archive, once npm's digest of it is the pinned one.
pub fn tarballs(packages: &[&Package]) -> Result<Vec<Request>, RuntimeError> {
    // npm takes most of a second to start; they do not need each other.
    std::thread::scope(|scope| {
        let asked: Vec<_> = packages.iter().map(|package| scope.spawn(move || tarball(package))).collect();
        asked
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// The name of the archive as `npm pack` gives it: `pyscript-core-0.7.31.tgz`.
pub fn archive_name(package: &Package) -> String {
    format!("{}.tgz", package.folder())
}

fn tarball(package: &Package) -> Result<Request, RuntimeError> {
    let wanted = format!("{}@{}", package.name, package.version);
    let failed = |reason: String| RuntimeError::Npm { package: wanted.clone(), reason };
    let output = Command::new("npm")
        .args(["view", &wanted, "dist", "--json", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"])
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let said: Option<Refusal> = serde_json::from_slice(&output.stdout).ok();
        return Err(failed(said.map_or_else(|| output.status.to_string(), |said| said.error.summary)));
    }
    let dist: Dist = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    if dist.integrity != package.integrity {
        return Err(RuntimeError::WrongArchive {
            package: package.folder(),
            from: "npm's registry".into(),
            expected: package.integrity.clone(),
            got: dist.integrity,
        });
    }
    Ok(Request::new(&dist.tarball, &archive_name(package), Some(&dist.integrity)))
}
