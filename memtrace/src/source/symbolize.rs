//! What native addresses stand for: functions, those that are inlined too, with their files and lines. From the symbol
//! tables and the debug information of the modules themselves, or of files beside them that belong to the same
//! build. Must not know how addresses were found.

mod folder;
mod object_file;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use memtrace_wire::code::Module;

use crate::error::Error;
use crate::events::Location;
use crate::source::symbolize::folder::Folder;
use crate::source::symbolize::object_file::{ObjectFile, Symbol};

/// Where distributions put debug information.
const DEBUG_FOLDER: &str = "/usr/lib/debug";

/// Files of the machine where captures were recorded, if there are any.
static FOLDER: OnceLock<Folder> = OnceLock::new();

/// Has modules sought in this folder before they are sought where they were. To be called before anything is read.
pub fn seek_in(folder: &Path) -> Result<(), Error> {
    let found = Folder::read(folder).map_err(|cause| Error::Read { path: folder.to_owned(), cause })?;
    let _ = FOLDER.set(found);
    Ok(())
}

/// Looks into each module once.
#[derive(Default)]
pub struct Symbolizer {
    modules: HashMap<Module, Symbols>,
}

impl Symbolizer {
    /// The functions at an address of a module, innermost first: one, or several where calls are inlined. Without
    /// symbols it is the module and the address in it.
    pub fn functions(&mut self, module: Option<&Module>, address: u64) -> Vec<Location> {
        let Some(module) = module else {
            return vec![Location { function: format!("{address:#x}"), file: "?".into(), line: 0 }];
        };
        let symbols = self.modules.entry(module.clone()).or_insert_with(|| Symbols::find(module));
        let found = symbols.functions(address, &module.path);
        if !found.is_empty() {
            return found;
        }
        let name = Path::new(&module.path).file_name().unwrap_or_default().to_string_lossy();
        let function = format!("{name}+{address:#x}");
        vec![Location { function, file: module.path.clone(), line: 0 }]
    }
}

/// The files that say what is in a module, the most telling first.
struct Symbols {
    files: Vec<ObjectFile>,
}

impl Symbols {
    fn find(module: &Module) -> Symbols {
        // A file that was replaced since says nothing about what ran.
        let open = |path: &Path| {
            ObjectFile::open(path)
                .filter(|file| module.build_id.is_empty() || file.build_id() == module.build_id)
        };
        let path = Path::new(&module.path);
        let own = open(path);
        let beside = own.as_ref().and_then(ObjectFile::debug_link);
        let debug = debug_files(path, &module.build_id, beside.as_deref()).iter().find_map(|path| open(path));
        let given = FOLDER.get().map(|folder| folder.files_of(module)).unwrap_or_default();
        let given = given.iter().filter_map(|path| open(path));
        let mut files: Vec<ObjectFile> = given.chain(debug).chain(own).collect();
        files.sort_by_key(|file| !file.has_lines());
        Symbols { files }
    }

    fn functions(&self, address: u64, path: &str) -> Vec<Location> {
        let inlined = |file: &ObjectFile| Some(file.inlined(address)).filter(|found| !found.is_empty());
        let mut lines = self.files.iter().find_map(inlined).unwrap_or_default();
        let named = lines.last().is_some_and(|outermost| outermost.function.is_some());
        let symbol = || {
            let function = self.files.iter().find_map(|file| file.symbol(address))?;
            Some(Symbol { function: Some(function), file: None, line: 0 })
        };
        match lines.last_mut() {
            Some(outermost) if !named => outermost.function = symbol().and_then(|symbol| symbol.function),
            None => lines.extend(symbol()),
            Some(_) => {}
        }
        // Without the name of the function its line does not say enough.
        if lines.last().is_none_or(|outermost| outermost.function.is_none()) {
            return Vec::new();
        }
        let location = |Symbol { function, file, line }| Location {
            function: function.unwrap_or_else(|| "?".into()),
            file: file.unwrap_or_else(|| path.to_owned()),
            line,
        };
        lines.into_iter().map(location).collect()
    }
}

/// Where the debug information of a module may be: under its build-id, or under the name that it gives.
fn debug_files(module: &Path, build_id: &[u8], link: Option<&str>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if let [first, rest @ ..] = build_id
        && !rest.is_empty()
    {
        let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
        files.push(Path::new(DEBUG_FOLDER).join(format!(".build-id/{first:02x}/{rest}.debug")));
    }
    if let (Some(link), Some(folder)) = (link, module.parent()) {
        let folder_there = folder.strip_prefix("/").unwrap_or(folder);
        files.push(folder.join(link));
        files.push(folder.join(".debug").join(link));
        files.push(Path::new(DEBUG_FOLDER).join(folder_there).join(link));
    }
    // Some name themselves.
    files.retain(|file| file != module);
    files
}
