//! A folder with programs and libraries of another machine, or with their debug information, in any order: what is
//! sought is known by its build-id. Must not know what is in the files.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use memtrace_wire::code::Module;

use crate::source::symbolize::object_file::build_id;

/// The files in a folder and in those within it.
pub struct Folder {
    path: PathBuf,
    by_build_id: HashMap<Vec<u8>, Vec<PathBuf>>,
}

impl Folder {
    /// Looks through a folder; what in it cannot be read is passed over.
    pub fn read(path: &Path) -> io::Result<Folder> {
        let mut folder = Folder { path: path.to_owned(), by_build_id: HashMap::new() };
        let mut folders = vec![std::fs::read_dir(path)?];
        while let Some(entries) = folders.pop() {
            for entry in entries.flatten() {
                let path = entry.path();
                // A link to a folder may lead round in a circle; one to a file is how debug files are often found.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.extend(std::fs::read_dir(path));
                } else if path.is_file()
                    && let Some(build_id) = build_id(&path)
                {
                    folder.by_build_id.entry(build_id).or_default().push(path);
                }
            }
        }
        // The same whatever the order in which the system lists them.
        folder.by_build_id.values_mut().for_each(|files| files.sort());
        Ok(folder)
    }

    /// The files that belong to a module. One without a build-id is only known by its whole path.
    pub fn files_of(&self, module: &Module) -> Vec<PathBuf> {
        if !module.build_id.is_empty() {
            return self.by_build_id.get(&module.build_id).cloned().unwrap_or_default();
        }
        vec![self.path.join(module.path.trim_start_matches('/'))]
    }
}
