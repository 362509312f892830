//! The `.br` and `.gz` copies that servers hand out instead of a file; the larger ones are remembered by the
//! file's digest, because Brotli's best takes minutes. Must not know what a bundle is.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use common::fs::FileError;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cli::Compress;
use crate::error::BundleError;

/// What is worth remembering: below this, looking it up costs as much as doing it again.
const REMEMBERED_BYTES: usize = 64 << 10;

/// Brotli sees as far back as HTTP lets it: 16 MiB (RFC 7932, 9.1).
const BROTLI_WINDOW: i32 = 24;

/// What shrinks; other formats are compressed already, and so are most ZIP archives, whose copies are dropped.
const SHRINKING: [&str; 20] = [
    "bin",
    "css",
    "csv",
    "htm",
    "html",
    "ico",
    "js",
    "json",
    "map",
    "md",
    "mjs",
    "py",
    "svg",
    "toml",
    "ttf",
    "txt",
    "wasm",
    "webmanifest",
    "xml",
    "zip",
];

/// How files are compressed.
#[derive(Clone, Debug)]
pub struct Compressor {
    levels: Option<Levels>,
    memory: PathBuf,
}

#[derive(Clone, Copy, Debug)]
struct Levels {
    brotli: i32,
    gzip: u32,
}

impl Compressor {
    /// As hard as `how` says.
    pub fn new(how: Compress) -> Result<Self, BundleError> {
        let levels = match how {
            Compress::None => None,
            Compress::Fast => Some(Levels { brotli: 9, gzip: 6 }),
            Compress::Best => Some(Levels { brotli: 11, gzip: 9 }),
        };
        Ok(Compressor { levels, memory: common::fs::cache_dir("pyweb")?.join("compressed") })
    }

    /// Writes the `.br` and `.gz` copies of the file at `path`, where they are smaller; the answer is the
    /// size of the Brotli copy, or of the file when there is none.
    pub fn compress(&self, path: &Path, sha256: &str) -> Result<u64, BundleError> {
        let plain = std::fs::read(path).map_err(FileError::at("read", path))?;
        let size = plain.len() as u64;
        let Some(levels) = self.levels.filter(|_| shrinks(path)) else { return Ok(size) };
        let brotli =
            self.remembered(&plain, &format!("{sha256}.br{}w{BROTLI_WINDOW}", levels.brotli), |plain| {
                brotli(plain, levels.brotli)
            })?;
        let gzip = self
            .remembered(&plain, &format!("{sha256}.gz{}", levels.gzip), |plain| gzip(plain, levels.gzip))?;
        beside(path, "br", &brotli, plain.len())?;
        beside(path, "gz", &gzip, plain.len())?;
        Ok(size.min(brotli.len() as u64))
    }

    fn remembered(
        &self,
        plain: &[u8],
        name: &str,
        make: impl Fn(&[u8]) -> io::Result<Vec<u8>>,
    ) -> Result<Vec<u8>, BundleError> {
        let failed = |error| BundleError::Compress { cause: error };
        if plain.len() < REMEMBERED_BYTES {
            return make(plain).map_err(failed);
        }
        let memory = self.memory.join(name);
        if let Ok(known) = std::fs::read(&memory) {
            return Ok(known);
        }
        let bytes = make(plain).map_err(failed)?;
        // A full or read-only disk only makes the next bundle slower.
        let _ = common::fs::write_atomic(memory, &bytes);
        Ok(bytes)
    }
}

/// Whether a file is of a format that shrinks; a licence has none, or is its own.
fn shrinks(path: &Path) -> bool {
    let kind = path.extension().or(path.file_name()).and_then(|kind| kind.to_str()).unwrap_or_default();
    SHRINKING.contains(&kind) || kind == "LICENSE"
}

fn beside(path: &Path, extension: &str, bytes: &[u8], plain: usize) -> Result<(), BundleError> {
    if bytes.len() >= plain {
        return Ok(());
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    Ok(std::fs::write(&name, bytes).map_err(FileError::at("write", Path::new(&name)))?)
}

fn brotli(plain: &[u8], quality: i32) -> io::Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality,
        lgwin: BROTLI_WINDOW,
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut bytes = Vec::new();
    brotli::BrotliCompress(&mut io::Cursor::new(plain), &mut bytes, &params)?;
    Ok(bytes)
}

fn gzip(plain: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn copies_hold_what_the_file_holds() -> Result<(), Box<dyn std::error::Error>> {
        let plain = "a line like many others\n".repeat(999).into_bytes();
        let mut back = Vec::new();
        brotli::Decompressor::new(&brotli(&plain, 5)?[..], 4096).read_to_end(&mut back)?;
        assert_eq!(back, plain);
        back.clear();
        flate2::read::GzDecoder::new(&gzip(&plain, 6)?[..]).read_to_end(&mut back)?;
        assert_eq!(back, plain);
        Ok(())
    }
}
