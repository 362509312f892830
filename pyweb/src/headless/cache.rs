//! Compiled code kept on disk between runs, found by content. Must not know what the code is.
//!
//! What is read back is executed, so a file counts only if its digest fits: a cut-short, damaged or
//! foreign file is a miss, never an error.

use std::fmt::Write;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

/// Ends a file, behind the digest: so the tens of megabytes before it are not moved when it is read.
const MAGIC: &[u8; 8] = b"pyweb/1\n";
const DIGEST_BYTES: usize = 32;

/// A folder of compiled code; without a folder, nothing is kept.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
}

/// What a cached file is made from: everything that changes it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Key {
    name: String,
}

impl Key {
    /// The key of what `kind` makes of `parts`. Each part counts separately.
    pub fn new(kind: &str, parts: &[&[u8]]) -> Key {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut name = String::new();
        for byte in hasher.finalize() {
            let _ = write!(name, "{byte:02x}");
        }
        name.push('.');
        name.push_str(kind);
        Key { name }
    }

    /// The key is part of the digest: a file under another's name does not fit.
    fn digest(&self, payload: &[u8]) -> [u8; DIGEST_BYTES] {
        Sha256::new().chain_update(&self.name).chain_update(payload).finalize().into()
    }
}

impl Cache {
    /// A cache in `folder`.
    pub fn new(folder: Option<PathBuf>) -> Cache {
        Cache { folder }
    }

    /// The bytes that [`Cache::write`] kept under `key`, exactly those or none.
    pub fn read(&self, key: &Key) -> Option<Vec<u8>> {
        let mut bytes = std::fs::read(self.folder.as_ref()?.join(&key.name)).ok()?;
        let payload_bytes = bytes.len().checked_sub(DIGEST_BYTES + MAGIC.len())?;
        let (payload, end) = bytes.split_at(payload_bytes);
        let (digest, magic) = end.split_at(DIGEST_BYTES);
        let fits = magic == MAGIC && digest == key.digest(payload);
        bytes.truncate(payload_bytes);
        fits.then_some(bytes)
    }

    /// Keeps `payload`. A full or read-only disk only makes the next run slower.
    pub fn write(&self, key: &Key, payload: &[u8]) {
        let Some(folder) = &self.folder else { return };
        let file = [payload, &key.digest(payload), MAGIC].concat();
        let _ = common::fs::write_atomic(folder.join(&key.name), &file);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn only_what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().to_owned()));
        let key = Key::new("code", &[b"source", b"v1"]);
        assert_eq!(cache.read(&key), None);
        cache.write(&key, b"payload");
        assert_eq!(cache.read(&key).as_deref(), Some(&b"payload"[..]));

        let path = folder.path().join(&key.name);
        let whole = std::fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() - 1], &whole[..10], b"", &[whole.as_slice(), b"x"].concat()] {
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(cache.read(&key), None);
        }
        let other = Key::new("code", &[b"source", b"v2"]);
        std::fs::write(folder.path().join(&other.name), &whole).unwrap();
        assert_eq!(cache.read(&other), None);
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(Key::new("x", &[b"ab", b"c"]).name, Key::new("x", &[b"a", b"bc"]).name);
    }
}
