//! Files with holes as GNU tar writes them into pax archives, versions 0.0 to 1.0:
//! <https://www.gnu.org/software/tar/manual/html_node/PAX-0.html>. Must not know members or folders.

use std::collections::VecDeque;
use std::io::{self, Read};

/// So many blocks of data may a map have; more is no file that somebody made.
const BLOCKS: u64 = 1 << 20;
/// The length in bytes to which a map at the head of the data is filled up.
const BLOCK: u64 = 512;

/// What an extended header says of a file's holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    /// The member's own name; the archive has it under another.
    pub name: Option<Vec<u8>>,
    major: Option<u64>,
    size: Option<u64>,
    /// Offsets and lengths of the data, by turns.
    map: Vec<u64>,
    bad: bool,
}

impl Sparse {
    /// Takes in one attribute, `key` without `GNU.sparse.`.
    pub fn note(&mut self, key: &[u8], value: &[u8]) {
        let number = || std::str::from_utf8(value).ok()?.parse::<u64>().ok();
        match key {
            b"name" => self.name = Some(value.to_vec()),
            b"major" => self.major = number(),
            b"size" | b"realsize" => self.size = number(),
            b"offset" | b"numbytes" => match number() {
                Some(number) => self.map.push(number),
                None => self.bad = true,
            },
            b"map" => {
                let numbers = std::str::from_utf8(value).unwrap_or("?").split(',').map(str::parse);
                match numbers.collect() {
                    Ok(map) => self.map = map,
                    Err(_) => self.bad = true,
                }
            }
            _ => {}
        }
    }

    /// The whole file, of which `data` has what is not holes.
    pub fn open<R: Read>(mut self, mut data: R) -> io::Result<Holes<R>> {
        if self.major == Some(1) {
            self.map = read_map(&mut data)?;
        }
        let size = self.size.filter(|_| !self.bad && self.map.len().is_multiple_of(2));
        let size = size.ok_or_else(|| bad("the map of its holes cannot be read"))?;
        let blocks: VecDeque<_> = self.map.chunks_exact(2).map(|block| (block[0], block[1])).collect();
        let mut end = 0;
        for (from, length) in &blocks {
            let next = from.checked_add(*length).filter(|next| *from >= end && *next <= size);
            end = next.ok_or_else(|| bad("the map of its holes is out of order"))?;
        }
        Ok(Holes { data, blocks, at: 0, size })
    }
}

/// The map at the head of the data: how many blocks, then their offsets and lengths, each on a line of its own.
fn read_map(data: &mut impl Read) -> io::Result<Vec<u64>> {
    let mut read: u64 = 0;
    let mut number = || -> io::Result<u64> {
        let mut value: u64 = 0;
        loop {
            let mut byte = [0];
            data.read_exact(&mut byte)?;
            read += 1;
            let digit = match byte[0] {
                b'\n' => return Ok(value),
                digit @ b'0'..=b'9' => u64::from(digit - b'0'),
                _ => return Err(bad("the map of its holes cannot be read")),
            };
            let next = value.checked_mul(10).and_then(|value| value.checked_add(digit));
            value = next.ok_or_else(|| bad("the map of its holes cannot be read"))?;
        }
    };
    let blocks = number()?;
    if blocks > BLOCKS {
        return Err(bad("the map of its holes is too long"));
    }
    let map = (0..2 * blocks).map(|_| number()).collect::<io::Result<Vec<u64>>>()?;
    let padding = read.next_multiple_of(BLOCK) - read;
    io::copy(&mut data.take(padding), &mut io::sink())?;
    Ok(map)
}

fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Reads a file with its holes as zeros.
#[derive(Debug)]
pub struct Holes<R> {
    data: R,
    blocks: VecDeque<(u64, u64)>,
    at: u64,
    size: u64,
}

impl<R> Holes<R> {
    /// The size in bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl<R: Read> Read for Holes<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.blocks.front().is_some_and(|(from, length)| self.at >= from + length) {
            self.blocks.pop_front();
        }
        let room = |length: u64| usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
        let read = match self.blocks.front() {
            Some((from, length)) if self.at >= *from => {
                let room = room(from + length - self.at);
                match self.data.read(&mut bytes[..room])? {
                    0 if room > 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => read,
                }
            }
            next => {
                let room = room(next.map_or(self.size, |(from, _)| *from) - self.at);
                bytes[..room].fill(0);
                room
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(attributes: &[(&str, &str)], data: &[u8]) -> io::Result<Vec<u8>> {
        let mut sparse = Sparse::default();
        for (key, value) in attributes {
            sparse.note(key.as_bytes(), value.as_bytes());
        }
        let mut file = Vec::new();
        sparse.open(data)?.read_to_end(&mut file)?;
        Ok(file)
    }

    #[test]
    fn every_version_of_the_map_is_read() {
        let whole = b"\0\0ab\0c\0".to_vec();
        let old = [("size", "7"), ("offset", "2"), ("numbytes", "2"), ("offset", "5"), ("numbytes", "1")];
        assert_eq!(read(&old, b"abc").ok(), Some(whole.clone()));
        assert_eq!(read(&[("size", "7"), ("map", "2,2,5,1")], b"abc").ok(), Some(whole.clone()));
        let mut data = b"2\n2\n2\n5\n1\n".to_vec();
        data.resize(512, 0);
        data.extend(b"abc");
        assert_eq!(read(&[("major", "1"), ("minor", "0"), ("realsize", "7")], &data).ok(), Some(whole));
        assert_eq!(read(&[("size", "3")], b"").ok(), Some(vec![0; 3]));
    }

    #[test]
    fn bad_maps_are_errors() {
        for map in ["5,1,2,2", "2", "x,1", "6,2", "18446744073709551615,2", ""] {
            assert!(read(&[("size", "7"), ("map", map)], b"abc").is_err(), "{map:?}");
        }
        assert!(read(&[("size", "7"), ("map", "0,7")], b"abc").is_err(), "data cut short");
        assert!(read(&[("map", "0,1")], b"a").is_err(), "no size");
        assert!(read(&[("major", "1"), ("realsize", "7")], b"99999999999\n").is_err());
    }
}
