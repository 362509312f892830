//! A page that is copied for each of many tests: each copy is as the page was loaded, and nothing is left of it.
//! And how all of it ends when the run is interrupted.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Page processes end on their own soon after they are told to.
const LIMIT: Duration = Duration::from_secs(30);

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages")
}

/// `pyweb test good --steps -` under way.
struct Steps {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    text: String,
}

impl Steps {
    fn start() -> Steps {
        let mut command = Command::new(kit::binary("pyweb"));
        command.current_dir(pages()).args(["test", "good", "--steps", "-"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Steps { child, input, output: BufReader::new(output), text: String::new() }
    }

    fn send(&mut self, step: &Value) {
        writeln!(self.input, "{step}").unwrap();
    }

    /// The next record of this type.
    fn next(&mut self, kind: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "no {kind} in {}", self.text);
            self.text += &line;
            let record: Value = serde_json::from_str(&line).unwrap();
            if record["type"] == kind {
                return record;
            }
        }
    }

    /// Its page processes.
    fn page_processes(&self) -> Vec<u32> {
        children(self.child.id())
    }

    /// Everything it says, and its exit code, once something else has ended it.
    fn interrupted(mut self) -> (Vec<Value>, i32) {
        std::io::Read::read_to_string(&mut self.output, &mut self.text).unwrap();
        self.end()
    }

    /// Everything it says, and its exit code, once there are no more steps.
    fn end(mut self) -> (Vec<Value>, i32) {
        drop(self.input);
        std::io::Read::read_to_string(&mut self.output, &mut self.text).unwrap();
        (kit::records("pyweb", &self.text), self.child.wait().unwrap().code().unwrap())
    }
}

fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()).collect()
}

