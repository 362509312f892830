//! `pyweb serve` as a real browser sees it, with no host but this machine: changes, errors, every template.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::new::{TEMPLATES, made};
use crate::{serve, site, write};

/// Pages are given this long; Pyodide takes a few seconds, more while other tests run.
const LIMIT: Duration = Duration::from_secs(100);

/// Chromium without a window, with one page open.
struct Browser {
    process: Child,
    profile: tempfile::TempDir,
}

impl Browser {
    fn open(chromium: &Path, url: &str) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(chromium);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Browser { process: command.process_group(0).spawn().unwrap(), profile }
    }

    /// Waits until the page's title is this one.
    fn wait_for(&self, wanted: &str) {
        let began = Instant::now();
        let mut title = None;
        while title.as_deref() != Some(wanted) {
            assert!(began.elapsed() < LIMIT, "the title is {title:?}, not {wanted:?}");
            std::thread::sleep(Duration::from_millis(50));
            title = self.title().or(title);
        }
    }

    /// The title as the browser lists it for debuggers.
    fn title(&self) -> Option<String> {
        let port = std::fs::read_to_string(self.profile.path().join("DevToolsActivePort")).ok()?;
        let mut stream = TcpStream::connect(("127.0.0.1", port.lines().next()?.parse().ok()?)).ok()?;
        stream.write_all(b"GET /json/list HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
        // It keeps the connection open after the body, so what has come by then is the answer.
        stream.set_read_timeout(Some(Duration::from_millis(300))).ok()?;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let targets: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        let page = targets.as_array()?.iter().find(|target| target["type"] == "page")?;
        page["title"].as_str().map(str::to_owned)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-9", "--", &group]).status();
        let _ = self.process.wait();
    }
}

fn chromium() -> Result<PathBuf, kit::Missing> {
    kit::tool("chromium", "chromium")
}

const CORE: &str = "<script type=\"module\" src=\"pyscript/core.js\"></script>";

#[test]
fn a_change_loads_the_page_again_and_a_style_sheet_does_not() {
    let Ok(chromium) = chromium() else { return };
    // Its title tells how often it was loaded, what Python said, and which colour it has.
    let page = "<!doctype html><link rel=stylesheet href=style.css>\
        <script>\
        const loads = sessionStorage.loads = Number(sessionStorage.loads ?? 0) + 1;\
        let said = '';\
        setInterval(() => {\
            document.title = `${loads} ${said} ${getComputedStyle(document.body).color} ${crossOriginIsolated}`;\
        }, 20);\
        </script>";
    let page = format!("{page}{CORE}<script type=mpy src=main.py></script>");
    let main = |text: &str| format!("from pyscript import window\nwindow.eval(\"said = '{text}'\")");
    let root = site(&[
        ("index.html", &page),
        ("style.css", "body { color: rgb(1, 1, 1) }"),
        ("main.py", &main("one")),
    ]);
    let serving = serve(root.path());
    let browser = Browser::open(&chromium, &serving.url("/"));
    browser.wait_for("1 one rgb(1, 1, 1) true");
    write(root.path(), "style.css", "body { color: rgb(2, 2, 2) }");
    browser.wait_for("1 one rgb(2, 2, 2) true");
    let part = root.path().join(".part");
    std::fs::write(&part, main("two")).unwrap();
    std::fs::rename(part, root.path().join("main.py")).unwrap();
    browser.wait_for("2 two rgb(2, 2, 2) true");
    drop(browser);
    let records = serving.end();
    assert!(kit::of_type(&records, "pyweb.python.raised").is_empty());
    let missed = |record: &Value| record["status"].as_u64() >= Some(400) && record["path"] != "/favicon.ico";
    assert!(!records.iter().any(missed));
}

#[test]
fn ten_quick_saves_end_with_the_last() {
    let Ok(chromium) = chromium() else { return };
    let root = site(&[("index.html", "<!doctype html><title>save 0</title>")]);
    let serving = serve(root.path());
    let browser = Browser::open(&chromium, &serving.url("/"));
    browser.wait_for("save 0");
    for save in 1..=10 {
        write(root.path(), "index.html", &format!("<!doctype html><title>save {save}</title>"));
    }
    browser.wait_for("save 10");
    serving.end();
}

