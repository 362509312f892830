//! Files that are written, made or removed, as events. Must not know whose they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use notify::event::ModifyKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Event;
use crate::daemon::fingerprint::{folders, is_passed_over};

/// Folders that are watched, from its making to its drop.
#[derive(Debug)]
pub struct Changes {
    watched: Arc<Mutex<Watched>>,
}

#[derive(Debug)]
struct Watched {
    notifier: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
}

impl Changes {
    /// Watches nothing yet.
    pub fn new(events: Sender<Event>) -> notify::Result<Changes> {
        let (sender, heard) = channel();
        let notifier = notify::recommended_watcher(move |event| {
            // Nobody listens any more at the end.
            let _ = sender.send(event);
        })?;
        let watched = Arc::new(Mutex::new(Watched { notifier, folders: BTreeSet::new() }));
        let again = Arc::downgrade(&watched);
        thread::Builder::new()
            .name("changes".into())
            .spawn(move || {
                while let Ok(event) = heard.recv() {
                    let Ok(notify::Event { kind, paths, .. }) = event else { continue };
                    // Looking into a folder is an event too: taking notice of it would never end.
                    if !is_change(kind) {
                        continue;
                    }
                    let Some(watched) = again.upgrade() else { return };
                    for path in paths {
                        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
                        let news = if path.is_dir() {
                            watched.add(&path)
                        } else {
                            // It may have been a folder, which will be another one when it comes again.
                            watched.folders.retain(|folder| path.exists() || !folder.starts_with(&path));
                            vec![path]
                        };
                        drop(watched);
                        for path in news.into_iter().filter(|path| is_input(path)) {
                            if events.send(Event::Changed(path)).is_err() {
                                return;
                            }
                        }
                    }
                }
            })
            .map_err(notify::Error::io)?;
        Ok(Changes { watched })
    }

    /// Watches this folder and all below it in which there may be inputs.
    pub fn watch(&self, root: &Path) {
        let _ = self.watched.lock().unwrap_or_else(PoisonError::into_inner).add(root);
    }
}

impl Watched {
    /// The files in it and below, where it was not watched yet.
    fn add(&mut self, root: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in folders(root).unwrap_or_default() {
            // A folder that is gone again, or one too many for the system, is not watched.
            if !self.folders.contains(&folder)
                && self.notifier.watch(&folder, RecursiveMode::NonRecursive).is_ok()
            {
                let entries = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
                files.extend(entries.map(|entry| entry.path()).filter(|path| path.is_file()));
                self.folders.insert(folder);
            }
        }
        files
    }
}

fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)))
}

/// What editors and caches write beside the files that are meant does not count.
fn is_input(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return false };
    let text = name.to_string_lossy();
    let editors = text.starts_with(".#")
        || text.ends_with('~')
        || text == "4913"
        || [".swp", ".swx", ".tmp"].iter().any(|end| text.ends_with(end));
    !editors && !is_passed_over(name)
}