/// What a process takes: memory in KiB, open files.
fn taken(process: u32) -> (i64, usize) {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let memory = memory.trim().trim_end_matches(" kB").parse().unwrap();
    (memory, fs::read_dir(format!("/proc/{process}/fd")).unwrap().count())
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_thousand_tests_of_one_page_leave_nothing_and_share_nothing() {
    let look = "[sys_.modules.pop('spoiled', None) is not None if (sys_ := __import__('sys')) else 0, \
                globals().get('spoiled'), __import__('js').localStorage.length, __import__('js').document.title, \
                __import__('random').random(), __import__('js').crypto.randomUUID()]";
    let spoil = "import sys, js; sys.modules['spoiled'] = sys; spoiled = 1; js.document.title = 'spoiled'; \
                 js.localStorage.setItem('spoiled', 'yes'); kept = bytearray(1_000_000)";
    let mut steps = Steps::start();
    let mut drawn = HashSet::new();
    let mut before = None;
    for number in 0..1000 {
        steps.send(&json!({"step": "test", "id": format!("test {number}")}));
        steps.send(&json!({"step": "goto", "url": "/pyodide.html"}));
        steps.send(&json!({"step": "evaluate_py", "code": look}));
        steps.send(&json!({"step": "evaluate_py", "code": spoil}));
        let steps_of_test: Vec<Value> = (0..3).map(|_| steps.next("pyweb.step.finished")).collect();
        let seen = &steps_of_test[1]["value"];
        assert_eq!(
            seen.as_array().unwrap()[..4],
            [json!(false), json!(null), json!(0), json!("Counter")],
            "{seen}"
        );
        assert!(drawn.insert(seen[4].to_string()) && drawn.insert(seen[5].to_string()), "{seen}");
        if number == 50 {
            let [page] = steps.page_processes()[..] else { panic!("{:?}", steps.page_processes()) };
            before = Some((page, taken(page), taken(steps.child.id())));
        }
    }
    steps.send(&json!({"step": "close"}));
    steps.next("pyweb.step.finished");
    let (page, of_page, of_pyweb) = before.unwrap();
    assert_eq!(steps.page_processes(), [page], "the page was loaded once");
    assert!(children(page).is_empty(), "every copy is gone and was waited for");
    for (was, process) in [(of_page, page), (of_pyweb, steps.child.id())] {
        let is = taken(process);
        assert_eq!(was.1, is.1, "open files");
        assert!(is.0 - was.0 < 8 << 10, "{} KiB more than before", is.0 - was.0);
    }
    let (records, code) = steps.end();
    assert_eq!(code, 0);
    let passed =
        kit::of_type(&records, "test.finished").into_iter().filter(|test| test["outcome"] == "passed");
    assert_eq!(passed.count(), 1000);
    until("the page process ends", || !Path::new(&format!("/proc/{page}")).exists());
}

#[test]
fn a_route_set_up_before_its_page_takes_a_copy_unless_the_page_has_asked_for_it() {
    let mut steps = Steps::start();
    let mut go = |route: &str, page: &str| {
        let answer = json!({"body": "changed", "content_type": "text/plain"});
        steps.send(&json!({"step": "test", "id": route}));
        steps.send(&json!({"step": "route", "route": 1, "url": route, "fulfill": answer}));
        steps.send(&json!({"step": "goto", "url": page}));
        let fetched = "fetch('/api/x').then((answer) => answer.ok ? answer.text() : '')";
        steps.send(&json!({"step": "evaluate", "expression": fetched}));
        steps.send(&json!({"step": "evaluate", "expression": "document.querySelector('#log').textContent"}));
        let done: Vec<Value> = (0..4).map(|_| steps.next("pyweb.step.finished")).collect();
        let log = done[3]["value"].as_str().unwrap().to_owned();
        (done[2]["value"].as_str().unwrap().to_owned(), log.contains("changed"), steps.page_processes().len())
    };
    let page = "/features.html";
    assert_eq!(go("**/api/*", page), ("changed".to_owned(), false, 1));
    assert_eq!(go("**/api/*", page), ("changed".to_owned(), false, 1));
    // What it fetches while it loads makes it another page.
    assert_eq!(go("**/test_micropython.py", page), (String::new(), true, 2));
    assert_eq!(go("**/api/*", page), ("changed".to_owned(), false, 1));
    assert_eq!(steps.end().1, 0);
}

#[test]
fn an_interrupted_run_ends_with_its_last_record_and_leaves_no_process() {
    // Busy, and waiting for the next step.
    for code in ["exec('while True: pass')", "1"] {
        let mut steps = Steps::start();
        steps.send(&json!({"step": "goto", "url": "/micropython.html"}));
        steps.next("pyweb.step.finished");
        steps.send(&json!({"step": "evaluate_py", "code": "print('begun')"}));
        steps.next("pyweb.step.finished");
        steps.send(&json!({"step": "evaluate_py", "code": code}));
        let [page] = steps.page_processes()[..] else { panic!("{:?}", steps.page_processes()) };
        let copies = children(page);
        assert_eq!(copies.len(), 1);
        let pyweb = steps.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pyweb]).status().unwrap().success());
        let (records, code) = steps.interrupted();
        assert_eq!(code, 130);
        let last = records.last().unwrap();
        assert_eq!((&last["type"], &last["exit_code"]), (&json!("pyweb.run.finished"), &json!(130)));
        for process in [page, copies[0]] {
            until("it ends with the run", || !Path::new(&format!("/proc/{process}")).exists());
        }
    }
}

#[test]
fn an_interrupted_page_test_ends_with_its_last_record() {
    let mut command = Command::new(kit::binary("pyweb"));
    command.current_dir(pages()).args(["test", "stuck/loop.html"]).stdout(Stdio::piped());
    let mut pyweb = command.spawn().unwrap();
    let mut output = BufReader::new(pyweb.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("before the loop") {
        assert!(output.read_line(&mut text).unwrap() > 0, "{text}");
    }
    assert!(Command::new("kill").args(["-TERM", &pyweb.id().to_string()]).status().unwrap().success());
    std::io::Read::read_to_string(&mut output, &mut text).unwrap();
    assert_eq!(pyweb.wait().unwrap().code(), Some(143));
    let records = kit::records("pyweb", &text);
    assert_eq!(records.last().unwrap()["exit_code"], 143);
}
