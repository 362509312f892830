//! Archives that want out of their folder, or to fill the disk.

use std::io::Write;

use serde_json::json;

use super::{gzip, of, run, tar, zip};
use crate::World;

/// A member of a tar archive: type, name, target of a link, content.
type Member<'a> = (u8, &'a [u8], &'a [u8], &'a [u8]);

/// A tar archive of members as they are, whatever their names.
fn raw_tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (kind, name, link, content) in members {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..108].copy_from_slice(b"0006755\0");
        header[108..124].copy_from_slice(b"0000000\x000000000\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[156] = *kind;
        header[157..157 + link.len()].copy_from_slice(link);
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(*content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// A zip archive of members as they are: name, mode, content.
fn raw_zip(world: &World, members: &[(&str, u32, &str)]) -> Vec<u8> {
    let python = "import json, sys, zipfile\n\
        z = zipfile.ZipFile('raw.zip', 'w')\n\
        for name, mode, text in json.loads(sys.argv[1]):\n \
         i = zipfile.ZipInfo('x'); i.filename = name; i.create_system = 3; i.external_attr = mode << 16\n \
         z.writestr(i, text)\n\
        z.close()";
    run(world, "python3", &["-c", python, &json!(members).to_string()]);
    std::fs::read(world.path("raw.zip")).unwrap()
}

/// The archive is refused with this code by `get` and by `extract`, and nothing of it is seen anywhere.
#[track_caller]
fn refused(world: &World, name: &str, archive: &[u8], code: &str, said: &str) {
    let outer = tempfile::tempdir_in(world.folder.path()).unwrap();
    let inner = outer.path().join("in");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join(name), archive).unwrap();
    let url = format!("file://{}", inner.join(name).display());
    let cache = inner.join("data");
    let cache = cache.to_str().unwrap();
    for _ in 0..2 {
        let failed = &world.records(&["get", "--cache", cache, "--process", "auto", &url], 2)[0];
        assert_eq!(failed["type"], "fetch.file.failed", "{failed}");
        assert_eq!(failed["code"], code, "{failed}");
        assert!(failed["message"].as_str().unwrap().contains(said), "{failed}");
    }
    let ran = kit::run(world.fetch(&["extract", "--format", "human", name]).current_dir(&inner)).exits(2);
    assert!(
        ran.stderr.starts_with(&format!("error: {name}: ")) && ran.stderr.contains("hint: "),
        "{}",
        ran.stderr
    );
    let mut seen: Vec<_> = crate::files(outer.path());
    seen.retain(|path| !path.ends_with(name));
    assert!(seen.is_empty(), "{seen:?}");
    let there = |folder: &str| std::fs::read_dir(inner.join(folder)).unwrap().count();
    assert_eq!((there("."), there("data"), there("data/.fetch/unpacking")), (2, 2, 0), "no folder is left");
}

#[test]
fn names_that_lead_out_are_refused() {
    let world = World::new();
    for name in ["../x", "a/../../x", "/tmp/fetch-escaped", "C:/x", "C:\\x", "..", "a/.."] {
        refused(
            &world,
            "t.tar",
            &raw_tar(&[(b'0', b"fine", b"", b"1"), (b'0', name.as_bytes(), b"", b"2")]),
            "unsafe_path",
            name.trim_end_matches("\\x"),
        );
        refused(
            &world,
            "t.zip",
            &raw_zip(&world, &[("fine", 0o100_644, "1"), (name, 0o100_644, "2")]),
            "unsafe_path",
            "is no path below the folder",
        );
    }
    refused(&world, "t.zip", &raw_zip(&world, &[("a\0b", 0o100_644, "1")]), "unsafe_path", "NUL");
    assert!(!std::path::Path::new("/tmp/fetch-escaped").exists());
}

#[test]
fn backslashes_lead_out_neither() {
    let world = World::new();
    let python = "import zipfile\n\
        z = zipfile.ZipFile('w.zip', 'w')\n\
        i = zipfile.ZipInfo('x'); i.filename = '..\\\\..\\\\x'; i.create_system = 0; z.writestr(i, '1'); z.close()";
    run(&world, "python3", &["-c", python]);
    let archive = std::fs::read(world.path("w.zip")).unwrap();
    refused(&world, "t.zip", &archive, "unsafe_path", "has a .. in it");
}

#[test]
fn links_that_lead_out_are_refused() {
    let world = World::new();
    for (link, target) in
        [("l", "/etc/passwd"), ("l", ".."), ("a/l", "../../x"), ("l", "a/../../x"), ("l", "")]
    {
        let archive = raw_tar(&[(b'2', link.as_bytes(), target.as_bytes(), b"")]);
        refused(&world, "t.tar", &archive, "unsafe_path", "its link");
        refused(&world, "t.zip", &raw_zip(&world, &[(link, 0o120_777, target)]), "unsafe_path", "its link");
    }
    for target in ["../x", "/etc/passwd"] {
        let archive = raw_tar(&[(b'1', b"l", target.as_bytes(), b"")]);
        refused(&world, "t.tar", &archive, "unsafe_path", "its hard link leads out");
    }
}

#[test]
fn no_file_is_written_through_a_link() {
    let world = World::new();
    let archive = raw_tar(&[(b'2', b"l", b"a", b""), (b'5', b"a/", b"", b""), (b'0', b"l/x", b"", b"1")]);
    refused(&world, "t.tar", &archive, "unsafe_path", "through a symbolic link");
    for members in [
        [("l", 0o120_777, "a"), ("a/", 0o040_755, ""), ("l/x", 0o100_644, "1")],
        [("l/x", 0o100_644, "1"), ("a/", 0o040_755, ""), ("l", 0o120_777, "a")],
    ] {
        refused(&world, "t.zip", &raw_zip(&world, &members), "unsafe_path", "through a symbolic link");
    }
}

#[test]
fn chains_of_links_lead_nowhere_outside() {
    let world = World::new();
    // Each link alone stays inside by its letters; together they would climb.
    let up = raw_tar(&[
        (b'5', b"a/b/", b"", b""),
        (b'2', b"a/b/up", b"../..", b""),
        (b'2', b"out", b"a/b/up/../x", b""),
    ]);
    refused(&world, "t.tar", &up, "unsafe_path", "behind a name");
    // A second name of a link lies less deep than the link.
    let second = raw_tar(&[(b'2', b"a/b/l", b"../../x", b""), (b'1', b"l", b"a/b/l", b"")]);
    refused(&world, "t.tar", &second, "unsafe_path", "its link leads out");
    // A folder whose links go up cannot be replaced by a link to a less deep one.
    let swapped = raw_tar(&[(b'2', b"a/b/l", b"../../x", b""), (b'2', b"a/b", b"..", b"")]);
    refused(&world, "t.tar", &swapped, "bad_archive", "needs a folder where there is a file");
}

#[test]
fn links_that_stay_inside_are_made() {
    let world = World::new();
    let archive = raw_tar(&[
        (b'0', b"a/file", b"", b"text"),
        (b'2', b"b/c/l", b"../../a", b""),
        (b'2', b"top", b"b/c/l/file", b""),
        (b'1', b"hard", b"./a/file", b""),
        (b'1', b"b/c/m", b"b/c/l", b""),
        (b'0', b"a/file2", b"", b"old"),
        (b'0', b"a/file2", b"", b"new"),
    ]);
    std::fs::write(world.path("t.tar"), archive).unwrap();
    world.records(&["extract", "t.tar"], 0);
    for (path, text) in [
        ("top", "text"),
        ("hard", "text"),
        ("b/c/l/file", "text"),
        ("b/c/m/file", "text"),
        ("a/file2", "new"),
    ] {
        assert_eq!(std::fs::read_to_string(world.path("t.tar.untar").join(path)).unwrap(), text, "{path}");
    }
}

#[test]
fn links_of_the_user_are_not_written_through() {
    let world = World::new();
    std::fs::create_dir_all(world.path("out")).unwrap();
    std::fs::create_dir_all(world.path("elsewhere")).unwrap();
    world.write("elsewhere/x", "safe");
    std::os::unix::fs::symlink("../elsewhere", world.path("out/a")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/x", world.path("out/b")).unwrap();
    std::fs::write(world.path("t.tar"), tar(&[("b", b"1")])).unwrap();
    world.records(&["extract", "t.tar", "--to", "out"], 0);
    assert_eq!(std::fs::read(world.path("out/b")).unwrap(), b"1");
    std::fs::write(world.path("t.tar"), tar(&[("a/x", b"1")])).unwrap();
    let failed = &world.records(&["extract", "t.tar", "--to", "out"], 2)[0];
    assert_eq!(failed["code"], "unsafe_path", "{failed}");
    assert_eq!(std::fs::read(world.path("elsewhere/x")).unwrap(), b"safe");
}

#[test]
fn devices_and_what_cannot_be_meant_are_refused() {
    let world = World::new();
    for kind in *b"346" {
        refused(
            &world,
            "t.tar",
            &raw_tar(&[(kind, b"dev", b"", b"")]),
            "bad_archive",
            "is a device or a pipe",
        );
    }
    refused(
        &world,
        "t.zip",
        &raw_zip(&world, &[("p", 0o010_644, "")]),
        "bad_archive",
        "is a device or a pipe",
    );
    refused(
        &world,
        "t.tar",
        &raw_tar(&[(b'1', b"l", b"gone", b"")]),
        "bad_archive",
        "is a hard link to \"gone\"",
    );
    refused(&world, "t.tar", &tar(&[("a", b"1"), ("a/b", b"2")]), "bad_archive", "needs a folder where");
    refused(&world, "t.zip", &zip(&[("a", b"1"), ("a/b", b"2")]), "bad_archive", "needs a folder where");
}

#[test]
fn neither_the_archive_nor_fetchs_own_files_are_overwritten() {
    let world = World::new();
    for (member, over) in [("t.tar", "the archive itself"), (".fetch/index.jsonl", "fetch's own files")] {
        let archive = tar(&[(member, b"1")]);
        world.server.file("/t.tar", archive.clone());
        let url = world.server.url("/t.tar");
        let get = ["get", "--cache", "data", "--process", "untar", "--extract-dir", ".", &url];
        let _ = std::fs::remove_dir_all(world.path("data"));
        let failed = &world.records(&get, 2)[0];
        assert_eq!(failed["code"], "unsafe_path", "{failed}");
        assert!(failed["message"].as_str().unwrap().ends_with(over), "{failed}");
        assert_eq!(std::fs::read(world.path("data/t.tar")).unwrap(), archive);
    }
    for dir in ["..", "/tmp", "a/../..", ".fetch"] {
        let url = world.server.url("/t.tar");
        let get = ["get", "--cache", "data", "--process", "untar", "--extract-dir", dir, &url];
        assert_eq!(world.records(&get, 2)[0]["code"], "unsafe_path", "{dir}");
    }
    std::os::unix::fs::symlink("..", world.path("data/out")).unwrap();
    let url = world.server.url("/t.tar");
    let get = ["get", "--cache", "data", "--process", "untar", "--extract-dir", "out", &url];
    assert_eq!(world.records(&get, 2)[0]["code"], "unsafe_path");
}

#[test]
fn setuid_is_not_given() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    std::fs::write(world.path("t.tar"), raw_tar(&[(b'0', b"x", b"", b"1")])).unwrap();
    world.records(&["extract", "t.tar"], 0);
    let mode = std::fs::metadata(world.path("t.tar.untar/x")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7000, 0);
    assert_eq!(mode & 0o100, 0o100);
}

#[test]
fn what_much_more_comes_out_of_is_refused() {
    let world = World::new();
    let zeros = vec![0; 1 << 20];
    let mut bomb = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    bomb.start_file("x", zip::write::SimpleFileOptions::default().compression_level(Some(9))).unwrap();
    for _ in 0..1025 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap().into_inner();
    refused(&world, "bomb.zip", &bomb, "too_large", "more than 1073741824 bytes");
    // A member that says it is enormous, and one whose name is.
    let mut long = tar::Header::new_gnu();
    long.set_entry_type(tar::EntryType::GNULongName);
    long.set_path("././@LongLink").unwrap();
    long.set_size(1 << 40);
    long.set_cksum();
    let archive = gzip(&[long.as_bytes().to_vec(), vec![b'x'; 8 << 20]].concat());
    refused(&world, "long.tar.gz", &archive, "bad_archive", "the header of a member is too long");
    // The user's own limit, both ways.
    for (name, archive) in [
        ("a.gz", gzip(&[1; 5000])),
        ("a.zip", zip(&[("x", &[1; 5000])])),
        ("a.tar", tar(&[("x", &[1; 5000])])),
    ] {
        std::fs::write(world.path(name), archive).unwrap();
        let failed = &world.records(&["extract", "--max-unpacked", "4K", name], 2)[0];
        assert_eq!(failed["code"], "too_large", "{failed}");
        world.records(&["extract", "--max-unpacked", "20K", name], 0);
    }
}

#[test]
fn an_unsafe_member_that_nobody_wants_does_no_harm() {
    let world = World::new();
    let members: &[Member<'_>] = &[(b'0', b"../x", b"", b"1"), (b'0', b"fine", b"", b"2")];
    std::fs::write(world.path("t.tar"), raw_tar(members)).unwrap();
    let records = world.records(&["extract", "t.tar", "--member", "fine"], 0);
    assert_eq!(of(&records, "fetch.file.extracted").len(), 1);
    assert!(!world.path("x").exists());
}
