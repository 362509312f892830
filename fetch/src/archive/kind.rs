//! Which kind of archive a file is, by its content. Must not know what is in it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use common::fs::FileError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compress::Compression;

/// How a file is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A zip archive.
    Unzip,
    /// A tar archive, perhaps compressed.
    Untar,
    /// A single compressed file.
    Decompress,
}

/// The length in bytes of a tar header: <https://www.gnu.org/software/tar/manual/html_node/Standard.html>
const BLOCK: usize = 512;

impl Kind {
    /// What `file` is; nothing when it is neither an archive nor compressed. The name in `path` counts where the content
    /// leaves a doubt.
    pub fn detect(file: &File, path: &Path) -> Result<Option<Kind>, FileError> {
        let mut head = [0; BLOCK];
        let length = read_start(file, &mut head).map_err(FileError::at("read", path))?;
        let head = &head[..length];
        // A zip begins with a member, or with the end of its list when there is none.
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            return Ok(Some(Kind::Unzip));
        }
        let tar = |head: &[u8]| has_tar_header(head) || is_empty_tar(head) && is_called_tar(path);
        if tar(head) {
            return Ok(Some(Kind::Untar));
        }
        let Some(compression) = Compression::detect(head) else { return Ok(None) };
        let mut content = Vec::new();
        // One that breaks off so soon is damaged; that is found out when it is decompressed.
        let decoder = compression.decoder(Start { file, at: 0 });
        let _ = decoder.and_then(|decoder| decoder.take(BLOCK as u64).read_to_end(&mut content));
        Ok(Some(if tar(&content) { Kind::Untar } else { Kind::Decompress }))
    }

    /// What pooch puts behind the file's name for what comes out of it.
    pub fn suffix(self) -> &'static str {
        match self {
            Kind::Unzip => ".unzip",
            Kind::Untar => ".untar",
            Kind::Decompress => ".decomp",
        }
    }
}

/// Whether a header of tar stands there: its checksum is right.
pub fn has_tar_header(head: &[u8]) -> bool {
    let Some(head) = head.get(..BLOCK) else { return false };
    let field: String = head[148..156].iter().map(|byte| char::from(*byte)).collect();
    let told = u32::from_str_radix(field.trim_matches([' ', '\0']), 8);
    // The field itself counts as eight spaces.
    let sum: u32 =
        head[..148].iter().chain(b"        ").chain(&head[156..]).map(|byte| u32::from(*byte)).sum();
    told == Ok(sum)
}

/// Whether a tar archive without members begins so: zeros, which other files may begin with too.
pub fn is_empty_tar(head: &[u8]) -> bool {
    head.get(..BLOCK).is_some_and(|head| head.iter().all(|byte| *byte == 0))
}

fn is_called_tar(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.contains(".tar") || [".tgz", ".tbz2", ".txz"].iter().any(|ending| name.ends_with(ending))
}

struct Start<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Start<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn read_start(file: &File, head: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < head.len() {
        match file.read_at(&mut head[length..], length as u64)? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}
