//! Every kind of archive and compression, told by its content; and the same results as pooch's.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{extracted, gzip, of, run, tar, zip};
use crate::{World, files, noise};

/// All files below a folder, with their bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |name: &String| std::fs::read(folder.join(name)).unwrap();
    files(folder).into_iter().map(|name| (name.clone(), read(&name))).collect()
}

#[test]
fn what_comes_out_is_what_pooch_gets_out() {
    let fixtures = kit::root().join("fetch/tests/fixtures/pooch");
    let Ok(python) = kit::venv("bench") else { return };
    for (name, process, class) in [
        ("store.zip", "unzip", "Unzip()"),
        ("tiny-data.zip", "unzip", "Unzip()"),
        ("store.tar.gz", "untar", "Untar()"),
        ("tiny-data.tar.gz", "untar", "Untar()"),
        ("tiny-data.txt.gz", "decompress", "Decompress()"),
        ("tiny-data.txt.bz2", "decompress", "Decompress()"),
        ("tiny-data.txt.xz", "decompress", "Decompress()"),
        ("store.zip", "unzip", "Unzip(members=['store/subdir'])"),
        ("store.tar.gz", "untar", "Untar(members=['store/tiny-data.txt'], extract_dir='x/y')"),
        ("store.zip", "unzip", "Unzip(extract_dir='.')"),
        ("tiny-data.txt.gz", "decompress", "Decompress(name='t.txt')"),
    ] {
        let world = World::new();
        let (ours, theirs) = (world.path("ours"), world.path("theirs"));
        std::fs::create_dir(&theirs).unwrap();
        std::fs::copy(fixtures.join(name), theirs.join(name)).unwrap();
        let script = format!(
            "import json, pooch, sys\n\
             processor = pooch.{class}\n\
             got = processor(sys.argv[1], 'download', None)\n\
             print(json.dumps({{'got': [got] if isinstance(got, str) else sorted(got), 'members': \
             getattr(processor, 'members', None)}}))"
        );
        let ran = kit::run(Command::new(&python).arg("-c").arg(script).arg(theirs.join(name))).exits(0);
        let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();

        let extract_dir = class.split("extract_dir='").nth(1).map(|dir| dir.split('\'').next().unwrap());
        let output = class.split("name='").nth(1).map(|name| name.split('\'').next().unwrap());
        let process = serde_json::json!({
            "kind": process, "members": told["members"], "extract_dir": extract_dir, "name": output,
        });
        let request = serde_json::json!({
            "url": format!("file://{}", fixtures.join(name).display()), "process": process,
        });
        let records = world.records_of_input(&["get", "--cache", "ours", "-"], &request.to_string(), 0);
        assert_eq!(contents(&ours), contents(&theirs), "{name} {class}");
        let got: Vec<_> = told["got"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
        let below =
            |path: &&str| Path::new(path).strip_prefix(&theirs).unwrap().to_string_lossy().into_owned();
        // pooch counts all that lies in the folder, the archive as well when it does.
        let got: Vec<_> = got.iter().map(below).filter(|path| path != name).collect();
        assert_eq!(extracted(&records, &ours), got, "{name} {class}");
    }
}

#[test]
fn every_compression_of_a_tar_archive_and_of_a_file_is_read() {
    let world = World::new();
    std::fs::create_dir_all(world.path("tree/deep")).unwrap();
    let long = noise(700_000, 5);
    std::fs::write(world.path("tree/deep/x"), &long).unwrap();
    std::fs::write(world.path("tree/empty"), "").unwrap();
    run(&world, "tar", &["-cf", "plain", "tree"]);
    std::fs::write(world.path("single"), &long).unwrap();
    let python = "import bz2, gzip, lzma, sys\n\
        for name in ['plain', 'single']:\n \
         bytes = open(name, 'rb').read()\n \
         half = len(bytes) // 2\n \
         for word, pack in [('gz', gzip.compress), ('bz2', bz2.compress), ('xz', lzma.compress),\n   \
           ('lzma', lambda b: lzma.compress(b, lzma.FORMAT_ALONE))]:\n  \
          open(f'{name}.{word}.a', 'wb').write(pack(bytes))\n  \
          if word != 'lzma':\n   \
           open(f'{name}.{word}.b', 'wb').write(pack(bytes[:half]) + pack(bytes[half:]))";
    run(&world, "python3", &["-c", python]);
    for name in ["plain", "single"] {
        let bytes = std::fs::read(world.path(name)).unwrap();
        let halves = bytes.split_at(bytes.len() / 2);
        let two = [zstd::encode_all(halves.0, 3).unwrap(), zstd::encode_all(halves.1, 3).unwrap()].concat();
        std::fs::write(world.path(&format!("{name}.zst.a")), zstd::encode_all(&bytes[..], 3).unwrap())
            .unwrap();
        std::fs::write(world.path(&format!("{name}.zst.b")), two).unwrap();
    }
    let endings = ["gz.a", "gz.b", "bz2.a", "bz2.b", "xz.a", "xz.b", "lzma.a", "zst.a", "zst.b"];
    for ending in endings.map(|ending| format!(".{ending}")).iter().map(String::as_str).chain([""]) {
        let name = format!("plain{ending}");
        let records = world.records(&["extract", &name], 0);
        let folder = world.path(&format!("{name}.untar"));
        assert_eq!(extracted(&records, &folder), ["tree/deep/x", "tree/empty"], "{name}");
        assert!(std::fs::read(folder.join("tree/deep/x")).unwrap() == long, "{name}");
        assert_eq!(of(&records, "fetch.archive.extracted")[0]["processed"]["kind"], "untar");
        if !ending.is_empty() {
            let name = format!("single{ending}");
            let records = world.records(&["extract", &name], 0);
            assert_eq!(records[1]["processed"]["files"], 1);
            assert!(std::fs::read(world.path(&format!("{name}.decomp"))).unwrap() == long, "{name}");
        }
    }
}

#[test]
fn archives_of_the_usual_programs_keep_what_counts() {
    let world = World::new();
    let long = "n".repeat(120);
    let deep = format!("tree/{long}/{long}");
    std::fs::create_dir_all(world.path(&deep)).unwrap();
    world.write(&format!("{deep}/ü"), "far");
    world.write("tree/run", "#!/bin/sh\n");
    std::fs::set_permissions(world.path("tree/run"), std::fs::Permissions::from_mode(0o4755)).unwrap();
    std::os::unix::fs::symlink(format!("../{long}/{long}/ü"), world.path(&format!("tree/{long}/link")))
        .unwrap();
    std::fs::create_dir(world.path("tree/nothing")).unwrap();
    run(&world, "touch", &["-d", "2001-02-03T04:05:06Z", "tree/run"]);
    for (name, program, args) in [
        ("gnu.tar", "tar", &["--format=gnu", "-cf", "gnu.tar", "tree"][..]),
        ("pax.tar", "tar", &["--format=pax", "-cf", "pax.tar", "tree"]),
        ("p.tar", "python3", &["-m", "tarfile", "-c", "p.tar", "tree"]),
        ("z.zip", "zip", &["-qry", "z.zip", "tree"]),
    ] {
        run(&world, program, args);
        world.records(&["extract", name, "--to", &format!("{name}.d")], 0);
        let folder = world.path(&format!("{name}.d"));
        assert_eq!(std::fs::read(folder.join(format!("{deep}/ü"))).unwrap(), b"far", "{name}");
        assert_eq!(std::fs::read(folder.join(format!("tree/{long}/link"))).unwrap(), b"far", "{name}");
        assert!(folder.join("tree/nothing").is_dir());
        let program = std::fs::metadata(folder.join("tree/run")).unwrap();
        assert_eq!(program.permissions().mode() & 0o7777, 0o777 & !umask(), "{name}");
        let written = program.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(written.as_secs(), 981_173_106, "{name}");
        let plain = std::fs::metadata(folder.join(format!("{deep}/ü"))).unwrap();
        assert_eq!(plain.permissions().mode() & 0o7777, 0o666 & !umask(), "{name}");
    }
}

/// The umask of this process, which those it starts have as well.
fn umask() -> u32 {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "").unwrap();
    let mode = std::fs::metadata(folder.path().join("x")).unwrap().permissions().mode();
    0o777 & !(mode | (mode & 0o444) >> 2)
}

