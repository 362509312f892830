//! The files of the site that are written, made, moved or removed. Must not know who wants to know.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::ModifyKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::events::Record;

/// Changes this close to each other are one: editors write a file in several steps, and tools many files.
const QUIET: Duration = Duration::from_millis(60);
/// Changes without a pause are told all the same, this often.
const PATIENCE: Duration = Duration::from_millis(600);

/// A folder under watch, until it is dropped.
#[derive(Debug)]
pub struct Changes {
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Watches the folder at `root`; each change is a record for `records`.
    pub fn watch(root: &Path, records: SyncSender<Record>) -> notify::Result<Changes> {
        let (sender, heard) = channel();
        // A link may lead to a folder that holds it, and out of the site.
        let config = notify::Config::default().with_follow_symlinks(false);
        let told = move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event
                && is_change(event.kind)
            {
                // Nobody listens any more at the end.
                let _ = sender.send(event.paths);
            }
        };
        let mut watcher = RecommendedWatcher::new(told, config)?;
        watcher.watch(root, RecursiveMode::Recursive)?;
        let root = root.to_owned();
        let gather = move || {
            while let Some(files) = gathered(&root, &heard) {
                if files.is_empty() {
                    continue;
                }
                let files: Vec<String> = files.into_iter().collect();
                if records.send(Record::SiteChanged { files }).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("changes".into()).spawn(gather).map_err(notify::Error::io)?;
        Ok(Changes { _watcher: watcher })
    }
}

/// The next changes that belong together, as paths from the root; nothing at the end.
fn gathered(root: &Path, heard: &Receiver<Vec<PathBuf>>) -> Option<BTreeSet<String>> {
    let mut paths = heard.recv().ok()?;
    let began = Instant::now();
    let mut files = BTreeSet::new();
    loop {
        files.extend(paths.iter().filter_map(|path| own(root, path)));
        paths = match heard.recv_timeout(QUIET) {
            Ok(paths) if began.elapsed() < PATIENCE => paths,
            Ok(paths) => {
                files.extend(paths.iter().filter_map(|path| own(root, path)));
                return Some(files);
            }
            Err(RecvTimeoutError::Timeout) => return Some(files),
            Err(RecvTimeoutError::Disconnected) => return None,
        };
    }
}

/// Looking at a file is no change.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)))
}

/// The path from the root of what a page may have loaded; nothing for what editors and tools write beside it.
fn own(root: &Path, path: &Path) -> Option<String> {
    let path = path.strip_prefix(root).ok()?;
    let mut parts = path.components();
    let passed_over = |part: Component| {
        let name = part.as_os_str().to_string_lossy();
        name.starts_with(['.', '#'])
            || name.ends_with(['~', '#'])
            || [".swp", ".swx", ".tmp"].iter().any(|end| name.ends_with(end))
            || ["__pycache__", "node_modules", "4913"].contains(&&*name)
    };
    let shown = path.to_string_lossy();
    (!shown.is_empty() && !parts.any(passed_over)).then(|| shown.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_and_tools_write_is_no_change_of_the_site() {
        let root = Path::new("/site");
        for path in [
            "/site",
            "/other/x.py",
            "/site/.git/index",
            "/site/__pycache__/a.pyc",
            "/site/main.py~",
            "/site/.main.py.swp",
            "/site/4913",
            "/site/#main.py#",
        ] {
            assert_eq!(own(root, Path::new(path)), None, "{path}");
        }
        assert_eq!(own(root, Path::new("/site/lib/main.py")).as_deref(), Some("lib/main.py"));
    }

    #[test]
    fn changes_close_to_each_other_are_one() {
        let (sender, heard) = channel();
        for name in ["b.py", "a.py", "b.py"] {
            assert!(sender.send(vec![Path::new("/site").join(name)]).is_ok());
        }
        let files = gathered(Path::new("/site"), &heard);
        assert_eq!(files, Some(BTreeSet::from(["a.py".to_owned(), "b.py".to_owned()])));
        drop(sender);
        assert_eq!(gathered(Path::new("/site"), &heard), None);
    }
}
