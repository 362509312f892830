//! Records as lines for people. Must not know when they are printed.

use std::time::Duration;

use common::term::{Styles, bytes, count, duration_us, plain};

use crate::cache::{Kept, Reason};
use crate::events::{
    EntryChecked, FileChecked, FileFailed, FileFinished, FileHashed, FileKept, FileListed, FileRemoved,
    FileVerified, ListedState, Processed, RegistryWritten, RequestServed, ServerStarted, Status,
};
use crate::reduce::Summary;
use crate::registry::State;
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
    format!("{word}  {} {}{size}\n", plain(&file.name), styles.dim(plain(&file.url)))
}

/// So many characters of a name, a URL or a message are shown.
const LONGEST: usize = 1000;

/// What somebody else wrote, fit to be shown.
fn shown(text: &str) -> String {
    let mut shown: String = plain(text).chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A file that could not be got, for standard error.
pub fn failure(styles: Styles, file: &FileFailed) -> String {
    let mut text = format!("{} {}: {}\n", styles.bad("error:"), shown(&file.name), shown(&file.message));
    if !file.url.is_empty() {
        text += &format!("  {} {}\n", styles.dim("from:"), shown(&file.url));
    }
    if let Some(hint) = &file.hint {
        text += &format!("  {} {}\n", styles.accent("hint:"), plain(hint));
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

/// What lies in the cache, as a row of a table.
pub fn listed(file: &FileListed, unused: Duration) -> Vec<String> {
    let from = match (&file.url, file.state) {
        (Some(url), _) => url.clone(),
        (None, ListedState::Partial) => "(the beginning of a file)".to_owned(),
        (None, _) => "(not in the index)".to_owned(),
    };
    vec![bytes(file.size_bytes + file.unpacked_bytes), age(unused), file.path.path.clone(), from]
}

/// All that lies in the cache, in one line.
pub fn total<'a>(files: impl Iterator<Item = &'a FileListed>) -> String {
    let (number, size) =
        files.fold((0, 0), |(number, size), file| (number + 1, size + file.size_bytes + file.unpacked_bytes));
    format!("{}, {}", count(number, "file"), bytes(size))
}

/// How long ago something was, in its biggest unit.
fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Whether a file is that of a registry.
pub fn entry_checked(styles: Styles, file: &EntryChecked) -> String {
    let mut text = format!("{}  {}\n", state(styles, file.state), plain(&file.name));
    if let (State::Wrong, Some(expected), Some(got)) = (file.state, &file.expected, &file.got) {
        text += &format!("{:>12}  {expected}\n{:>12}  {got}\n", "expected", "got");
    }
    text
}

/// Whether a file in the cache is right.
pub fn verified(styles: Styles, file: &FileVerified) -> String {
    let mut text = format!("{}  {}\n", state(styles, file.state), file.path.path);
    if file.state == State::Wrong {
        text += &format!(
            "{:>12}  {}\n{:>12}  {}\n",
            "expected",
            file.expected,
            "got",
            plain(file.got.as_deref().unwrap_or("something else"))
        );
    }
    text
}

fn state(styles: Styles, state: State) -> String {
    match state {
        State::Right => styles.good(format!("{:>12}", "right")),
        State::Wrong => styles.bad(format!("{:>12}", "wrong")),
        State::Missing => styles.bad(format!("{:>12}", "missing")),
        State::Unknown => styles.warn(format!("{:>12}", "unknown")),
    }
}

/// A registry that was written.
pub fn written(registry: &RegistryWritten) -> String {
    format!("{}: {}", registry.path.path, count(registry.entries, "file"))
}

/// A file that was removed, or would be.
pub fn removed(styles: Styles, file: &FileRemoved) -> String {
    let word = if file.dry_run { "would remove" } else { "removed" };
    let why = match file.reason {
        Reason::Orphan => "nobody can use it",
        Reason::TooOld => "too old",
        Reason::TooMuch => "too much",
        Reason::Wrong => "wrong",
        Reason::Asked => "asked for",
    };
    let size = styles.dim(format!("({}, {why})", bytes(file.size_bytes)));
    format!("{word:>12}  {} {size}\n", file.path.path)
}

/// A file that stays although it should go.
pub fn kept(styles: Styles, file: &FileKept) -> String {
    let why = match file.reason {
        Kept::InUse => "in use",
        Kept::Changed => "changed meanwhile",
    };
    format!("{}  {} ({why})\n", styles.warn(format!("{:>12}", "kept")), file.path.path)
}

/// What a tidying has come to, in one line.
pub fn cleared(removed: u64, size_bytes: u64, kept: u64, dry_run: bool) -> String {
    let verb = if dry_run { "would be removed" } else { "removed" };
    let kept = if kept > 0 { format!("; {} kept", count(kept, "file")) } else { String::new() };
    format!("{}, {} {verb}{kept}", count(removed, "file"), bytes(size_bytes))
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