#[test]
fn files_with_holes_have_them_again() {
    use std::os::unix::fs::{FileExt, MetadataExt};
    let world = World::new();
    let file = std::fs::File::create(world.path("holes")).unwrap();
    file.set_len(20_000_000).unwrap();
    file.write_all_at(b"middle", 9_000_000).unwrap();
    file.write_all_at(b"end", 19_999_997).unwrap();
    let whole = std::fs::read(world.path("holes")).unwrap();
    for (name, format) in [
        ("gnu", &["--format=gnu"][..]),
        ("pax00", &["--format=pax", "--sparse-version=0.0"]),
        ("pax01", &["--format=pax", "--sparse-version=0.1"]),
        ("pax10", &["--format=pax", "--sparse-version=1.0"]),
    ] {
        let args = [format, &["--sparse", "-cf", name, "holes"]].concat();
        run(&world, "tar", &args);
        assert!(std::fs::metadata(world.path(name)).unwrap().len() < 1_000_000, "{name} has holes");
        world.records(&["extract", name, "--to", "out"], 0);
        assert!(std::fs::read(world.path("out/holes")).unwrap() == whole, "{name}");
        let blocks = std::fs::metadata(world.path("out/holes")).unwrap().blocks();
        assert!(blocks * 512 < 2_000_000, "{name} has holes after it");
    }
}

