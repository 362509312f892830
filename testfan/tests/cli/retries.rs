//! Failed tests that run again.

use crate::support::{Suite, outcomes};
use kit::of_type;

const FLAKY: &str = "import os, pytest\n\
    def nth(name):\n\
    \x20   with open(name, 'a') as file: file.write('x')\n\
    \x20   return os.path.getsize(name)\n\
    def test_flaky(tmp_path): assert nth('flaky') == 3\n\
    def test_crash(): nth('crash') == 2 or os._exit(1)\n\
    def test_bad(): assert nth('bad') > 100\n\
    @pytest.mark.parametrize('i', range(10))\n\
    def test_fine(i): pass\n";

#[test]
fn a_test_that_passes_at_last_is_flaky_and_no_failure() {
    let Ok(python) = kit::venv("testfan") else { return };
    for (start, mode) in [("fork", "load"), ("spawn", "load"), ("fork", "loadfile")] {
        let suite = Suite::new(&[("test_a.py", FLAKY)]);
        let junit = suite.path().join("out.xml");
        let options = ["-n2", "--retries=2", "--maxfail=2", "--start", start, "--dist", mode, "--junit"];
        let (ran, records) = suite.run(&python, &[&options[..], &[junit.to_str().unwrap()]].concat());
        let ran = ran.exits(1);
        let outcomes = outcomes(&records);
        let bad: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome != "passed").collect();
        assert_eq!((outcomes.len(), bad.len()), (13, 1), "{start} {bad:?} {}", ran.stdout);
        assert_eq!(of_type(&records, "testfan.test.retried").len(), 5, "{}", ran.stdout);
        let counts = &of_type(&records, "testfan.run.finished")[0]["counts"];
        assert_eq!((&counts["flaky"], &counts["failed"]), (&2.into(), &1.into()), "{counts}");
        assert_eq!(std::fs::read_to_string(suite.path().join("bad")).unwrap(), "xxx");
        assert!(ran.stdout.contains("1 failed, 12 passed"), "{}", ran.stdout);
        let xml = std::fs::read_to_string(junit).unwrap();
        assert!(xml.contains("<property name=\"attempts\" value=\"3\""), "{xml}");
    }
}
