//! Forty million records: the reports hold a bounded amount of memory, and their pages stay small.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::process::Command;

use support::Folder;

/// 20.5 million blocks, nearly all of which are given back.
const PROGRAM: &str = "\
def make(number):
    return bytearray(600 + number % 700)

kept = []
for number in range(20_500_000):
    block = make(number)
    if number % 1000 == 0:
        kept.append(block)
";
/// Runs a command, then says on stderr how much memory it held at most, in KiB.
const MEASURED: &str = "\
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
";
/// What a report may hold, in KiB; the capture's blocks were 19 GB in all.
const MOST_KIB: u64 = 64 * 1024;
/// What a page may take, in bytes.
const MOST_OF_A_PAGE: u64 = 3_000_000;

#[test]
fn reports_of_forty_million_records_are_bounded() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = Folder::new();
    folder.write("app.py", PROGRAM);
    let _ = folder.record(&python, &["app.py"]).exits(0);
    let report = |words: &[&str]| {
        let mut command = Command::new(&python);
        command.args(["-c", MEASURED]).arg(folder.memtrace().get_program()).args(words);
        let ran = kit::run(command.current_dir(folder.path(""))).exits(0);
        let held: u64 = ran.stderr.lines().last().unwrap().parse().unwrap();
        assert!(held < MOST_KIB, "{words:?} held {held} KiB");
        ran.stdout
    };
    let stats = kit::records("memtrace", &report(&["stats", "capture.mtr"]));
    let [stats] = kit::of_type(&stats, "memtrace.stats.computed")[..] else { panic!("{stats:?}") };
    let number = |name: &str| stats[name].as_u64().unwrap();
    // What the interpreter allocates comes on top.
    assert!((20_500_000..20_600_000).contains(&number("allocations")), "{stats}");
    assert_eq!(stats["complete"], true);

    let summary = kit::records("memtrace", &report(&["summary", "capture.mtr", "--at", "peak"]));
    let kept = kit::of_type(&summary, "memtrace.location.measured");
    let made = kept.iter().find(|line| line["function"] == "make").unwrap();
    // The last ones were not yet dropped, and small objects need an arena now and then.
    assert!((20_500..20_510).contains(&made["allocations"].as_u64().unwrap()), "{made}");

    for page in ["flamegraph", "table"] {
        let _ = report(&[page, "-f", "-o", "page.html", "capture.mtr"]);
        let length = folder.path("page.html").metadata().unwrap().len();
        assert!(length < MOST_OF_A_PAGE, "the {page} takes {length} bytes");
    }
}
