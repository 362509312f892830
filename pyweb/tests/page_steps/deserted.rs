//! A driver of steps that is killed leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::support::pages;

/// Drives steps, the last of which has no end.
const DRIVER: &str = "\
import json, subprocess, sys
pyweb = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
for step in [{'step': 'goto', 'url': '/micropython.html'}, {'step': 'evaluate', 'expression': '(() => { for (;;); })()'}]:
    pyweb.stdin.write(json.dumps(step) + '\\n')
pyweb.stdin.flush()
for line in pyweb.stdout:
    if 'pyweb.step.finished' in line:
        print(pyweb.pid, flush=True)
";
/// Far less than the page's time limit.
const SOON: Duration = Duration::from_secs(30);

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn steps_end_with_who_drives_them() {
    let Ok(python) = kit::tool("python3", "python3") else { return };
    for engine in ["wasmtime", "chromium"] {
        if engine == "chromium" && kit::tool("chromium", "chromium").is_err() {
            continue;
        }
        let mut driver = Command::new(&python);
        driver.current_dir(pages()).args(["-c", DRIVER]).arg(kit::binary("pyweb"));
        driver.args(["test", "good", "--engine", engine, "--timeout", "300", "--steps", "-"]);
        let mut driver = Driver(driver.stdout(Stdio::piped()).spawn().unwrap());
        let mut pid = String::new();
        BufReader::new(driver.0.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        let process = Path::new("/proc").join(pid.trim());
        assert!(process.is_dir(), "{engine}: {pid}");
        drop(driver);
        let began = Instant::now();
        while process.is_dir() {
            assert!(began.elapsed() < SOON, "{engine}: the steps go on");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
