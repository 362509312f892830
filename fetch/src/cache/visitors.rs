//! Tells apart those for whom files came, without writing down who they are. Must not know how anybody logs in.
//!
//! Whoever may read the index must not learn a user's name or a token from it, nor find one by trying. So it has a mark of
//! each, made with a key that only the owner of the cache folder can read. Where there is no key to be had, nobody is
//! the one who came before.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::source::Who;

/// The length of the key in bytes: that of its digest, by RFC 2104, section 3.
const KEY: usize = 32;
/// So many bytes of a digest are a mark.
const MARK: usize = 16;

/// Makes marks.
#[derive(Debug)]
pub struct Visitors {
    path: PathBuf,
    key: OnceLock<Option<hmac::Key>>,
}

impl Visitors {
    /// With the key in the cache's own folder, which is made when it is first needed.
    pub fn new(control: &Path) -> Visitors {
        Visitors { path: control.join("visitors.key"), key: OnceLock::new() }
    }

    /// The mark of somebody; none where no key is to be had.
    fn made(&self, who: &Who) -> Option<String> {
        let key = self.key.get_or_init(|| key(&self.path).ok()).as_ref()?;
        let digest = hmac::sign(key, who.words().as_bytes());
        Some(digest.as_ref()[..MARK].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The mark of one who asks, to be written down; none for nobody in particular.
    pub fn mark(&self, who: Option<&Who>) -> Option<String> {
        // Nobody ever has the empty one.
        who.map(|who| self.made(who).unwrap_or_default())
    }

    /// Whether what was written down is the mark of the one who asks.
    pub fn is(&self, mark: Option<&str>, who: Option<&Who>) -> bool {
        match who {
            None => mark.is_none(),
            Some(who) => self.made(who).is_some_and(|made| mark == Some(&made)),
        }
    }
}

/// Reads the key, or makes one.
fn key(path: &Path) -> io::Result<hmac::Key> {
    let made = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
    let read = |mut file: &File| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map(|_| bytes)
    };
    if let Ok(bytes) = File::open(path).and_then(|file| read(&file))
        && bytes.len() == KEY
    {
        return Ok(made(&bytes));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
    file.lock()?;
    // Another process may have made it meanwhile.
    let mut bytes = read(&file)?;
    if bytes.len() != KEY {
        bytes = vec![0; KEY];
        SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no random bytes"))?;
        file.set_len(0)?;
        io::Seek::rewind(&mut file)?;
        file.write_all(&bytes)?;
    }
    Ok(made(&bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_mark_is_known_again_in_its_own_folder_alone() -> io::Result<()> {
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
        let visitors = |index: usize| Visitors::new(folders[index].path());
        let (me, you) = (Who::new("me".into()), Who::new("you".into()));
        let mark = visitors(0).mark(Some(&me));
        let is = |index, who| visitors(index).is(mark.as_deref(), who);
        assert!(is(0, Some(&me)) && !is(0, Some(&you)) && !is(0, None) && !is(1, Some(&me)));
        assert!(visitors(0).is(None, None) && !visitors(0).is(None, Some(&me)));
        let key = folders[0].path().join("visitors.key").metadata()?;
        assert_eq!((key.len(), key.permissions().mode() & 0o777), (KEY as u64, 0o600));
        Ok(())
    }

    #[test]
    fn without_a_key_nobody_is_known_again() {
        let nowhere = Visitors::new(Path::new("/proc/nowhere"));
        let me = Who::new("me".into());
        let mark = nowhere.mark(Some(&me));
        assert!(mark.is_some() && !nowhere.is(mark.as_deref(), Some(&me)) && nowhere.is(None, None));
    }
}
