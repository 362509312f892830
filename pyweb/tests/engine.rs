//! The engine runs the real Pyodide and MicroPython, byte for byte as published, in a bare worker: no page, no DOM.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pyweb::headless::{Busy, Ended, Event, HeadlessError, Options, Resource, Script, Site, run};

const PYODIDE: &str = "pyodide-314.0.7";
const MICROPYTHON: &str = "micropython-micropython-webassembly-pyscript-1.28.0-6";

/// The folder of the runtime's packages, after getting what is missing.
fn runtime() -> PathBuf {
    let pyweb = |args: &[&str]| kit::run(Command::new(env!("CARGO_BIN_EXE_pyweb")).args(args)).exits(0);
    pyweb(&["runtime", "get"]);
    PathBuf::from(pyweb(&["runtime", "path"]).stdout.trim_end())
}

/// The runtime's folder, and one module of the test's.
struct Worker {
    runtime: PathBuf,
    main: String,
}

impl Site for Worker {
    fn get(&self, url: &str) -> Option<Resource> {
        let path = url.strip_prefix("http://localhost/")?;
        let bytes = match path {
            "main.js" => self.main.clone().into_bytes(),
            _ => std::fs::read(self.runtime.join(path)).ok()?,
        };
        let mime =
            if Path::new(path).extension()? == "json" { "application/json" } else { "text/javascript" };
        Some(Resource { bytes: bytes.into(), mime: mime.to_owned() })
    }
}

fn ended(runtime: PathBuf, main: &str, limit: Duration) -> (Result<Ended, HeadlessError>, Vec<String>) {
    let worker = include_str!("worker/worker.js");
    let scripts = [Script { url: "worker.js".to_owned(), source: worker.into() }];
    let options = Options {
        time_limit: limit,
        // Shared by the tests, and kept: the first run compiles for many seconds.
        cache_dir: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("engine-cache")),
        page_url: "http://localhost/worker.js".to_owned(),
        entry: Some("http://localhost/main.js".to_owned()),
        worker: None,
        config: serde_json::Value::Null,
    };
    let mut told = Vec::new();
    let site = Box::new(Worker { runtime, main: main.to_owned() });
    let ended = run(site, &scripts, &options, &mut |event| match event {
        Event::Console { text, .. } => told.push(text),
        Event::Uncaught { message, stack } => told.push(format!("uncaught {message}\n{stack}")),
        Event::Custom(value) => told.push(value.to_string()),
        Event::Given { name, .. } => told.push(name),
    });
    (ended, told)
}

/// What a run prints that comes to its own end.
fn printed(runtime: PathBuf, main: &str) -> Vec<String> {
    let (ended, told) = ended(runtime, main, Duration::from_mins(10));
    assert!(matches!(ended, Ok(Ended::Idle)), "{ended:?} {told:#?}");
    told
}

fn pyodide(script: &str) -> Vec<String> {
    let start = format!(
        "const {{ loadPyodide }} = await import('/{PYODIDE}/pyodide.mjs');
         const py = await loadPyodide({{ indexURL: '/{PYODIDE}/', stdout: console.log }});"
    );
    let told = printed(runtime(), &format!("{start}\n{script}"));
    // Its two helper modules with GC types are refused, and it says so before it does without.
    told.into_iter().filter(|line| !line.contains("without the gc feature")).collect()
}

const MICROPYTHON_START: &str = "
    const { loadMicroPython } = await import(`/${PACKAGE}/micropython.mjs`);
    const mp = await loadMicroPython({ url: `/${PACKAGE}/micropython.wasm`, stdout: console.log, linebuffer: true });";

fn micropython(script: &str) -> String {
    format!("const PACKAGE = '{MICROPYTHON}';{MICROPYTHON_START}\n{script}")
}

