//! A ZIP archive with its entries stored instead of deflated: Brotli packs what it can see into far less.
//! The same archive always becomes the same bytes. Must not know what is in it.

use std::io::{self, Read};

use flate2::Crc;
use flate2::read::DeflateDecoder;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// The flag that sizes follow the data; they stand in the header here.
const SIZES_FOLLOW: u16 = 1 << 3;

/// `archive` with every entry stored, in the same order and with the same names and times.
pub fn stored(archive: &[u8]) -> io::Result<Vec<u8>> {
    rewrite(archive)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not a sound ZIP archive"))
}

fn rewrite(archive: &[u8]) -> Option<Vec<u8>> {
    let end = archive.windows(END.len()).rposition(|bytes| bytes == END)?;
    let mut tail = archive.get(end..)?.to_vec();
    tail.get(..END_BYTES)?;
    let count = short(&tail, 10)?;
    let mut at = long(&tail, 16)?;

    let mut output = Vec::with_capacity(archive.len() * 4);
    let mut directory = Vec::new();
    for _ in 0..count {
        let size = CENTRAL_BYTES + lengths(archive, at + 28, 3)?;
        let mut entry = archive.get(at..at + size)?.to_vec();
        at += size;
        let offset = u32::try_from(output.len()).ok()?;
        append(archive, &entry, &mut output)?;
        let flags = short(&entry, 8)? & !SIZES_FOLLOW;
        put(&mut entry, 8, &flags.to_le_bytes())?;
        put(&mut entry, 10, &STORED.to_le_bytes())?;
        let plain: [u8; 4] = entry.get(24..28)?.try_into().ok()?;
        put(&mut entry, 20, &plain)?;
        put(&mut entry, 42, &offset.to_le_bytes())?;
        entry.starts_with(CENTRAL).then(|| directory.extend(entry))?;
    }
    put(&mut tail, 12, &u32::try_from(directory.len()).ok()?.to_le_bytes())?;
    put(&mut tail, 16, &u32::try_from(output.len()).ok()?.to_le_bytes())?;
    output.extend(directory);
    output.extend(tail);
    Some(output)
}

/// Appends the header and the plain bytes of the entry that `central` describes.
fn append(archive: &[u8], central: &[u8], output: &mut Vec<u8>) -> Option<()> {
    let local = long(central, 42)?;
    let data = local + LOCAL_BYTES + lengths(archive, local + 26, 2)?;
    let mut header = archive.get(local..data)?.to_vec();
    let packed = archive.get(data..data + long(central, 20)?)?;
    let plain = match short(central, 10)? {
        STORED => packed.to_vec(),
        DEFLATED => {
            let mut plain = Vec::new();
            let limit = u64::try_from(long(central, 24)?).ok()? + 1;
            DeflateDecoder::new(packed).take(limit).read_to_end(&mut plain).ok()?;
            plain
        }
        _ => return None,
    };
    let mut crc = Crc::new();
    crc.update(&plain);
    if plain.len() != long(central, 24)? || crc.sum().to_le_bytes() != *central.get(16..20)? {
        return None;
    }
    let flags = short(&header, 6)? & !SIZES_FOLLOW;
    put(&mut header, 6, &flags.to_le_bytes())?;
    put(&mut header, 8, &STORED.to_le_bytes())?;
    put(&mut header, 14, central.get(16..20)?)?;
    put(&mut header, 18, central.get(24..28)?)?;
    put(&mut header, 22, central.get(24..28)?)?;
    header.starts_with(LOCAL).then(|| output.extend(header))?;
    output.extend(plain);
    Some(())
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()
}

/// The sum of `count` lengths of variable fields from `at` on.
fn lengths(bytes: &[u8], at: usize, count: usize) -> Option<usize> {
    (0..count).map(|field| short(bytes, at + 2 * field).map(usize::from)).sum()
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    bytes.get_mut(at..at + value.len())?.copy_from_slice(value);
    Some(())
}
