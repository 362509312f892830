//! `testfan replay`: a run shown again from its records.

use crate::support::Suite;

const MIXED: &str = "import os, pytest\n\
    def nth(name):\n\
    \x20   with open(name, 'a') as file: file.write('x')\n\
    \x20   return os.path.getsize(name)\n\
    @pytest.mark.parametrize('i', range(90))\n\
    def test_many(i): assert i != 50, 'näh'\n\
    def test_flaky(): assert nth(os.environ['ATTEMPTS']) == 2\n\
    def test_loud(): print('loud')\n\
    @pytest.fixture\n\
    def broken(): raise RuntimeError\n\
    def test_error(broken): pass\n\
    @pytest.mark.xfail\n\
    def test_xfail(): assert 0\n";

#[test]
fn a_replay_shows_what_the_run_showed() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", MIXED)]);
    for (attempts, args) in
        [("one", &["-n2"][..]), ("two", &["-n1", "-v"]), ("three", &["-n1", "-s", "--retries=1"])]
    {
        let mut command = suite.command(&python, &[args, &["--format", "human"]].concat());
        let ran = kit::run(command.env("ATTEMPTS", attempts)).exits(1);
        let verbose = if args.contains(&"-v") { &["-v"][..] } else { &[] };
        let last = kit::run(&mut suite.plain(&[&["replay", "--format", "human"], verbose].concat())).exits(1);
        assert_eq!(last.stdout, ran.stdout, "{args:?}");
        assert_eq!(last.stderr, "");
    }
}

#[test]
fn a_piped_run_replays_and_one_that_is_cut_short_says_so() {
    let Ok(python) = kit::venv("testfan") else { return };
    let suite = Suite::new(&[("test_a.py", "def test_a(): pass\n")]);
    let (ran, _) = suite.run(&python, &["-n1"]);
    let records = ran.exits(0).stdout;
    std::fs::write(suite.path().join("run.jsonl"), &records).unwrap();
    let whole = kit::run(&mut suite.plain(&["replay", "--format", "human", "run.jsonl"])).exits(0);
    assert!(
        whole.stdout.contains("collected 1 item") && whole.stdout.contains("1 passed"),
        "{}",
        whole.stdout
    );
    let half: Vec<&str> =
        records.lines().take_while(|line| !line.contains("testfan.suite.finished")).collect();
    std::fs::write(suite.path().join("half.jsonl"), half.join("\n")).unwrap();
    let cut = kit::run(&mut suite.plain(&["replay", "half.jsonl"])).exits(2);
    assert!(cut.stderr.contains("half.jsonl: the run was cut short"), "{}", cut.stderr);
    kit::records("testfan", &cut.stdout);
    // In the form for programs the records come out as they went in.
    let types = |text: &str| {
        let types = text.lines().filter_map(|line| line.split("\"type\":\"").nth(1)?.split('"').next());
        types.map(str::to_owned).collect::<Vec<_>>()
    };
    let again = kit::run(&mut suite.plain(&["replay", "run.jsonl"])).exits(0);
    assert_eq!(types(&again.stdout), types(&records));
}

#[test]
fn without_a_run_there_is_nothing_to_replay_or_report() {
    let suite = Suite::new(&[]);
    for command in ["replay", "report"] {
        let ran = kit::run(&mut suite.plain(&[command])).exits(2);
        assert!(ran.stderr.contains("no run is remembered in this folder"), "{}", ran.stderr);
        let ran = kit::run(&mut suite.plain(&[command, "no-such-file"])).exits(2);
        assert!(ran.stderr.contains("no-such-file"), "{}", ran.stderr);
    }
}
