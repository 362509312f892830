//! Records as lines for people. Must not know when they are printed.

use common::term::{Styles, bytes, count, duration_us};

use crate::events::{
    FileChecked, FileFailed, FileFinished, FileHashed, FileListed, Processed, RequestServed, ServerStarted,
    Status,
};
use crate::reduce::Summary;
use crate::source::registry;

/// A file that is there: what was done, where it lies, how big it is; and how to pin it when it is not.
pub fn finished(styles: Styles, file: &FileFinished) -> String {
    let word = file.status.word().replace('_', " ");
    let word = match file.status {
        Status::Cached | Status::NotModified => styles.dim(format!("{word:>12}")),
        Status::Downloaded | Status::Resumed | Status::Updated => styles.good(format!("{word:>12}")),
    };
    let size = styles.dim(format!("({})", bytes(file.size_bytes)));
    let mut text = format!("{word}  {} {size}\n", file.path.path);
    if !file.pinned {
        let line = registry::line(&file.name, &file.digest, Some(&file.url));
        text += &format!("{}  {line}\n", styles.dim(format!("{:>12}", "to pin it")));
    }
    text + &file.processed.as_ref().map(|processed| self::processed(styles, processed)).unwrap_or_default()
}

/// What came out of an archive, and where it lies.
pub fn processed(styles: Styles, processed: &Processed) -> String {
    let size = format!("({}, {})", count(processed.files, "file"), bytes(processed.size_bytes));
    format!("{}  {} {}\n", styles.good(format!("{:>12}", "unpacked")), processed.path.path, styles.dim(size))
}

/// A file that was asked after.
pub fn checked(styles: Styles, file: &FileChecked) -> String {
    let size = file.size_bytes.map(|size| styles.dim(format!(" ({})", bytes(size)))).unwrap_or_default();
    let word = if file.available {
        styles.good(format!("{:>12}", "available"))
    } else {
        styles.bad(format!("{:>12}", "missing"))
    };
    format!("{word}  {} {}{size}\n", file.name, styles.dim(&file.url))
}

/// A file that could not be got, for standard error.
pub fn failure(styles: Styles, file: &FileFailed) -> String {
    let mut text = format!("{} {}: {}\n", styles.bad("error:"), file.name, file.message);
    if !file.url.is_empty() {
        text += &format!("  {} {}\n", styles.dim("from:"), file.url);
    }
    if let Some(hint) = &file.hint {
        text += &format!("  {} {hint}\n", styles.accent("hint:"));
    }
    text
}

/// The whole run in one line.
pub fn summary(summary: &Summary, elapsed_us: u64) -> String {
    let parts = summary.files.iter().map(|(word, number)| format!("{number} {}", word.replace('_', " ")));
    let parts = parts.collect::<Vec<_>>().join(", ");
    let files = count(summary.total(), "file");
    format!("{files}, {}: {parts} in {}", bytes(summary.size_bytes), duration_us(elapsed_us))
}

/// A file's digest, as `sha256sum` has it but with the algorithm named.
pub fn hashed(file: &FileHashed) -> String {
    format!("{}  {}\n", file.digest, file.path.path)
}

/// A file in the cache, as a row of a table.
pub fn listed(file: &FileListed) -> Vec<String> {
    vec![bytes(file.size_bytes), file.path.path.clone(), file.url.clone()]
}

/// Where a server listens.
pub fn server_started(styles: Styles, server: &ServerStarted) -> String {
    format!("serving {} at {} {}\n", server.root, styles.bold(&server.url), styles.dim("(Ctrl-C ends it)"))
}

/// A request that was dealt with.
pub fn served(styles: Styles, request: &RequestServed) -> String {
    let RequestServed { method, path, status, .. } = request;
    let status = if *status < 400 { styles.good(status) } else { styles.bad(status) };
    let size = styles.dim(format!("{}, {}", bytes(request.bytes), duration_us(request.duration_us)));
    format!("{status} {method} {path} {size}\n")
}
