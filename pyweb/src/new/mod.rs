//! A first page, with its tests, in a new folder. Must not know how pages are served or run.
//!
//! - [`templates`]: the pages there are, carried in the binary

pub mod templates;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::fs::FileError;
use common::record::RecordPath;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::cli::NewArgs;
use crate::config::NewConfig;
use crate::error::BadArgument;
use crate::events::Record;
use templates::{Template, Worker};

/// What runs a page's Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Python {
    /// `CPython`.
    Pyodide,
    /// `MicroPython`.
    Micropython,
}

impl Python {
    /// What `<script type>` calls it.
    pub fn tag(self) -> &'static str {
        match self {
            Python::Pyodide => "py",
            Python::Micropython => "mpy",
        }
    }
}

/// A page, and what runs it.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The page.
    pub template: &'static Template,
    /// The interpreter.
    pub python: Python,
    /// Whether it runs in a worker.
    pub worker: bool,
}

/// What the arguments ask for, if its template comes so.
pub fn form(args: &NewArgs) -> Result<Form, BadArgument> {
    let template = templates::of(args.template);
    let asked = match (args.py, args.mpy) {
        (true, _) => Some(Python::Pyodide),
        (_, true) => Some(Python::Micropython),
        _ => None,
    };
    let python = asked.unwrap_or(template.pythons[0]);
    let refused = |option, reason| BadArgument::NoSuchForm { template: template.name, option, reason };
    if !template.pythons.contains(&python) {
        return Err(refused("--mpy", "leave it out: the page needs what MicroPython does not have"));
    }
    if args.worker && template.worker == Worker::Never {
        return Err(refused("--worker", "the templates hello, worker and terminal do"));
    }
    Ok(Form { template, python, worker: args.worker || template.worker == Worker::Always })
}

/// Writes the page: all of its files, or none.
pub fn create(project: &NewConfig) -> Result<Record, FileError> {
    let NewConfig { folder, title, form } = project;
    let absolute = std::path::absolute(folder).map_err(FileError::at("find", folder))?;
    // A folder that is there is filled, not replaced: somebody's shell may be in it.
    let exists = absolute.is_dir();
    let beside = if exists { &absolute } else { absolute.parent().unwrap_or(Path::new("/")) };
    std::fs::create_dir_all(beside).map_err(FileError::at("create", beside))?;
    let staging = tempfile::Builder::new()
        .prefix(".pyweb-new-")
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(beside)
        .map_err(FileError::at("create a folder in", beside))?;
    let files = form.template.files(title, form.python, form.worker);
    for (name, text) in &files {
        let path = staging.path().join(name);
        std::fs::write(&path, text).map_err(FileError::at("write", &path))?;
    }
    let names: Vec<String> = files.into_iter().map(|(name, _)| name.to_owned()).collect();
    if exists {
        fill(&absolute, staging.path(), &names)?;
    } else {
        std::fs::rename(staging.path(), &absolute).map_err(FileError::at("create", folder))?;
        // It has moved: there is nothing left to clean up.
        let _ = staging.keep();
    }
    Ok(Record::ProjectCreated {
        template: form.template.name.to_owned(),
        interpreter: form.python.tag().to_owned(),
        worker: form.worker,
        files: names,
        path: RecordPath::from(folder.as_path()),
    })
}

/// Moves the files into a folder, over none that is there; at the first that cannot be, all go again.
fn fill(folder: &Path, staging: &Path, names: &[String]) -> Result<(), FileError> {
    for (index, name) in names.iter().enumerate() {
        let target = folder.join(name);
        let moved = renameat_with(CWD, staging.join(name), CWD, &target, RenameFlags::NOREPLACE);
        if let Err(error) = moved {
            for name in &names[..index] {
                let _ = std::fs::remove_file(folder.join(name));
            }
            return Err(FileError::at("create", &target)(error.into()));
        }
    }
    Ok(())
}
