//! Digests of files and bytes. Must not know what they are digests of.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

/// The SHA-256 of some bytes in lowercase hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 of a file in lowercase hexadecimal.
pub fn sha256_file(path: &Path) -> io::Result<String> {
    Ok(hex(&file::<Sha256>(path)?))
}

/// The SHA-512 of a file as a Subresource Integrity string, as npm writes it.
pub fn integrity(path: &Path) -> io::Result<String> {
    Ok(format!("sha512-{}", STANDARD.encode(file::<Sha512>(path)?)))
}

fn file<D: Digest>(path: &Path) -> io::Result<Vec<u8>> {
    let mut hasher = D::new();
    let mut reader = BufReader::with_capacity(64 << 10, File::open(path)?);
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hasher.finalize().to_vec());
        }
        hasher.update(bytes);
        let read = bytes.len();
        reader.consume(read);
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