#[test]
fn a_python_error_is_shown_over_its_page_until_it_is_mended() {
    let Ok(chromium) = chromium() else { return };
    // Its title is the first heading of what lies over the page, as words.
    let watch = "<!doctype html><script>\
        setInterval(() => {\
            const shown = document.querySelector('pyweb-errors')?.shadowRoot.querySelector('article:not(.old) h2');\
            const text = shown ? shown.textContent : `${document.body.dataset.said} nothing`;\
            document.title = text.replaceAll(/\\W+/g, ' ').trim();\
        }, 20);</script>";
    let click = "import asyncio\nfrom pyscript import when, document\n\n\n@when('click', '#go')\ndef go(event):\n    \
        {}['missing']\n\n\nasync def later():\n    raise ValueError('later')\n\n\n\
        @when('click', '#later')\ndef start(event):\n    asyncio.create_task(later())\n\n\n\
        document.body.dataset.said = 'ready'\n";
    for interpreter in ["py", "mpy"] {
        let page = format!(
            "{watch}{CORE}<button id=go></button><button id=later></button>\
             <script type={interpreter} src=main.py></script>"
        );
        let press = |button: &str| format!("{click}document.querySelector('#{button}').click()\n");
        let root = site(&[("index.html", &page), ("main.py", "x = 1\nx.y")]);
        let mut serving = serve(root.path());
        let browser = Browser::open(&chromium, &serving.url("/"));
        let place = |record: Value| (record["file"].clone(), record["line"].clone());
        assert_eq!(
            place(serving.record("pyweb.python.raised")),
            (json!("main.py"), json!(2)),
            "{interpreter}"
        );
        write(root.path(), "main.py", click);
        browser.wait_for("ready nothing");
        write(root.path(), "main.py", &press("go"));
        let raised = serving.record("pyweb.python.raised");
        assert_eq!(place(raised.clone()), (json!("main.py"), json!(7)), "{raised}");
        let message = raised["message"].as_str().unwrap();
        let said: Vec<&str> =
            message.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        browser.wait_for(&format!("main py 7{}", said.join(" ")));
        write(root.path(), "main.py", &press("later"));
        let raised = serving.record("pyweb.python.raised");
        assert_eq!(place(raised.clone()), (json!("main.py"), json!(11)), "{raised}");
        write(root.path(), "main.py", click);
        browser.wait_for("ready nothing");
        drop(browser);
        let records = serving.end();
        let mut told: Vec<_> =
            kit::of_type(&records, "pyweb.python.raised").into_iter().cloned().map(place).collect();
        told.dedup();
        assert!(told.iter().all(|(file, _)| file == "main.py"), "{interpreter}: and nothing else: {told:?}");
    }
}

#[test]
fn a_python_error_in_a_worker_is_shown_over_its_page_with_its_place() {
    let Ok(chromium) = chromium() else { return };
    // Its title is where the errors are that lie over the page.
    let watch = "<!doctype html><script>\
        setInterval(() => {\
            const shown = document.querySelector('pyweb-errors')?.shadowRoot.querySelectorAll('h2 code') ?? [];\
            document.title = [...shown].map((code) => code.textContent).sort().join(' ') || 'nothing';\
        }, 20);</script>";
    // In a task that nobody awaits, and in what the page asks of the worker.
    let late = "import asyncio\nfrom pyscript import when, document\n\n\n@when('click', '#go')\ndef go(event):\n    \
        {}['missing']\n\n\nasync def later():\n    raise ValueError('later')\n\n\n\
        asyncio.create_task(later())\ndocument.querySelector('#go').click()\n";
    let at_once = "worker>\n    x = 1\n    x.inline\n</script>";
    for interpreter in ["py", "mpy"] {
        for (script, places) in
            [(at_once, "index.html:3"), ("src=main.py worker></script>", "main.py:11 main.py:7")]
        {
            let page = format!("{watch}{CORE}<button id=go></button><script type={interpreter} {script}");
            let root = site(&[("index.html", &page), ("main.py", late)]);
            let serving = serve(root.path());
            let browser = Browser::open(&chromium, &serving.url("/"));
            browser.wait_for(places);
            drop(browser);
            let records = serving.end();
            let raised = kit::of_type(&records, "pyweb.python.raised");
            let told = raised
                .iter()
                .map(|record| format!("{}:{}", record["file"].as_str().unwrap(), record["line"]));
            let mut told: Vec<String> = told.collect();
            told.sort();
            assert_eq!(told.join(" "), places, "{interpreter}: each once");
        }
    }
}

#[test]
fn every_template_gets_ready_with_nothing_from_outside() {
    let Ok(chromium) = chromium() else { return };
    // A page around the page tells when its Python has started.
    let around = "<!doctype html><iframe src=./ style='width:100%;height:90vh'></iframe><script>\
        setInterval(() => {\
            const page = document.querySelector('iframe').contentDocument;\
            if (page.querySelector('h1') && !page.querySelector('#starting')) document.title = 'ready';\
        }, 50);</script>";
    for (template, interpreter, worker) in TEMPLATES {
        let folder = made(template, &[interpreter, worker]);
        write(folder.path(), "page/around.html", around);
        let serving = serve(&folder.path().join("page"));
        let browser = Browser::open(&chromium, &serving.url("/around.html"));
        browser.wait_for("ready");
        drop(browser);
        let records = serving.end();
        let raised = kit::of_type(&records, "pyweb.python.raised");
        assert!(raised.is_empty(), "{template}: {raised:?}");
        let missed: Vec<&Value> = kit::of_type(&records, "pyweb.request.served")
            .into_iter()
            .filter(|record| record["status"].as_u64() >= Some(400) && record["path"] != "/favicon.ico")
            .collect();
        assert!(missed.is_empty(), "{template}: {missed:?}");
    }
}