#[test]
fn zips_from_elsewhere_are_read() {
    let world = World::new();
    // As broken programs of Windows write them; as old DOS does; larger than 32 bits can say; empty.
    let python = "import zipfile\n\
        z = zipfile.ZipFile('windows.zip', 'w')\n\
        i = zipfile.ZipInfo('a'); i.filename = 'dir\\\\file.txt'; i.create_system = 0; z.writestr(i, 'w'); z.close()\n\
        z = zipfile.ZipFile('dos.zip', 'w'); i = zipfile.ZipInfo('aXb'); z.writestr(i, 'd'); z.close()\n\
        b = open('dos.zip', 'rb').read().replace(b'aXb', b'a\\x81b'); open('dos.zip', 'wb').write(b)\n\
        z = zipfile.ZipFile('wide.zip', 'w')\n\
        with z.open('wide', 'w', force_zip64=True) as f: f.write(b'wide')\n\
        z.close()\n\
        zipfile.ZipFile('empty.zip', 'w').close()\n\
        z = zipfile.ZipFile('twice.zip', 'w'); z.writestr('x', 'old'); z.writestr('x', 'new'); z.close()";
    run(&world, "python3", &["-W", "ignore", "-c", python]);
    for (name, files) in [
        ("windows.zip", vec![("dir/file.txt", "w")]),
        ("dos.zip", vec![("aüb", "d")]),
        ("wide.zip", vec![("wide", "wide")]),
        ("empty.zip", vec![]),
        ("twice.zip", vec![("x", "new")]),
    ] {
        world.records(&["extract", name], 0);
        let expected = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        assert_eq!(contents(&world.path(&format!("{name}.unzip"))), expected.collect(), "{name}");
    }
}

#[test]
fn automatic_processing_leaves_alone_what_is_no_archive() {
    let world = World::new();
    world.server.file("/a.bin", tar(&[("x", b"1")])).file("/b.bin", zip(&[("x", b"2")]));
    // Zeros are no archive, though one without members has nothing else.
    world.server.file("/c.bin", gzip(&[0; 5000])).file("/d.tar.gz", "no archive, whatever it is called");
    let urls = ["/a.bin", "/b.bin", "/c.bin", "/d.tar.gz"].map(|path| world.server.url(path));
    let args: Vec<&str> = ["get", "--cache", "data", "--process", "auto"]
        .into_iter()
        .chain(urls.iter().map(String::as_str))
        .collect();
    let records = world.records(&args, 0);
    let mut made: Vec<_> = of(&records, "fetch.file.finished")
        .iter()
        .map(|file| (file["name"].as_str().unwrap(), file["processed"]["kind"].as_str()))
        .collect();
    made.sort_unstable();
    assert_eq!(
        made,
        [
            ("a.bin", Some("untar")),
            ("b.bin", Some("unzip")),
            ("c.bin", Some("decompress")),
            ("d.tar.gz", None)
        ]
    );
    assert_eq!(
        files(&world.path("data")),
        ["a.bin", "a.bin.untar/x", "b.bin", "b.bin.unzip/x", "c.bin", "c.bin.decomp", "d.tar.gz"]
    );
}

#[test]
fn people_see_one_line_for_each_archive() {
    let world = World::new();
    std::fs::write(world.path("a.zip"), zip(&[("x", b"12345"), ("y", b"1")])).unwrap();
    std::fs::write(world.path("b.gz"), gzip(b"1")).unwrap();
    let ran = kit::run(&mut world.fetch(&["extract", "--format", "human", "a.zip", "b.gz", "--to", "out"]))
        .exits(0);
    let out = world.path("out");
    let lines =
        format!("    unpacked  {0} (2 files, 6 B)\n    unpacked  {0}/b (1 file, 1 B)\n", out.display());
    assert_eq!((ran.stdout, ran.stderr), (lines, String::new()));
}
