//! What is written is read back; and no bytes at all make the readers panic.

use memtrace_wire::Allocator;
use memtrace_wire::block::{Coding, HEAD, Head};
use memtrace_wire::code::{Code, Definition, Lines, Module};
use memtrace_wire::entry::{Decoder, Encoder, Entry, MAX};
use memtrace_wire::header::{End, Header, Options};
use memtrace_wire::tables::Tables;
use proptest::prelude::*;

fn entry() -> impl Strategy<Value = Entry> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>(), any::<i32>(), 0..15_usize);
    (0..11, numbers).prop_map(|(kind, (seq, address, size, word, instruction, allocator))| match kind {
        0 => {
            let allocator = Allocator::ALL[allocator];
            Entry::Allocation { seq, allocator, address, size, stack: word }
        }
        1 => Entry::Free { seq, address },
        2 => Entry::Unmap { seq, address, size },
        3 => Entry::Stack { parent: word, code: word.wrapping_mul(31), instruction },
        4 => Entry::ThreadName { name: word },
        5 => Entry::Sample { seq, ms: address, resident: size },
        6 => Entry::NativeFrame { module: word, address, interprets: size & 1 == 0 },
        7 => Entry::NativeStack { parent: word, frame: word.wrapping_mul(31) },
        8 => Entry::Mixed { python: word, native: word.wrapping_mul(31) },
        9 => Entry::Task { name: word },
        _ => Entry::Thread { id: word },
    })
}

/// Allocations and frees of a few addresses, so that one soon comes after the other.
fn event() -> impl Strategy<Value = Entry> {
    (any::<bool>(), 0..100_u64, 0..50_u64, 0..3000_u64, 0..9_u32).prop_map(
        |(given, seq, place, size, stack)| {
            let address = 0x7f00_0000_0000 + (place << 4);
            let allocator = Allocator::PyMalloc;
            if given {
                Entry::Allocation { seq, allocator, address, size, stack }
            } else {
                Entry::Free { seq, address }
            }
        },
    )
}

#[test]
fn a_block_that_is_freed_soon_takes_a_byte() {
    let mut encoder = Encoder::new(1);
    let mut used = |entry| encoder.encode(&mut [0; MAX], entry);
    let address = |nth: u64| 0x7f12_3456_7890 + nth * 0x1230;
    for nth in 0..40 {
        let (allocator, address) = (Allocator::Malloc, address(nth));
        used(Entry::Allocation { seq: 1 + nth, allocator, address, size: 1000, stack: 0 });
    }
    assert_eq!(used(Entry::Free { seq: 41, address: address(39) }), 1);
    assert_eq!(used(Entry::Free { seq: 42, address: address(9) }), 1);
    assert!(used(Entry::Free { seq: 43, address: address(8) }) > 1);
}

#[test]
fn a_block_that_is_freed_late_is_freed_by_its_address() {
    let (first, other) = (0x7f12_3456_7890, 0x7f12_3456_9000);
    for between in 1..600 {
        let mut encoder = Encoder::new(1);
        let mut used = |entry| encoder.encode(&mut [0; MAX], entry);
        let (allocator, size, stack) = (Allocator::Malloc, 1000, 0);
        used(Entry::Allocation { seq: 1, allocator, address: first, size, stack });
        for nth in 0..between {
            used(Entry::Allocation { seq: 2 + nth, allocator, address: other, size, stack });
        }
        let is_recent = used(Entry::Free { seq: 2 + between, address: first }) == 1;
        assert_eq!(is_recent, between < 31, "{between}");
    }
}

proptest! {
    #[test]
    fn events(entries in prop::collection::vec(event(), 0..600)) {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(0);
        for &entry in &entries {
            let mut room = [0; MAX];
            let used = encoder.encode(&mut room, entry);
            bytes.extend_from_slice(&room[..used]);
        }
        let mut decoder = Decoder::new(0);
        let read: Vec<Entry> = std::iter::from_fn(|| decoder.decode(&bytes).unwrap_or(None)).collect();
        prop_assert_eq!(read, entries);
    }

    #[test]
    fn entries(entries in prop::collection::vec(entry(), 0..200), first_seq: u64) {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(first_seq);
        for &entry in &entries {
            let mut room = [0; MAX];
            let used = encoder.encode(&mut room, entry);
            bytes.extend_from_slice(&room[..used]);
        }
        let mut decoder = Decoder::new(first_seq);
        let mut read = Vec::new();
        while let Some(entry) = decoder.decode(&bytes).unwrap_or(None) {
            read.push(entry);
        }
        prop_assert_eq!(read, entries);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut decoder = Decoder::new(0);
        while let Ok(Some(_)) = decoder.decode(&bytes) {}
        let mut at = 0;
        while let Ok(Some(_)) = Definition::decode(&bytes, &mut at) {}
    }

    #[test]
    fn codes(file: String, function: String, first_line: u32, line_table: Vec<u8>, id: u32) {
        let name = Definition::Name(id, file.clone());
        let module = Definition::Module(id, Module { path: file.clone(), build_id: line_table.clone() });
        let lines = if first_line & 1 == 0 { Lines::Own } else { Lines::Ranges };
        let code = Definition::Code(id, Code { file, function, first_line, line_table, lines });
        let (mut bytes, mut at) = (Vec::new(), 0);
        code.encode(&mut bytes);
        name.encode(&mut bytes);
        module.encode(&mut bytes);
        prop_assert_eq!(Definition::decode(&bytes, &mut at), Ok(Some(code)));
        prop_assert_eq!(Definition::decode(&bytes, &mut at), Ok(Some(name)));
        prop_assert_eq!(Definition::decode(&bytes, &mut at), Ok(Some(module)));
        prop_assert_eq!(Definition::decode(&bytes, &mut at), Ok(None));
    }

    #[test]
    fn tables(texts: Vec<String>, columns: Vec<Vec<u64>>, bytes: Vec<u8>) {
        let tables = Tables { texts, columns };
        let mut encoded = tables.encode();
        prop_assert_eq!(Tables::decode(&encoded), Ok(tables));
        let _ = Tables::decode(&bytes);
        encoded.extend(bytes.iter().take(1));
        prop_assert_eq!(Tables::decode(&encoded).is_ok(), bytes.is_empty());
    }

    #[test]
    fn heads(stream: u32, index: u32, unpacked: u32, capacity: u32, first_seq: u64, bytes: [u8; HEAD]) {
        let head = Head { stream, index, coding: Coding::Zstd { unpacked }, capacity, used: capacity / 2, first_seq };
        prop_assert_eq!(Head::decode(&head.encode()), Ok(head));
        let _ = Head::decode(&bytes);
    }

    #[test]
    fn headers(claimed: u64, python: u32, stopped: u32, code: u32, pid: u32, command in prop::collection::vec("[^\0]{0,2000}", 1..4)) {
        let header = Header {
            claimed, attached: true, python, frames: python & 1 == 0, stopped, pid,
            end: Some(End::Killed(code)), started_us: 7, ended_us: 9, command: command.clone(),
            monotonic_us: claimed / 2, parent: pid / 2, run: claimed / 3, peak_resident: claimed / 5,
            options: Options { follow: pid & 1 == 0, python_allocators: pid & 2 == 0, native: pid & 4 == 0, aggregate: pid & 8 == 0 },
        };
        let read = Header::decode(&header.encode());
        let fits = command.join("\0").len() <= 3900;
        prop_assert!(!fits || read == Ok(header));
    }
}
