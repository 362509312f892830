//! Captures: whatever their bytes are, reading them ends with an error or with answers that agree with each other.
//!
//! An odd first byte: the rest is the file. An even one: a sound header, with native stacks or without, and blocks of
//! the rest, each of a byte for stream and coding, one for the sequence number, two for the length, and so many bytes.
#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use memtrace::events::{At, Event, Symbols};
use memtrace::reduce::calls::Calls;
use memtrace::reduce::profile::Profile;
use memtrace::reduce::tree::Tree;
use memtrace::source;
use memtrace_wire::block::{Coding, Head};
use memtrace_wire::header::{End, Header, Options, SIZE};

/// Reading a few events must not take long, however far apart they claim to be.
const MOST_EVENTS: usize = 50_000;

fn capture(mut bytes: &[u8], native: bool) -> Vec<u8> {
    let header = Header {
        claimed: SIZE as u64,
        attached: true,
        python: 0x030c_01f0,
        frames: true,
        end: Some(End::Exited(0)),
        options: Options { native, ..Options::default() },
        command: vec!["fuzz".to_owned()],
        ..Header::default()
    };
    let mut file = header.encode().to_vec();
    let mut indexes = [0; 4];
    while let [kind, first_seq, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (plain, rest) = rest.split_at(length);
        bytes = rest;
        let stream = usize::from(kind & 3);
        let packed = kind & 4 != 0;
        let stored = if packed { zstd::bulk::compress(plain, 1).expect("memory") } else { plain.to_vec() };
        let size = u32::try_from(stored.len()).unwrap_or(0);
        let unpacked = u32::try_from(plain.len()).unwrap_or(0);
        let head = Head {
            stream: u32::try_from(stream).unwrap_or(0),
            index: indexes[stream],
            coding: if packed { Coding::Zstd { unpacked } } else { Coding::Plain },
            capacity: size,
            used: size,
            first_seq: u64::from(*first_seq),
        };
        indexes[stream] += 1;
        file.extend(head.encode());
        file.extend(stored);
    }
    file
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = match bytes.split_first() {
        Some((first, rest)) if first % 2 == 1 => rest.to_vec(),
        Some((first, rest)) => capture(rest, first & 2 != 0),
        None => return,
    };
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&bytes).expect("a temporary file");
    let mut symbols = Symbols::default();
    let mut profile = Profile::default().with_lifetimes();
    let mut events: Vec<Event> = Vec::new();
    let read = source::read(file.path(), &mut symbols, &mut |batch, _| {
        // Sums of sizes that no machine has are not what is tried here.
        events.extend(batch.drain(..).filter(|event| match *event {
            Event::Allocated { size, .. } | Event::Unmapped { size, .. } => size < 1 << 40,
            _ => true,
        }));
        if events.len() < MOST_EVENTS { source::Flow::Continue(()) } else { source::Flow::Break(()) }
    });
    if read.is_err() {
        return;
    }
    profile.apply_all(&events);
    let stats = profile.stats(&symbols, None);
    let kinds = [At::Peak, At::Leaked, At::Temporary].map(|at| profile.by_site(at));
    let sums = [stats.peak_bytes, stats.leaked_bytes, stats.temporary_bytes];
    for (sites, whole) in kinds.iter().zip(sums) {
        assert_eq!(sites.iter().map(|(_, measure)| measure.bytes).sum::<u64>(), whole);
    }
    let history = profile.history();
    assert!(history.moments.len() <= 200);
    let tree = Tree::with_lives(
        [&kinds[0], &kinds[1], &kinds[2]],
        &history.lives,
        profile.sites(),
        &symbols,
    )
    .bounded(20);
    for (kind, whole) in sums.into_iter().enumerate() {
        assert_eq!(tree.cumulative(kind)[0].bytes, whole);
        assert_eq!(Calls::new(&tree, kind, |_| false).root().cumulative.bytes, whole);
    }
    let _ = profile.aggregate().usage();
});
