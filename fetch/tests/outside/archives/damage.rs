//! Archives that are cut short or damaged.

use super::{gzip, run, tar, zip};
use crate::{World, files, leftovers, noise};

/// Fails twice with `code`, and nothing is there but the archive.
#[track_caller]
fn fails_twice(world: &World, name: &str, bytes: &[u8], process: &str, code: &str) {
    let _ = std::fs::remove_dir_all(world.path("data"));
    world.server.file(&format!("/{name}"), bytes);
    let url = world.server.url(&format!("/{name}"));
    for _ in 0..2 {
        let records = world.records(&["get", "--cache", "data", "--process", process, &url], 2);
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(records[0]["code"], code, "{name}: {}", records[0]);
        // pooch takes the part that came out for the whole the next time.
        assert_eq!(files(&world.path("data")), [name]);
        assert_eq!(leftovers(&world.path("data")), [""; 0]);
    }
}

#[test]
fn a_compressed_file_cut_short_is_an_error_every_time() {
    let world = World::new();
    let long = noise(300_000, 3);
    std::fs::write(world.path("x"), &long).unwrap();
    run(
        &world,
        "python3",
        &[
            "-c",
            "import bz2, lzma; b = open('x', 'rb').read()\n\
        open('x.bz2', 'wb').write(bz2.compress(b)); open('x.xz', 'wb').write(lzma.compress(b))",
        ],
    );
    let read = |name: &str| std::fs::read(world.path(name)).unwrap();
    for (name, whole) in [
        ("x.gz", gzip(&long)),
        ("x.bz2", read("x.bz2")),
        ("x.xz", read("x.xz")),
        ("x.zst", zstd::encode_all(&long[..], 1).unwrap()),
    ] {
        for cut in [20, whole.len() / 2, whole.len() - 1] {
            fails_twice(&world, name, &whole[..cut], "decompress", "bad_archive");
        }
        // Something else behind it; a second one, cut short.
        fails_twice(
            &world,
            name,
            &[&whole[..], b"garbage that is no stream"].concat(),
            "decompress",
            "bad_archive",
        );
        fails_twice(
            &world,
            name,
            &[&whole[..], &whole[..whole.len() / 2]].concat(),
            "decompress",
            "bad_archive",
        );
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x10;
        if name != "x.zst" {
            fails_twice(&world, name, &flipped, "decompress", "bad_archive");
        }
    }
}

#[test]
fn an_archive_cut_short_or_damaged_is_an_error_every_time() {
    let world = World::new();
    let long = noise(300_000, 4);
    let tree: [(&str, &[u8]); 3] = [("a", b"1"), ("dir/long", &long), ("z", b"2")];
    let (plain, zip) = (tar(&tree), zip(&tree));
    let gz = gzip(&plain);
    fails_twice(&world, "t.tar", &plain[..200_000], "untar", "bad_archive");
    fails_twice(&world, "t.tar", &plain[..100], "untar", "bad_archive");
    fails_twice(&world, "t.tar.gz", &gz[..gz.len() / 2], "untar", "bad_archive");
    // All members are there, but not the checksum of the stream.
    fails_twice(&world, "t.tar.gz", &gz[..gz.len() - 4], "untar", "bad_archive");
    fails_twice(&world, "t.zip", &zip[..zip.len() - 30], "unzip", "bad_archive");
    fails_twice(&world, "t.zip", &zip[..zip.len() / 2], "auto", "bad_archive");
    let mut flipped = zip.clone();
    flipped[150_000] ^= 1;
    fails_twice(&world, "t.zip", &flipped, "unzip", "bad_archive");
    let mut header = plain.clone();
    header[1024 + 3] ^= 1;
    fails_twice(&world, "t.tar", &header, "untar", "bad_archive");
}

#[test]
fn what_is_not_the_kind_asked_for_is_an_error() {
    let world = World::new();
    for process in ["unzip", "untar", "decompress"] {
        fails_twice(&world, "x", b"plain text", process, "bad_archive");
        fails_twice(&world, "x", b"", process, "bad_archive");
    }
    fails_twice(&world, "x", &gzip(b"no tar"), "untar", "bad_archive");
}

#[test]
fn an_encrypted_member_is_named() {
    let world = World::new();
    world.write("secret", "text");
    run(&world, "zip", &["-q", "-P", "word", "e.zip", "secret"]);
    let failed = &world.records(&["extract", "e.zip"], 2)[0];
    assert_eq!(
        (&failed["code"], &failed["message"]),
        (&"bad_archive".into(), &"the member \"secret\" is encrypted".into())
    );
}

#[test]
fn one_bad_archive_does_not_keep_the_others_from_being_unpacked() {
    let world = World::new();
    std::fs::write(world.path("a.gz"), "no gzip").unwrap();
    std::fs::write(world.path("b.gz"), gzip(b"1")).unwrap();
    let records = world.records(&["extract", "gone", "a.gz", "b.gz"], 2);
    let types: Vec<_> = records.iter().map(|record| record["type"].as_str().unwrap()).collect();
    let failed = "fetch.file.failed";
    assert_eq!(types, [failed, failed, "fetch.file.extracted", "fetch.archive.extracted"]);
    assert_eq!(records[0]["code"], "file_error");
}
