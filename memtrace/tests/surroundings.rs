//! Programs under limits, with other allocators, forks and signals: they do what they do without memtrace.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::process::Command;

use support::{Folder, compile, on_every_python};

#[test]
fn a_limit_on_file_sizes_ends_the_recording_and_not_the_program() {
    let folder = Folder::new();
    let code = "\
import resource, signal
hits = []
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
signal.signal(signal.SIGXFSZ, lambda *_: hits.append(1))
kept = [bytearray(1000 + n % 100) for n in range(100_000)]
print(hits)
";
    on_every_python(|python| {
        let ran = folder.record(python, &["-c", code]).exits(0);
        assert_eq!(ran.stdout, "[]\n");
        assert!(ran.stderr.contains("the recording stopped before the program did: File too large"));
        assert_eq!(folder.stats()["complete"], false);
    });
}

#[test]
fn a_limit_on_the_captures_own_size_does_not_end_memtrace() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    let run = format!(
        "ulimit -f 100; exec '{}' run -q -o capture.mtr --python '{}' -c 'raise SystemExit(7)'",
        kit::binary("memtrace").display(),
        python.display()
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &run]).current_dir(folder.path(""));
    // The library does not fit into such a file either, so it is put there before.
    let _ = folder.record(&python, &["-c", "pass"]).exits(0);
    std::fs::remove_file(folder.path("capture.mtr")).unwrap();
    let ran = kit::run(shell.env("SNAKEPIPE_CACHE", folder.path("cache")));
    assert_eq!(ran.code, 7, "{}", ran.stderr);
}

#[test]
fn few_descriptors_keep_their_numbers() {
    let folder = Folder::new();
    let code = "import os; print(os.open('/dev/null', 0), sorted(os.listdir('/proc/self/fd'))[:4])";
    on_every_python(|python| {
        let shell = |words: &str| {
            let mut shell = Command::new("sh");
            let line = format!("ulimit -n 30; exec {words} \"$@\"");
            shell.args(["-c", &line, "sh", "-c", code]).current_dir(folder.path(""));
            kit::run(shell.env("SNAKEPIPE_CACHE", folder.path("cache"))).exits(0).stdout
        };
        let (memtrace, python) = (kit::binary("memtrace"), python.display());
        let traced = shell(&format!("'{}' run -qfo capture.mtr --python '{python}'", memtrace.display()));
        assert_eq!(traced.split(' ').next(), shell(&format!("'{python}'")).split(' ').next());
    });
}

#[test]
fn a_program_out_of_memory_lives_on() {
    let folder = Folder::new();
    // Functions without end, so that what memtrace keeps of them has to grow too.
    let code = "\
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))
kept, size = [], 16 << 20
while size > 100:
    try:
        while True:
            kept.append(bytearray(size))
    except MemoryError:
        size //= 4
del kept[-200:]
try:
    for n in range(60_000):
        space = {}
        exec(f'def f(): return bytearray({n % 100 + 600})', space)
        kept.append((space, space['f']()))
except MemoryError:
    pass
kept.clear()
sys.stdout.write('alive')
";
    on_every_python(|python| {
        let ran = folder.record(python, &["-c", code]).exits(0);
        assert_eq!(ran.stdout, "alive");
    });
}

#[test]
fn file_names_may_be_of_a_subclass_of_str() {
    let folder = Folder::new();
    let code = "\
class Name(str): pass
for length in (10, 10_000_000):
    exec(compile('kept = bytearray(1_234_567)', Name('n' * length), 'exec'))
    exec(compile('kept = bytearray(1_234_567)', 'x', 'exec').replace(co_filename=Name('é' * length)))
";
    on_every_python(|python| {
        let _ = folder.record(python, &["-c", code]).exits(0);
        let records = folder.report("records");
        let blocks = records.iter().filter(|record| record["size_bytes"] == 1_234_568);
        let files: Vec<&str> = blocks.map(|block| block["stack"][0]["file"].as_str().unwrap()).collect();
        assert_eq!(files[..2], ["n".repeat(10), "é".repeat(10)]);
        assert_eq!(files.len(), 4);
    });
}

