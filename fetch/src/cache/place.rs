//! Where a file lies in a cache folder. A name never leads out of it. Must not know what is in the files.

use std::path::Path;

use common::fs::{PART_PREFIX, PART_SUFFIX};

use super::pooch::unique_file_name;
use crate::error::Problem;
use crate::hash::{Algorithm, Hasher};
use crate::source::Request;

/// The folder in every cache folder that fetch keeps its own files in.
pub const CONTROL: &str = ".fetch";
/// The folder in it for files on their way into their places.
pub const PARTIALS: &str = "partial";
/// The folder in it for archives that are being unpacked.
pub const UNPACKING: &str = "unpacking";
/// The folder in it for notes of archives that are unpacked.
pub const UNPACKED: &str = "unpacked";

/// As many bytes as a part of a path may have, and one fewer than a whole path: Linux's `NAME_MAX` and `PATH_MAX`.
const LONGEST_PART: usize = 255;
const LONGEST_PATH: usize = 4095;

/// How the files of a cache folder are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// `<key>/<name>`, where the key stands for the digest asked for, else for the URL: any number of projects
    /// share the folder, and none replaces another's file of the same name. Without a digest, each user of a URL has
    /// a place of their own.
    Shared,
    /// `<name>`: the folder is the requester's own.
    Plain,
    /// As pooch has them: `<name>` of a registry, and for a mere URL a name made of it; so that either finds the files
    /// of the other.
    Pooch,
}

/// The path of a request's file, relative to the cache folder, its parts apart by `/`.
///
/// `mark` is that of the one who asks.
pub fn relative_path(
    layout: Layout,
    request: &Request,
    mark: impl FnOnce() -> Option<String>,
) -> Result<String, Problem> {
    if let Some(dest) = &request.dest {
        return checked(dest);
    }
    if let (Layout::Pooch, false, Some(address)) = (layout, request.named, request.addresses.first()) {
        return checked(&unique_file_name(address.given()));
    }
    let name = checked(&request.name)?;
    Ok(match layout {
        Layout::Plain | Layout::Pooch => name,
        Layout::Shared => format!("{}/{name}", key(request, mark)),
    })
}

/// Refuses a path that leads out of `root` by a symbolic link, as far as it exists.
pub fn check_links(root: &Path, relative: &str) -> Result<(), Problem> {
    // Without a link on its way it cannot lead out, and to see that there is none takes little.
    let folders = relative.match_indices('/').map(|(end, _)| root.join(&relative[..end]));
    let mut there = folders.map_while(|folder| folder.symlink_metadata().ok());
    if !there.any(|folder| folder.is_symlink()) {
        return Ok(());
    }
    let Ok(real_root) = root.canonicalize() else { return Ok(()) };
    let path = root.join(relative);
    let inside = path.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok());
    match inside {
        Some(folder) if !folder.starts_with(&real_root) => {
            Err(Problem::UnsafePath { name: relative.to_owned(), why: "a symbolic link leads out of it" })
        }
        _ => Ok(()),
    }
}

/// Whether a path that an index names is one that a file of the cache can have.
pub fn is_ours(relative: &str) -> bool {
    checked(relative).is_ok_and(|path| path == relative)
}

/// The name with its parts joined by single slashes.
pub fn checked(name: &str) -> Result<String, Problem> {
    let refuse = |why| Problem::UnsafePath { name: name.to_owned(), why };
    if name.starts_with('/') {
        return Err(refuse("it is absolute"));
    }
    if name.contains('\\') {
        return Err(refuse("it has a backslash"));
    }
    if name.chars().any(char::is_control) {
        return Err(refuse("it has a control character"));
    }
    if name.ends_with('/') {
        return Err(refuse("it ends with a slash"));
    }
    if name.len() > LONGEST_PATH || name.split('/').any(|part| part.len() > LONGEST_PART) {
        return Err(refuse("it is longer than a file's name can be"));
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    match parts.first() {
        None => Err(refuse("it is empty")),
        Some(_) if parts.contains(&"..") => Err(refuse("it has a .. in it")),
        Some(&CONTROL) => Err(refuse("fetch keeps its own files there")),
        // Where a sweep would find it one day.
        Some(_) if parts.iter().any(|part| part.starts_with(PART_PREFIX) && part.ends_with(PART_SUFFIX)) => {
            Err(refuse("files on their way are called so"))
        }
        Some(_) => Ok(parts.join("/")),
    }
}

/// 16 hexadecimal digits for what the request stands for.
fn key(request: &Request, mark: impl FnOnce() -> Option<String>) -> String {
    let identity = match (&request.expected, request.addresses.first()) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(address)) => match mark() {
            Some(mark) => format!("{mark} {}", address.identity()),
            None => address.identity(),
        },
        (None, None) => String::new(),
    };
    short_hash(&identity)
}

/// 16 hexadecimal digits of the text's sha256.
pub fn short_hash(text: &str) -> String {
    let mut hasher = Hasher::new([Algorithm::Sha256]);
    hasher.update(text.as_bytes());
    hasher.finish().iter().map(|digest| digest.hex()[..16].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_lead_out_are_refused() {
        for name in [
            "../x",
            "a/../../x",
            "..",
            "/etc/passwd",
            "//x",
            "a\\..\\x",
            "..\\x",
            "C:\\x",
            "",
            ".",
            "./",
            "a/",
            "a\0b",
            "a\nb",
            ".fetch/index.jsonl",
            "./.fetch/x",
            "a/.snakepipe-x.part",
        ] {
            assert!(matches!(checked(name), Err(Problem::UnsafePath { .. })), "{name:?}");
        }
    }

    #[test]
    fn names_that_stay_are_taken() {
        for (name, path) in
            [("a", "a"), ("./a//b", "a/b"), ("a..b/c.", "a..b/c."), ("...", "..."), ("a b", "a b")]
        {
            assert_eq!(checked(name).ok().as_deref(), Some(path));
        }
    }

    #[test]
    fn a_link_out_is_refused() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        std::fs::create_dir(root.path().join("in"))?;
        std::os::unix::fs::symlink("in", root.path().join("link"))?;
        std::os::unix::fs::symlink("/", root.path().join("out"))?;
        assert!(check_links(root.path(), "link/new/file").is_ok());
        assert!(check_links(root.path(), "out/new/file").is_err());
        Ok(())
    }

    proptest! {
        #[test]
        fn no_name_leads_out(name in "[a./\\\\]{0,12}") {
            if let Ok(path) = checked(&name) {
                let normal = |part| matches!(part, std::path::Component::Normal(_));
                prop_assert!(Path::new(&path).components().all(normal));
            }
        }
    }
}
