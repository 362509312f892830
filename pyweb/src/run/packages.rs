//! `pyweb lock`, and the Python packages that pages under test find beside Pyodide. Must not know how packages are
//! resolved.

use std::path::{Path, PathBuf};

use common::record::RecordPath;
use common::{Exit, Failure, Session};

use crate::bundle;
use crate::cli::{LockArgs, PackageArgs};
use crate::config::{self, Config};
use crate::error::BundleError;
use crate::events::Record;
use crate::packages::wanted::Wanted;
use crate::packages::{self, Desk, PackagesError, Sources};
use crate::render;
use crate::runtime::Runtime;

/// PyScript's core installs packages with it, unless a bundle has them beside Pyodide.
const INSTALLER: &str = "micropip";

/// `pyweb lock`: 0, also when no page asks for packages.
pub fn lock(args: LockArgs, config: &Config, session: &mut Session) -> Result<Exit, Failure> {
    let site = config::folder("the site", args.dir)?;
    let sources = config::sources(args.packages)?;
    session.begin().map_err(BundleError::Output)?;
    let mut wanted = bundle::wanted_packages(&site, None)?;
    if wanted.is_empty() {
        session.note("no page of the site asks for packages; nothing was written");
        session.count("packages", 0);
        return Ok(Exit::YES);
    }
    wanted.extend(installer(&wanted)?);
    let runtime = Runtime::ensure(session, config)?;
    let lock = Desk::new(session, &runtime, &site, &sources)?.lock(&wanted).map_err(BundleError::Python)?;
    let path = site.join(packages::LOCK);
    common::fs::write_atomic(&path, lock.to_text().as_bytes()).map_err(BundleError::File)?;
    for (name, package) in &lock.packages {
        let record = Record::WheelLocked {
            name: name.clone(),
            version: package.version.clone(),
            file: package.file_name.clone(),
            sha256: package.sha256.clone(),
            depends: package.depends.clone(),
        };
        render::show(session, &record).map_err(BundleError::Output)?;
    }
    let (packages, path) = (lock.packages.len() as u64, RecordPath::from(path.as_path()));
    session.count("packages", packages);
    render::show(session, &Record::LockWritten { packages, path }).map_err(BundleError::Output)?;
    Ok(Exit::YES)
}

/// The folder of the Python packages of a site, or of one page of it; nothing when none is asked for.
///
/// What is wrong with a page beside its packages, it will say itself.
pub fn folder(
    session: &Session,
    runtime: &Runtime,
    root: &Path,
    page: Option<&str>,
    args: PackageArgs,
) -> Result<Option<PathBuf>, Failure> {
    let sources = config::sources(args)?;
    let wanted = wanted(root, page)?.unwrap_or_default();
    Ok(provided(session, runtime, root, &sources, &wanted)?)
}

/// What the pages of a site, or one page of it, ask for, and the installer; nothing when a page cannot be read.
pub fn wanted(root: &Path, page: Option<&str>) -> Result<Option<Vec<Wanted>>, PackagesError> {
    let mut wanted = match bundle::wanted_packages(root, page) {
        Ok(wanted) => wanted,
        Err(BundleError::Python(error)) => return Err(error),
        Err(_) => return Ok(None),
    };
    wanted.extend(installer(&wanted)?);
    Ok(Some(wanted))
}

/// The folder of the packages that are wanted; nothing when none is.
pub fn provided(
    session: &Session,
    runtime: &Runtime,
    root: &Path,
    sources: &Sources,
    wanted: &[Wanted],
) -> Result<Option<PathBuf>, PackagesError> {
    if wanted.is_empty() {
        return Ok(None);
    }
    Ok(Some(Desk::new(session, runtime, root, sources)?.provide(wanted)?.folder))
}

/// The installer, asked for by whoever asks for packages.
fn installer(wanted: &[Wanted]) -> Result<Option<Wanted>, PackagesError> {
    let first = wanted.first().map(|wanted| Wanted::new(INSTALLER, &wanted.file, wanted.line, |_| None));
    first.transpose()
}
