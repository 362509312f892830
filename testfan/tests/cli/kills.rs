//! Runs in which one process is killed at a random moment: every test is reported once or named as lost,
//! nothing is left running, and no temporary file stays.
//!
//! `SNAKEPIPE_KILLS` is how many runs are killed; `cargo xtask faults testfan` sets it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kit::of_type;
use serde_json::Value;

use crate::support::{Suite, marked, none_left};

const TESTS: usize = 60;
const SUITE: &str = "import pytest, time\n\
    @pytest.fixture(scope='module')\n\
    def whole():\n\
    \x20   yield\n\
    \x20   time.sleep(0.005)\n\
    @pytest.mark.parametrize('i', range(30))\n\
    def test_a(i, whole, tmp_path): print(i); time.sleep(0.001 * (i % 7))\n\
    @pytest.mark.parametrize('i', range(30))\n\
    def test_b(i): time.sleep(0.01)\n";
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Worker,
    Zygote,
    Controller,
}

#[test]
fn a_killed_process_loses_no_test_silently_and_leaves_nothing() {
    let Ok(python) = kit::venv("testfan") else { return };
    let rounds = std::env::var("SNAKEPIPE_KILLS").map_or(9, |text| text.parse().unwrap());
    let mut hit = BTreeMap::new();
    // How long a run takes here and now, forked and spawned: what was last seen of one that was not hit.
    let mut length = [Duration::ZERO; 2];
    for round in 0..rounds + 2 {
        let victim = (round >= 2).then(|| [Victim::Worker, Victim::Zygote, Victim::Controller][round % 3]);
        let suite = Suite::new(&[("test_a.py", SUITE)]);
        let scratch = tempfile::tempdir().unwrap();
        let marker = format!("killed-{round}-{}", std::process::id());
        let start = ["fork", "spawn"][round % 2];
        let mut command =
            suite.command(&python, &["-n2", "--start", start, "--timeout=60", "--max-worker-restart=9"]);
        command.env("TESTFAN_MARKER", &marker).env("TMPDIR", scratch.path());
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let reader = drain(child.stdout.take().unwrap());
        let errors = drain(child.stderr.take().unwrap());
        let moment = length[round % 2].mul_f64(f64::from(random()) / f64::from(u32::MAX));
        std::thread::sleep(moment);
        let killed = victim.is_some_and(|victim| kill(victim, &child, &marker));
        if let Some(victim) = victim {
            *hit.entry(format!("{victim:?} {killed}")).or_insert(0) += 1;
        }
        let status = child.wait().unwrap();
        if !killed {
            length[round % 2] = began.elapsed();
        }
        none_left(&marker);
        let (text, errors) = (reader.join().unwrap(), errors.join().unwrap());
        let case = format!(
            "round {round}, {victim:?} ({killed}) after {moment:?}, {start}: {status}\n{errors}\n{text}"
        );
        let dead = victim == Some(Victim::Controller) && killed;
        let records =
            if dead { kit::validate("testfan", whole_lines(&text)) } else { kit::records("testfan", &text) };
        check(&records, dead, &case);
        let left: Vec<_> =
            std::fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        let left: Vec<_> = left.iter().filter(|path| !is_pythons_probe(path)).collect();
        assert!(left.is_empty(), "{left:?} stayed: {case}");
    }
    #[expect(clippy::print_stderr, reason = "what `cargo xtask faults` is asked for")]
    {
        eprintln!("whom a kill was meant for, whether there was one, and how often: {hit:?}");
    }
    assert!(hit.keys().any(|what| what.ends_with("true")), "nothing was ever hit: {hit:?}");
}

/// What was said of each test adds up.
fn check(records: &[Value], dead: bool, case: &str) {
    let count = |kind: &str| {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for record in of_type(records, kind) {
            *times.entry(record["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        times
    };
    let (started, finished, lost) =
        (count("test.started"), count("test.finished"), count("testfan.test.interrupted"));
    for id in started.keys().chain(finished.keys()) {
        let said = finished.get(id).unwrap_or(&0) + lost.get(id).unwrap_or(&0);
        assert!(said == 1 || (dead && said == 0), "{id} was reported {said} times: {case}");
    }
    if dead {
        return;
    }
    let end = records.last().unwrap();
    assert_eq!(end["type"], "testfan.run.finished", "{case}");
    let failed = of_type(records, "testfan.run.failed");
    let code = end["exit_code"].as_u64().unwrap();
    if failed.is_empty() {
        assert_eq!(finished.len(), TESTS, "{case}");
        let bad = of_type(records, "test.finished").iter().filter(|test| test["outcome"] != "passed").count();
        assert_eq!(code, u64::from(bad > 0), "{case}");
        assert!(bad <= 1, "{bad} tests failed for one lost worker: {case}");
    } else {
        assert_eq!(code, 2, "{case}");
    }
}

/// Kills one; false when there was none of its kind any more, or yet.
fn kill(victim: Victim, child: &Child, marker: &str) -> bool {
    let controller = child.id().to_string();
    let (zygotes, others): (Vec<String>, Vec<String>) = marked(marker)
        .into_iter()
        .filter(|process| *process != controller)
        .partition(|process| parent(process) == controller);
    let among = match victim {
        Victim::Worker => others,
        Victim::Zygote => zygotes,
        Victim::Controller => vec![controller],
    };
    if among.is_empty() {
        return false;
    }
    let process = &among[usize::try_from(random()).unwrap() % among.len()];
    Command::new("kill").args(["-KILL", process]).stderr(Stdio::null()).status().unwrap().success()
}

/// Python tries whether it can write where it makes its first temporary file (`tempfile.gettempdir`); one that is
/// killed just then leaves the file that it tried with.
fn is_pythons_probe(path: &Path) -> bool {
    let name = path.file_name().unwrap().as_encoded_bytes();
    let random = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    let text = std::fs::read(path).unwrap_or_default();
    name.len() == 8 && name.iter().all(random) && path.is_file() && (text.is_empty() || text == b"blat")
}

fn parent(process: &str) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    after.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn drain(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn whole_lines(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}

/// Good enough to choose a moment by.
fn random() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.subsec_nanos().wrapping_mul(2_654_435_761)
}
