//! The pipes between the tools, run by a shell as people type them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::process::Command;

/// Runs a line of shell in `folder` with our binaries first on `PATH`; a failure anywhere in the pipe counts.
fn shell(folder: &Path, line: &str) -> kit::Ran {
    let binaries = kit::binary("fetch");
    let path = format!("{}:{}", binaries.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-o", "pipefail", "-c", line]).current_dir(folder).env("PATH", path);
    kit::run(&mut bash)
}

#[test]
fn npm_metadata_goes_into_fetch() {
    let Ok(_) = kit::tool("npm", "npm") else { return };
    let temp = tempfile::tempdir().unwrap();
    let ran = shell(temp.path(), "npm view is-number@7.0.0 dist --json | fetch get --cache files -").exits(0);
    let records = kit::records("fetch", &ran.stdout);
    let files = kit::of_type(&records, "fetch.file.finished");
    assert_eq!(files.len(), 1);
    assert_eq!(files[0]["status"], "downloaded");
    assert!(Path::new(files[0]["path"].as_str().unwrap()).is_file());
}

#[test]
fn pips_report_goes_into_fetch() {
    let temp = tempfile::tempdir().unwrap();
    let line = "python3 -m pip install -q --dry-run --ignore-installed --report - six==1.16.0 2>/dev/null \
                | fetch get --cache files -";
    let ran = shell(temp.path(), line).exits(0);
    let records = kit::records("fetch", &ran.stdout);
    let files = kit::of_type(&records, "fetch.file.finished");
    assert_eq!(files.len(), 1);
    assert_eq!(files[0]["digest"], "sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254");
}

#[test]
fn requests_from_jq_go_into_fetch() {
    let Ok(_) = kit::tool("jq", "jq") else { return };
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("a.txt"), "hello\n").unwrap();
    let line = format!(
        "jq -nc '{{url: \"file://{}/a.txt\", name: \"b.txt\", tag: 7}}' | fetch get --cache files -",
        temp.path().display()
    );
    let records = kit::records("fetch", &shell(temp.path(), &line).exits(0).stdout);
    let file = kit::of_type(&records, "fetch.file.finished")[0];
    assert_eq!(file["name"], "b.txt");
    assert_eq!(file["tag"], 7, "keys that fetch has no use for come out again");
}

#[test]
fn fetched_files_land_in_a_bundle() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("words.txt"), "the snake\n").unwrap();
    let page = kit::data("makefile/page");
    let line = format!(
        "fetch get --cache files file://$PWD/words.txt | pyweb bundle {} --assets - -o site",
        page.display()
    );
    let records = kit::records("pyweb", &shell(temp.path(), &line).exits(0).stdout);
    assert_eq!(kit::of_type(&records, "pyweb.bundle.written").len(), 1);
    let bundled = Command::new("find").arg(temp.path().join("site")).output().unwrap();
    assert!(String::from_utf8_lossy(&bundled.stdout).contains("words.txt"));
}

#[test]
fn events_leave_memtrace_and_come_back() {
    let temp = tempfile::tempdir().unwrap();
    let line = "memtrace run -q -o a.mtr -c 'keep = [bytearray(5000) for _ in range(10)]' \
                && memtrace records a.mtr | memtrace stats --format jsonl - > piped.jsonl \
                && memtrace stats --format jsonl a.mtr";
    let direct = kit::records("memtrace", &shell(temp.path(), line).exits(0).stdout);
    let piped = std::fs::read_to_string(temp.path().join("piped.jsonl")).unwrap();
    let piped = kit::records("memtrace", &piped);
    let stats = |records: &[serde_json::Value]| {
        let stats = kit::of_type(records, "memtrace.stats.computed")[0];
        ["peak_bytes", "total_bytes", "allocations", "frees"].map(|key| stats[key].as_u64().unwrap())
    };
    assert_eq!(stats(&direct), stats(&piped));
    assert!(stats(&direct)[0] > 50_000);
}

/// One report for tests of both kinds.
#[test]
fn tests_of_pages_and_of_suites_go_into_one_report() {
    let Ok(python) = kit::venv("testfan") else { return };
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("test_a.py"), "def test_a():\n    assert 0\n").unwrap();
    let line = format!(
        "pyweb test {page} | testfan report --junit page.xml - > page.jsonl && \
         {{ pyweb test {page}; testfan run --python {} -p no:cacheprovider test_a.py; }} | testfan report --junit both.xml -",
        python.display(),
        page = kit::data("makefile/page").display(),
    );
    let ran = shell(temp.path(), &line).exits(1);
    let records = kit::records("testfan", &ran.stdout);
    let outcomes: Vec<_> =
        kit::of_type(&records, "test.finished").iter().map(|test| &test["outcome"]).collect();
    assert_eq!(outcomes, ["passed", "failed"], "{}", ran.stderr);
    let read = |name: &str| std::fs::read_to_string(temp.path().join(name)).unwrap();
    assert!(
        read("page.xml")
            .contains("<testsuite name=\"pyweb\" errors=\"0\" failures=\"0\" skipped=\"0\" tests=\"1\"")
    );
    let both = read("both.xml");
    assert!(
        both.contains("name=\"pyweb\"") && both.contains("name=\"pytest\" errors=\"0\" failures=\"1\""),
        "{both}"
    );
}

#[test]
fn every_tool_ends_quietly_when_its_reader_leaves() {
    let Ok(python) = kit::venv("testfan") else { return };
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("test_a.py"), "def test_a():\n    pass\n").unwrap();
    std::fs::write(temp.path().join("a.txt"), "hello\n").unwrap();
    shell(temp.path(), "memtrace run -q -o a.mtr -c 'print()'").exits(0);
    let lines = [
        "fetch get --cache files file://$PWD/a.txt".to_owned(),
        "memtrace records a.mtr".to_owned(),
        format!("testfan run --python {} -- -p no:cacheprovider test_a.py", python.display()),
        format!("pyweb render {}", kit::data("makefile/page/index.html").display()),
    ];
    for line in lines {
        let ran = shell(temp.path(), &format!("{line} | head -1")).exits(0);
        assert_eq!(ran.stdout.lines().count(), 1, "{line}");
        assert!(ran.stdout.contains(".run.started"), "{line}: {}", ran.stdout);
        assert!(!ran.stderr.contains("panic") && !ran.stderr.contains("error"), "{line}: {}", ran.stderr);
    }
}
