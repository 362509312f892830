//! The live view, as a terminal shows it.

use std::num::NonZero;

use crate::support::Suite;

/// Frames end with this.
const SHOWN: &str = "\u{1b}[?2026l";

/// Tests that run one after the other in each of two workers; the first fails.
const TESTS: &str = "import pathlib, pytest, time\n\
    @pytest.mark.parametrize('i', range(8))\n\
    def test_one(i):\n\
    \x20   time.sleep(0.3)\n\
    \x20   assert i != 0\n";

struct Shown {
    /// What the terminal showed, time after time.
    frames: Vec<String>,
    /// All that was printed, without what was drawn over.
    end: String,
    code: u32,
    text: String,
}

/// `testfan run ARGS` on a terminal of 100 by 30.
fn shown(suite: &Suite, args: &[&str], envs: &[(&str, &str)]) -> Option<Shown> {
    let python = kit::venv("testfan").ok()?;
    let cache = suite.path().join("cache");
    let envs = [&[("SNAKEPIPE_CACHE", cache.to_str().unwrap()), ("CI", "")], envs].concat();
    let args = [&["run", "--python", python.to_str().unwrap()], args].concat();
    let screen = kit::in_terminal(env!("CARGO_BIN_EXE_testfan").as_ref(), &args, suite.path(), &envs);
    // Higher than the real one, so that nothing scrolls out of sight.
    let mut terminal = vt100::Parser::new(NonZero::new(600).unwrap(), NonZero::new(100).unwrap(), 0);
    let mut frames = Vec::new();
    for part in screen.text.split_inclusive(SHOWN) {
        terminal.process(part.as_bytes());
        frames.push(terminal.screen().contents());
    }
    Some(Shown { frames, end: terminal.screen().contents(), code: screen.code, text: screen.text })
}

#[test]
fn a_person_sees_how_far_it_is_what_runs_and_what_failed() {
    let suite = Suite::new(&[("test_a.py", TESTS)]);
    let Some(shown) = shown(&suite, &["-n2"], &[]) else { return };
    assert_eq!(shown.code, 1, "{}", shown.end);
    let running =
        shown.frames.iter().find(|frame| frame.contains(" gw1 ") && frame.contains("test_one[")).unwrap();
    for part in ["test_a.py::test_one[", "─", "/8"] {
        assert!(running.contains(part), "{part}: {running}");
    }
    let failed = shown.frames.iter().find(|frame| frame.contains("1 failed")).unwrap();
    let (above, view) = failed.split_at(failed.find('━').unwrap());
    assert!(above.contains("FAILED test_a.py::test_one[0]"), "{failed}");
    assert!(
        above.contains("E       assert 0 != 0") && above.contains("test_a.py:5: AssertionError"),
        "{failed}"
    );
    assert!(view.contains("1 failed"), "{failed}");
    assert!(shown.frames.iter().any(|frame| frame.contains(" slowest  ")), "{}", shown.end);
    for part in ["━", "slowest", "idle"] {
        assert!(!shown.end.contains(part), "{part} is left: {}", shown.end);
    }
    assert!(shown.end.contains("1 failed, 7 passed"), "{}", shown.end);
    assert!(shown.text.contains("\u{1b}[31m") || shown.text.contains(";31m"), "{}", shown.text);
}

#[test]
fn what_tests_print_stays_whole_above_the_view() {
    let tests = "import time\n\
        def test_print():\n\
        \x20   for i in range(150): print('line', i, end='.'); time.sleep(0.005); print()\n\
        def test_other():\n\
        \x20   for i in range(150): print('other', i); time.sleep(0.005)\n";
    let suite = Suite::new(&[("test_a.py", tests)]);
    let Some(shown) = shown(&suite, &["-n2", "-s"], &[("NO_COLOR", "1")]) else { return };
    assert_eq!(shown.code, 0, "{}", shown.end);
    assert!(shown.frames.iter().any(|frame| frame.contains(" gw1 ")), "{}", shown.end);
    for i in 0..150 {
        for line in [format!("] line {i}."), format!("] other {i}")] {
            assert_eq!(
                shown.end.lines().filter(|shown| shown.ends_with(&line)).count(),
                1,
                "{line}: {}",
                shown.end
            );
        }
    }
    let coloured = ["31m", "32m", "33m", "36m"].iter().any(|color| shown.text.contains(color));
    assert!(!shown.end.contains('━') && !coloured, "{}", shown.text);
}

#[test]
fn where_nobody_watches_there_are_letters() {
    let suite = Suite::new(&[("test_a.py", TESTS)]);
    for (args, envs) in
        [(&["-n2"][..], &[("CI", "true")][..]), (&["-n2"], &[("TERM", "dumb")]), (&["-n2", "-q"], &[])]
    {
        let Some(shown) = shown(&suite, args, envs) else { return };
        assert!(!shown.text.contains("\u{1b}[?") && !shown.text.contains('━'), "{}", shown.text);
        assert!(shown.end.contains('F') && shown.end.contains("[100%]"), "{}", shown.end);
    }
}
