//! What the path of a URL names below a folder that is served, and never anything outside of it. Must not know HTTP.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// How often a path is looked up again that was moved during the look-up.
const TRIES: u32 = 16;
/// Neither waits for a pipe's other end nor takes a terminal for its own.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// A folder, held open: renamed, it is still the same.
#[derive(Debug)]
pub struct Below {
    root: File,
}

/// What a path names.
#[derive(Debug)]
pub enum Found {
    /// A regular file.
    File(File, Metadata),
    /// A folder.
    Folder(File),
}

impl Below {
    /// Opens the folder.
    pub fn open(root: &Path) -> io::Result<Below> {
        let root = openat(CWD, root, READ | OFlags::DIRECTORY, Mode::empty())?;
        Ok(Below { root: File::from(root) })
    }

    /// What the parts of a path name; an error too for what is neither a file nor a folder.
    pub fn find(&self, parts: &[Vec<u8>]) -> io::Result<Found> {
        let file = self.open_below(parts)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            Ok(Found::Folder(file))
        } else if metadata.is_file() {
            Ok(Found::File(file, metadata))
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// The names in a folder that was found, in no order.
    pub fn names(folder: &File) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(folder)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open_below(&self, parts: &[Vec<u8>]) -> io::Result<File> {
        let path = if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') };
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..TRIES {
            match openat2(&self.root, path.as_slice(), READ, Mode::empty(), inside) {
                Ok(file) => return Ok(File::from(file)),
                // Something on the way was moved meanwhile, so the kernel could not tell inside from outside.
                Err(Errno::AGAIN | Errno::INTR) => {}
                // An old kernel, or a container that does not know the call.
                Err(Errno::NOSYS | Errno::PERM) => return self.walk_below(parts),
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// The same part by part, through no link at all.
    fn walk_below(&self, parts: &[Vec<u8>]) -> io::Result<File> {
        let mut at = File::from(openat(&self.root, ".", READ, Mode::empty())?);
        for part in parts {
            at = File::from(openat(at.as_fd(), part.as_slice(), READ | OFlags::NOFOLLOW, Mode::empty())?);
        }
        Ok(at)
    }
}

/// The parts of a URL's path with their percent-encoding undone; nothing for a path that names no file here: with
/// `..` or a part that no file has, encoded or not.
pub fn parts(path: &str) -> Option<Vec<Vec<u8>>> {
    let mut parts = Vec::new();
    for part in path.strip_prefix('/')?.split('/').filter(|part| !part.is_empty()) {
        let part = decode(part)?;
        if part.contains(&b'/') || part.contains(&0) || part == b"." || part == b".." {
            return None;
        }
        parts.push(part);
    }
    Some(parts)
}

/// A part of a path as a URL has it.
pub fn encode(part: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$'()*,;=@+".contains(&byte);
    let one = |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    part.iter().map(one).collect()
}

fn decode(part: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let [high, low, after @ ..] = rest else { return None };
        bytes.push(digit(high)? << 4 | digit(low)?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_that_name_nothing_here_are_refused() {
        for path in [
            "/..",
            "/a/../b",
            "/%2e%2e/x",
            "/.%2E/x",
            "/a%2f..%2fb",
            "/a%00b",
            "/%",
            "/%4",
            "/%zz",
            "x",
            "",
            "/%2e",
        ] {
            assert_eq!(parts(path), None, "{path}");
        }
        assert_eq!(parts("//a//b%20c/"), Some(vec![b"a".to_vec(), b"b c".to_vec()]));
        assert_eq!(parts("/"), Some(vec![]));
    }

    #[test]
    fn without_the_kernels_help_links_lead_nowhere() -> io::Result<()> {
        let temp = tempfile::tempdir()?;
        std::fs::create_dir(temp.path().join("in"))?;
        std::fs::write(temp.path().join("in/x"), "x")?;
        std::os::unix::fs::symlink("/etc", temp.path().join("out"))?;
        std::os::unix::fs::symlink("in", temp.path().join("link"))?;
        let folder = Below::open(temp.path())?;
        let parts = |path: &str| path.split('/').map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>();
        assert!(folder.open_below(&parts("in/x")).is_ok() && folder.walk_below(&parts("in/x")).is_ok());
        assert!(folder.open_below(&parts("link/x")).is_ok() && folder.walk_below(&parts("link/x")).is_err());
        assert!(folder.open_below(&parts("out/passwd")).is_err());
        assert!(folder.walk_below(&parts("out/passwd")).is_err());
        Ok(())
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(name in proptest::collection::vec(1u8.., 1..20)) {
            let strange = name.contains(&b'/') || name == b"." || name == b"..";
            prop_assume!(!strange);
            prop_assert_eq!(parts(&format!("/{}", encode(&name))), Some(vec![name]));
        }
    }
}