#[test]
fn micropython_prints_and_keeps_timers() {
    let runtime = runtime();
    let script = r#"
        mp.runPython("print(1+1)\nimport js\njs.setTimeout(lambda: print('later'), 5)\nprint('now')");
        try { mp.runPython("1/0") } catch (e) { console.log(e.type, e.message.includes("line 1")) }"#;
    assert_eq!(printed(runtime, &micropython(script)), ["2", "now", "ZeroDivisionError true", "later"]);
}

#[test]
fn endless_python_is_stopped() {
    let runtime = runtime();
    // Compiles and caches, so that the limit below is spent in the loop.
    printed(runtime.clone(), &micropython(""));
    let script = r#"function work() { mp.runPython("print('begin')\ntry:\n  while True: pass\nfinally:\n  print('end')") }
        try { work() } finally { console.log('after') }"#;
    let (ended, told) = ended(runtime, &micropython(script), Duration::from_secs(5));
    let Ok(Ended::TimedOut { busy: Busy::WebAssembly, stack }) = &ended else { panic!("{ended:?} {told:?}") };
    assert!(stack.contains("work (http://localhost/main.js:"), "{stack}");
    assert_eq!(told, ["begin"]);
}

#[test]
fn python_that_prints_endlessly_is_stopped() {
    let runtime = runtime();
    printed(runtime.clone(), &micropython(""));
    let script = r#"mp.runPython("while True: print('again')")"#;
    let (ended, told) = ended(runtime, &micropython(script), Duration::from_secs(3));
    assert!(matches!(ended, Ok(Ended::TimedOut { .. })), "{ended:?}");
    assert!(told.len() > 10 && told.iter().all(|line| line == "again"), "{:?}", told.last());
}

#[test]
fn pyodide_runs_python() {
    let script = r#"
        py.runPython("print(1+1)");
        try { py.runPython("{}['k']") } catch (e) { console.log(e.type, e.message.trim().split("\n").pop()) }
        globalThis.thrower = () => { throw new RangeError("from js") };
        globalThis.twice = (f, x) => f(x) * 2;
        py.runPython(`
import js
try: js.thrower()
except Exception as e: print(type(e).__name__, e)
print(js.twice(lambda x: x + 1, 20), js.BigInt(2**70) == 2**70)
def deeper(n): return deeper(n + 1)
try: deeper(0)
except RecursionError as e: print(e)
import hashlib, json, re, sqlite3, zlib
print(hashlib.sha256(b'x').hexdigest()[:8], json.dumps({'a': [1, None]}), re.sub('(a)b?', r'[\\1]', 'abac'))
x = bytearray(200_000_000); x[-1] = 7; print(len(x), x[-1])`);
        await py.runPythonAsync("import asyncio\nawait asyncio.sleep(0.01)\nprint(await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2)))");"#;
    let told = pyodide(script);
    let expected = [
        "2",
        "KeyError KeyError: 'k'",
        "JsException RangeError: from js",
        "42 True",
        "maximum recursion depth exceeded",
        "2d711642 {\"a\": [1, null]} [a][a]c",
        "200000000 7",
        "[1, 2]",
    ];
    assert_eq!(told, expected);
}

/// Seeking backwards is where QuickJS-ng's comparison of a negative `BigInt` with a number would show.
#[test]
fn pyodide_reads_files_backwards() {
    let script = r"py.runPython(`
import io, zipfile
with zipfile.ZipFile('/tmp/a.zip', 'w') as z: z.writestr('name', 'text')
with open('/tmp/a.zip', 'rb') as f: print(f.seek(-22, 2) > 0, f.read(4))
print(zipfile.is_zipfile('/tmp/a.zip'), zipfile.ZipFile('/tmp/a.zip').read('name'))`);";
    let told = pyodide(script);
    assert_eq!(told, ["True b'PK\\x05\\x06'", "True b'text'"]);
}

#[test]
fn a_runtime_that_is_not_there_is_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let told = printed(folder.path().to_owned(), "await import('/none/pyodide.mjs')");
    assert!(told[0].contains("http://localhost/none/pyodide.mjs"), "{told:?}");
}
