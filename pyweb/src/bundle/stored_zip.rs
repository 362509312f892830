//! A ZIP archive with its entries stored instead of deflated: Brotli packs what it can see into far less.
//! The same archive always becomes the same bytes. Must not know what is in it.

use std::cell::RefCell;
use std::io::{self, Read};

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// The new content of an entry, by its name and content; nothing for one that is to be left out.
pub type Change<'a> = &'a dyn Fn(&str, Vec<u8>) -> Option<Vec<u8>>;

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

/// `archive` with every entry stored, in the same order and with the same names and times. `change` is asked for the
/// content of each, by its name; an entry without any is left out.
pub fn stored(archive: &[u8], change: Change) -> io::Result<Vec<u8>> {
    rewrite(archive, change)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not a sound ZIP archive"))
}

/// The names of an archive's entries and their contents.
pub fn entries(archive: &[u8]) -> io::Result<Vec<(String, Vec<u8>)>> {
    let entries = RefCell::new(Vec::new());
    stored(archive, &|name, content| {
        entries.borrow_mut().push((name.to_owned(), content));
        None
    })?;
    Ok(entries.into_inner())
}

fn rewrite(archive: &[u8], change: Change) -> Option<Vec<u8>> {
    let end = archive.windows(END.len()).rposition(|bytes| bytes == END)?;
    let mut tail = archive.get(end..)?.to_vec();
    tail.get(..END_BYTES)?;
    let count = short(&tail, 10)?;
    let mut at = long(&tail, 16)?;

    let mut output = Vec::with_capacity(archive.len() * 4);
    let mut directory = Vec::new();
    let mut kept = 0_u16;
    for _ in 0..count {
        let size = CENTRAL_BYTES + lengths(archive, at + 28, 3)?;
        let mut entry = archive.get(at..at + size)?.to_vec();
        at += size;
        let name = entry.get(CENTRAL_BYTES..CENTRAL_BYTES + usize::from(short(&entry, 28)?))?;
        let Some(content) = change(std::str::from_utf8(name).ok()?, plain(archive, &entry)?) else {
            continue;
        };
        kept += 1;
        let offset = u32::try_from(output.len()).ok()?;
        let mut header = header(archive, &entry)?;
        describe(&mut header, LOCAL, &content)?;
        describe(&mut entry, CENTRAL, &content)?;
        put(&mut entry, 42, &offset.to_le_bytes())?;
        output.extend(header);
        output.extend(content);
        directory.extend(entry);
    }
    for at in [8, 10] {
        put(&mut tail, at, &kept.to_le_bytes())?;
    }
    put(&mut tail, 12, &u32::try_from(directory.len()).ok()?.to_le_bytes())?;
    put(&mut tail, 16, &u32::try_from(output.len()).ok()?.to_le_bytes())?;
    output.extend(directory);
    output.extend(tail);
    Some(output)
}

/// The header before the content of the entry that `central` describes.
fn header(archive: &[u8], central: &[u8]) -> Option<Vec<u8>> {
    let local = long(central, 42)?;
    Some(archive.get(local..local + LOCAL_BYTES + lengths(archive, local + 26, 2)?)?.to_vec())
}

/// The content of the entry that `central` describes, as long and with the checksum that it says.
fn plain(archive: &[u8], central: &[u8]) -> Option<Vec<u8>> {
    let local = long(central, 42)?;
    let data = local + LOCAL_BYTES + lengths(archive, local + 26, 2)?;
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
    let sound = plain.len() == long(central, 24)? && checksum(&plain) == *central.get(16..20)?;
    sound.then_some(plain)
}

/// Has a header, a local or a central one, say what a stored `content` is.
fn describe(header: &mut [u8], kind: &[u8], content: &[u8]) -> Option<()> {
    header.starts_with(kind).then_some(())?;
    // The central header has two more bytes before the same fields.
    let at = if kind == CENTRAL { 2 } else { 0 };
    let size = u32::try_from(content.len()).ok()?.to_le_bytes();
    let flags = short(header, at + 6)? & !SIZES_FOLLOW;
    put(header, at + 6, &flags.to_le_bytes())?;
    put(header, at + 8, &STORED.to_le_bytes())?;
    put(header, at + 14, &checksum(content))?;
    put(header, at + 18, &size)?;
    put(header, at + 22, &size)
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
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
