//! Compressed streams: gzip, bzip2, xz, the older lzma, zstd. Must not know what is in them.
//!
//! Streams that stand behind one another are one, as their tools have it. Every decoder ends with an error where a stream
//! is cut short, or where something else follows.

use std::fs::File;
use std::io::{self, BufReader, Read};

use liblzma::stream::{CONCATENATED, Stream};

use super::ahead::read_ahead;
use super::budget::{Budget, Watched};
use super::target::{FileMeta, Target};
use super::{ArchiveError, Items, MemberPath};

/// The memory in bytes that a stream of xz may ask for: enough for a dictionary of 1 GiB.
const XZ_MEMORY: u64 = 3 << 29;
/// How much of an archive is read at a time.
const PIECE: usize = 256 * 1024;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Bzip2,
    /// xz, and lzma as it was before.
    Xz,
    Zstd,
}

impl Compression {
    /// By how a stream begins.
    pub fn detect(head: &[u8]) -> Option<Compression> {
        match head {
            // RFC 1952, section 2.3.1; 8 is the only method.
            [0x1f, 0x8b, 8, ..] => Some(Compression::Gzip),
            // A first block, or the end of an empty stream.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Compression::Bzip2),
            // The older one has no mark: the usual properties, a dictionary of whole 64 KiB, an unknown size.
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..]
            | [0x5d, 0, 0, _, _, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ..] => Some(Compression::Xz),
            // RFC 8878, sections 3.1.1 and 3.1.2: a frame, or one to be skipped.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// The content of `stream`.
    pub fn decoder<'a>(self, stream: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        let stream = BufReader::with_capacity(PIECE, stream);
        Ok(match self {
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(stream)),
            Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(stream)),
            Compression::Xz => {
                let decoder = Stream::new_auto_decoder(XZ_MEMORY, CONCATENATED)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(stream, decoder))
            }
            Compression::Zstd => Box::new(zstd::Decoder::with_buffer(stream)?),
        })
    }
}

/// Gives `consume` what is in `archive`: its bytes, decompressed if need be in a thread of its own.
pub fn read_content<T>(
    archive: &File,
    budget: &Budget<'_>,
    consume: impl FnOnce(Option<Compression>, &mut dyn Read) -> Result<T, ArchiveError>,
) -> Result<T, ArchiveError> {
    let mut head = Vec::new();
    let read = Watched::new(archive, budget).take(32).read_to_end(&mut head);
    read.map_err(|error| ArchiveError::damaged(&error))?;
    let stream = Watched::new(archive, budget);
    let Some(compression) = Compression::detect(&head) else {
        return consume(None, &mut BufReader::with_capacity(PIECE, stream));
    };
    let decoder = compression.decoder(stream).map_err(|error| ArchiveError::damaged(&error))?;
    read_ahead(decoder, |content| consume(Some(compression), content))
}

/// Decompresses a single file as `output`.
pub fn unpack(
    archive: &File,
    output: &MemberPath,
    target: &Target,
    budget: &Budget<'_>,
) -> Result<Items, ArchiveError> {
    read_content(archive, budget, |compression, content| {
        if compression.is_none() {
            return Err(ArchiveError::OtherKind("compressed with gzip, bzip2, xz or zstd"));
        }
        let file = target.writer().file(output, &FileMeta::default(), content, budget)?;
        Ok(Items::from([(output.clone(), file)]))
    })
}
