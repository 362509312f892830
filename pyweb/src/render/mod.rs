//! Records as they leave: JSON lines, or text for people. The only room that prints.

pub mod page;
pub mod serve;

use std::io::{self, Write};
use std::path::Path;

use common::term::{self, Align, Styles};
use common::{Format, Session};

use crate::events::Record;

/// So many of the files that were left out are named.
const LEFT_OUT_NAMED: usize = 5;

/// Writes one record in the form that was asked for.
pub fn show(session: &Session, record: &Record) -> io::Result<()> {
    match session.format {
        Format::Jsonl => session.output().record(record),
        Format::Human => human(session, record),
    }
}

fn human(session: &Session, record: &Record) -> io::Result<()> {
    let styles = session.styles;
    let mut out = session.output();
    match record {
        Record::PackageInstalled { name, version, size_bytes, path, .. } => {
            let size = term::bytes(*size_bytes);
            writeln!(out, "{} {name} {version}, {size}: {}", styles.good("got"), path.path)
        }
        Record::ProjectCreated { files, path, .. } => {
            let folder = &path.path;
            writeln!(out, "{} {folder}: {}", styles.good("made"), files.join(", "))?;
            writeln!(out, "  {}  pyweb serve {folder}", styles.dim("look at it:"))?;
            writeln!(out, "  {}     pytest {folder}", styles.dim("test it:"))
        }
        Record::ReferenceKept { file, line, url } => {
            session.warn(&format!("{file}:{line}: {url} is on another host"));
            Ok(())
        }
        Record::PageUpgraded { file, line, message } => {
            session.warn(&format!("{file}:{line}: {message}"));
            Ok(())
        }
        Record::WheelLocked { name, version, file, .. } => {
            writeln!(out, "{} {name} {version} {}", styles.good("locked"), styles.dim(file))
        }
        Record::LockWritten { packages, path } => {
            writeln!(out, "{} {}: {}", styles.good("wrote"), path.path, term::count(*packages, "package"))
        }
        Record::BundleWritten { files, bytes, br_bytes, left_out, path } => {
            let (files, size) = (term::count(*files, "file"), term::bytes(*bytes));
            let packed = term::bytes(*br_bytes);
            writeln!(out, "{} {}: {files}, {size}, {packed} with Brotli", styles.good("wrote"), path.path)?;
            if left_out.is_empty() {
                return Ok(());
            }
            let named =
                left_out.iter().take(LEFT_OUT_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = left_out.len().saturating_sub(LEFT_OUT_NAMED);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            writeln!(
                out,
                "{}",
                styles
                    .dim(format!("left out {}{more}; --include takes it all the same", term::plain(&named)))
            )
        }
        _ => Ok(()),
    }
}

/// Writes a folder's path, the same in both forms, for `$(…)`.
pub fn path(session: &Session, path: &Path) -> io::Result<()> {
    writeln!(session.output(), "{}", path.display())
}

/// Writes what is known of packages: records, or one table.
pub fn packages(session: &Session, records: &[Record]) -> io::Result<()> {
    if session.format == Format::Jsonl {
        return records.iter().try_for_each(|record| session.output().record(record));
    }
    let rows = records.iter().filter_map(|record| package_row(session.styles, record)).collect();
    let columns = [Align::Left, Align::Right, Align::Left];
    write!(session.output(), "{}", term::table(&["package", "version", ""], &columns, rows))
}

fn package_row(styles: Styles, record: &Record) -> Option<Vec<String>> {
    let (name, version, state) = match record {
        Record::PackageListed { name, version, installed, .. } => {
            let state = if *installed { styles.good("here") } else { styles.warn("missing") };
            (name, version, state)
        }
        Record::PackageVerified { name, version, files, damaged } if damaged.is_empty() => {
            (name, version, styles.good(term::count(*files, "file") + " as pinned"))
        }
        Record::PackageVerified { name, version, files, damaged } if *files == damaged.len() as u64 => {
            (name, version, styles.bad("missing"))
        }
        Record::PackageVerified { name, version, damaged, .. } => {
            (name, version, styles.bad(format!("missing or changed: {}", damaged.join(", "))))
        }
        _ => return None,
    };
    Some(vec![name.clone(), version.clone(), state])
}
