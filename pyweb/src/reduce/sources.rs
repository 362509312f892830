//! Line numbers of running code back to the page's own files. The environment (`js/python.mjs`) gives every
//! line of the page's Python a number of its own; MicroPython calls all of it `<stdin>`.
//! Must not know tracebacks.

/// A stretch of numbered lines and where they really are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    file: String,
    first: u32,
    line: u32,
    count: u32,
}

/// Where the page's Python came from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    stretches: Vec<Stretch>,
    files: Vec<String>,
}

/// What Python calls code that came from no file.
const NAMELESS: [&str; 3] = ["<stdin>", "<exec>", "<string>"];

/// The folders in which PyScript puts a page's files for Python to import.
const FOLDERS: [&str; 2] = ["/home/pyodide/", "./"];

impl Sources {
    /// The sources of a site that has these `.py` files, by their paths from its root.
    pub fn new(files: Vec<String>) -> Sources {
        Sources { stretches: Vec::new(), files }
    }

    /// `count` lines of `file` from `line` on run under the numbers from `first` on.
    pub fn add(&mut self, file: &str, first: u32, line: u32, count: u32) {
        self.stretches.push(Stretch { file: file.to_owned(), first, line, count });
    }

    /// The page's own file and line behind what a traceback says; nothing for Python's own library.
    pub fn locate(&self, file: &str, line: u32) -> Option<(String, u32)> {
        let nameless = NAMELESS.contains(&file);
        let numbered = |stretch: &&Stretch| {
            (nameless || stretch.file == file)
                && line.checked_sub(stretch.first).is_some_and(|by| by < stretch.count)
        };
        if let Some(stretch) = self.stretches.iter().find(numbered) {
            return Some((stretch.file.clone(), line - stretch.first + stretch.line));
        }
        if nameless {
            return None;
        }
        let name = FOLDERS.iter().find_map(|folder| file.strip_prefix(folder)).unwrap_or(file);
        // PyScript may have put a file elsewhere than it lies in the site: its path's end still tells.
        let same = |own: &&String| *own == name || own.ends_with(&format!("/{name}"));
        self.files.iter().find(same).map(|own| (own.clone(), line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let mut sources = Sources::new(vec!["helper.py".into(), "lib/deep.py".into()]);
        sources.add("page.html", 7, 7, 10);
        sources.add("boom.py", 1020, 1, 5);
        sources
    }

    #[test]
    fn numbered_lines_are_those_of_the_file() {
        assert_eq!(sources().locate("<stdin>", 9), Some(("page.html".into(), 9)));
        assert_eq!(sources().locate("<stdin>", 1023), Some(("boom.py".into(), 4)));
        assert_eq!(sources().locate("boom.py", 1023), Some(("boom.py".into(), 4)));
        assert_eq!(sources().locate("<stdin>", 17), None);
    }

    #[test]
    fn imported_files_are_the_sites() {
        assert_eq!(sources().locate("/home/pyodide/helper.py", 2), Some(("helper.py".into(), 2)));
        assert_eq!(sources().locate("./helper.py", 2), Some(("helper.py".into(), 2)));
        assert_eq!(sources().locate("deep.py", 3), Some(("lib/deep.py".into(), 3)));
        assert_eq!(sources().locate("/lib/python314.zip/asyncio/tasks.py", 3), None);
    }
}
