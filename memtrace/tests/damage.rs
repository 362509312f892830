//! Captures that are cut off, spoilt or had no room: what is left is read and called incomplete, or refused.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;
use std::process::Command;

use memtrace::events::Symbols;
use memtrace::source::{Flow, read};
use proptest::prelude::*;
use support::{Folder, compile};

/// The number of events, and whether they reach to the end of the program; none for what is no capture.
fn events(path: &Path) -> Option<(usize, bool)> {
    let mut events = 0;
    let outline = read(path, &mut Symbols::default(), &mut |_, _| {
        events += 1;
        Flow::Continue(())
    });
    outline.ok().map(|outline| (events, outline.incomplete_because.is_none()))
}

fn small_capture(folder: &Folder) -> Option<Vec<u8>> {
    if !compile(folder, "allocators.c", "native", &["-O0"]) {
        return None;
    }
    let _ = kit::run(folder.memtrace().args(["run", "-qf", "-o", "capture.mtr", "./native"])).exits(42);
    Some(std::fs::read(folder.path("capture.mtr")).unwrap())
}

#[test]
fn a_capture_cut_off_anywhere_is_partial_or_refused() {
    let folder = Folder::new();
    let Some(whole) = small_capture(&folder) else { return };
    let path = folder.path("cut.mtr");
    let (all, complete) = {
        std::fs::write(&path, &whole).unwrap();
        events(&path).unwrap()
    };
    assert!(complete && all > 20);
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        match events(&path) {
            None => assert!(length < 4096, "{length}"),
            Some((some, complete)) => assert!(some <= all && !complete, "{length}: {some} of {all}"),
        }
    }
}

#[test]
fn no_bytes_make_the_reader_panic() {
    let folder = Folder::new();
    let Some(whole) = small_capture(&folder) else { return };
    let path = folder.path("spoilt.mtr");
    let places = prop::collection::vec((0..whole.len(), any::<u8>()), 1..8);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    let tested = runner.run(&places, |spoilt| {
        let mut bytes = whole.clone();
        for (place, byte) in spoilt {
            bytes[place] = byte;
        }
        std::fs::write(&path, bytes).unwrap();
        events(&path);
        Ok(())
    });
    tested.unwrap();
}

#[test]
fn a_full_file_system_leaves_the_program_alone() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    let code = "kept = [bytearray(1000 + n) for n in range(10_000)]; print(len(kept)); raise SystemExit(3)";
    // The file system is gone with the shell, so the report is made there too.
    let script = "\
mkdir full && mount -t tmpfs -o size=64k tmpfs full || exit 77
\"$1\" run -o full/capture.mtr --python \"$2\" -c \"$3\"; echo \"code $?\"
exec \"$1\" stats full/capture.mtr
";
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "--map-root-user", "sh", "-c", script, "sh"]).arg(kit::binary("memtrace"));
    shell.arg(&python).arg(code).current_dir(folder.path("")).env("SNAKEPIPE_CACHE", folder.path("cache"));
    let Ok(output) = shell.output() else { return };
    // Where nobody may mount, there is nothing to be seen.
    if !output.stdout.starts_with(b"10000\n") && !folder.path("cache").exists() {
        return;
    }
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(stdout.starts_with("10000\ncode 3\n"), "{stdout}{stderr}");
    assert_eq!(
        stderr.matches("the recording stopped before the program did: No space left").count(),
        1,
        "{stderr}"
    );
    assert!(stdout.contains("\"complete\":false"), "{stdout}");
}