#[test]
fn a_timer_does_not_end_the_recording() {
    let folder = Folder::new();
    let code = "\
import signal, time
signal.signal(signal.SIGALRM, lambda *_: bytearray(3000))
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
end = time.monotonic() + 0.5
while time.monotonic() < end:
    kept = [bytearray(1000 + n) for n in range(3000)]
signal.setitimer(signal.ITIMER_REAL, 0)
";
    on_every_python(|python| {
        let _ = folder.record(python, &["-c", code]).exits(0);
        assert_eq!(folder.stats()["complete"], true);
    });
}

#[test]
fn an_allocator_that_is_preloaded_stays_in_use() {
    let folder = Folder::new();
    if !compile(&folder, "other_malloc.c", "other.so", &["-shared", "-fPIC", "-fno-builtin"]) {
        return;
    }
    let code = "\
import ctypes, os
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
block = ctypes.c_void_p(libc.malloc(123_457))
print(libc.malloc_usable_size(block), os.environ['LD_PRELOAD'])
libc.free(block)
";
    on_every_python(|python| {
        let mut command = folder.memtrace();
        command.env("LD_PRELOAD", folder.path("other.so")).args(["run", "-qfo", "capture.mtr", "--python"]);
        let ran = kit::run(command.arg(python).args(["-c", code])).exits(0);
        assert_eq!(ran.stdout, format!("123457 {}\n", folder.path("other.so").display()));
        let records = folder.report("records");
        assert!(records.iter().any(|record| record["size_bytes"] == 123_457));
    });
}

#[test]
fn a_c_program_begins_without_errors() {
    let folder = Folder::new();
    if !compile(&folder, "errors.c", "native", &["-ldl"]) {
        return;
    }
    let ran = kit::run(folder.memtrace().args(["run", "-q", "-o", "capture.mtr", "./native"])).exits(0);
    assert_eq!(ran.stdout, "0 none\n");
}

#[test]
fn a_child_of_a_bare_clone_does_not_disturb_the_capture() {
    let folder = Folder::new();
    if !compile(&folder, "clone.c", "native", &[]) {
        return;
    }
    let _ = kit::run(folder.memtrace().args(["run", "-q", "-o", "capture.mtr", "./native"])).exits(3);
    let stats = folder.stats();
    assert_eq!((&stats["complete"], &stats["peak_bytes"]), (&true.into(), &2000.into()), "{stats}");
    assert_eq!(stats["allocations"], 50_100);
}

#[test]
fn a_cache_folder_may_have_any_name() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    let mut command = folder.memtrace();
    command.env("SNAKEPIPE_CACHE", folder.path("my: $cache")).args(["run", "-qo", "capture.mtr", "--python"]);
    let ran = kit::run(command.arg(python).args(["-c", "print('ran')"])).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("ran\n", ""));
    assert_eq!(folder.stats()["complete"], true);
}

#[test]
fn memtrace_stops_and_goes_on_with_the_program() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    // A shell with job control: it is told that its job stopped, and lets it go on.
    let script = "\
import os, signal, subprocess, sys
job = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, start_new_session=True)
_, status = os.waitpid(job.pid, os.WUNTRACED)
print('stopped', os.WIFSTOPPED(status))
os.kill(job.pid, signal.SIGCONT)
print(job.stdout.read().decode().strip())
print(os.waitstatus_to_exitcode(os.waitpid(job.pid, 0)[1]))
";
    let code =
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); print('went on'); raise SystemExit(5)";
    let mut shell = Command::new(&python);
    shell.args(["-c", script]).arg(kit::binary("memtrace")).args(["run", "-qo", "capture.mtr", "--python"]);
    shell.arg(&python).args(["-c", code]).current_dir(folder.path(""));
    let ran = kit::run(shell.env("SNAKEPIPE_CACHE", folder.path("cache"))).exits(0);
    assert_eq!(ran.stdout, "stopped True\nwent on\n5\n");
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
