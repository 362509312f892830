//! The HTML reports: their data adds up, and a real browser shows it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Folder, on_every_python};

/// Memory that comes, goes and stays in two threads.
const PROGRAM: &str = "\
import threading, time

def leaf(size):
    return bytearray(size - 1)

def hold(sizes):
    return [leaf(size) for size in sizes]

def churn(times):
    for i in range(times):
        leaf(40_000)
        if i % 100 == 0:
            time.sleep(0.011)  # longer than a moment

kept = hold([3_000_000, 2_000_000])
churn(2000)
passing = hold([9_000_000])
churn(2000)
del passing
thread = threading.Thread(target=churn, args=(2000,), name='churner')
thread.start(); thread.join()
";

fn recorded(python: &Path) -> Folder {
    let folder = Folder::new();
    folder.write("app.py", PROGRAM);
    let _ = folder.record(python, &["app.py"]).exits(0);
    folder
}

/// The JSON inside a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script id=\"data\" type=\"application/json\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// The numbers of a column, as `page.js` reads them.
fn column(packed: &Value) -> Vec<u64> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut numbers, mut number, mut shift) = (0_u32, 0, Vec::new(), 0, 0);
    for digit in packed.as_str().unwrap().bytes().filter(|digit| *digit != b'=') {
        bits = bits << 6 | u32::try_from(DIGITS.iter().position(|known| *known == digit).unwrap()).unwrap();
        held += 6;
        if held < 8 {
            continue;
        }
        held -= 8;
        let byte = u64::from(bits >> held & 0xff);
        number |= (byte & 127) << shift;
        shift += 7;
        if byte < 128 {
            numbers.push(std::mem::take(&mut number));
            shift = 0;
        }
    }
    numbers
}

fn page(folder: &Folder, arguments: &[&str]) -> String {
    kit::run(folder.memtrace().args(arguments).args(["-o", "-", "capture.mtr"])).exits(0).stdout
}

#[test]
fn the_flame_graph_adds_up_to_the_numbers_of_the_run() {
    on_every_python(|python| {
        let folder = recorded(python);
        let stats = folder.stats();
        let data = data(&page(&folder, &["flamegraph"]));
        for (kind, bytes, blocks) in [
            ("peak", "peak_bytes", "peak_allocations"),
            ("leaked", "leaked_bytes", "leaked_allocations"),
            ("temporary", "temporary_bytes", "temporary_allocations"),
        ] {
            let own = &data["own"][kind];
            assert_eq!(column(&own["bytes"]).iter().sum::<u64>(), stats[bytes].as_u64().unwrap(), "{kind}");
            assert_eq!(column(&own["blocks"]).iter().sum::<u64>(), stats[blocks].as_u64().unwrap(), "{kind}");
        }
        // At the end of each moment what lived then is what the plot says.
        let lives = &data["lives"];
        let [born, moments, bytes] = ["born", "lived", "bytes"].map(|name| column(&lives[name]));
        let last = column(&data["timeline"]["last"]);
        assert!(last.len() > 20, "{}", last.len());
        for (moment, &size) in (0..).zip(&last) {
            let in_use = |&index: &usize| {
                born[index] <= moment && (moments[index] == 0 || moment < born[index] + moments[index])
            };
            let sum: u64 = (0..born.len()).filter(in_use).map(|index| bytes[index]).sum();
            assert_eq!(sum, size, "moment {moment}");
        }
        assert_eq!(last.last(), stats["leaked_bytes"].as_u64().as_ref());
        assert_eq!(column(&data["timeline"]["most"]).iter().max(), stats["peak_bytes"].as_u64().as_ref());
        assert_eq!(data["threads"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn a_threshold_makes_more_of_it_temporary() {
    let Ok(python) = kit::python("3.13") else { return };
    let folder = Folder::new();
    // Each block is given back when one other has come: temporary at 1, and not at 0.
    folder.write("app.py", "old = None\nfor _ in range(100):\n    new = bytearray(777_776)\n    old = new\n");
    let _ = folder.record(&python, &["app.py"]).exits(0);
    let temporary = |arguments: &[&str]| {
        let data = data(&page(&folder, arguments));
        column(&data["own"]["temporary"]["bytes"]).iter().sum::<u64>()
    };
    let (none, one) = (temporary(&["flamegraph"]), temporary(&["flamegraph", "--temporary-threshold", "1"]));
    assert!(none < 20 * 777_777, "{none}");
    assert!(one >= 98 * 777_777, "{one}");
}

/// The page's elements once its scripts have run in Chromium; with `script` added at its end.
fn shown(folder: &Folder, page: &str, script: &str) -> Option<String> {
    let chromium = kit::tool("chromium", "chromium").ok()?;
    std::fs::write(folder.path("shown.html"), format!("{page}<script>{script}</script>")).unwrap();
    let mut command = Command::new(chromium);
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"]);
    command.arg(format!("--user-data-dir={}", folder.path("chromium").display()));
    command.args(["--virtual-time-budget=5000", "--allow-file-access-from-files"]);
    command.arg("--dump-dom").arg(format!("file://{}", folder.path("shown.html").display()));
    Some(kit::run(&mut command).exits(0).stdout)
}

/// What the script left in the title: answers of the page.
fn title(dom: &str) -> &str {
    dom.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0
}

#[test]
fn a_browser_shows_the_flame_graph() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = recorded(&python);
    let page = page(&folder, &["flamegraph"]);
    let script = "
const words = () => [...document.querySelectorAll('.frame')].map((frame) => frame.textContent.split('  ')[0]);
const has = (name) => words().some((text) => text.startsWith(name));
const answers = {};
answers.peak = has('hold') && has('leaf');
byId('inverted').click();
answers.inverted = has('leaf') && document.querySelectorAll('.frame')[1].textContent.startsWith('leaf');
byId('inverted').click();
showKind('temporary');
byId('threads').click();
answers.threads = words().filter((text) => /^(thread \\d+|.* \\(\\d+\\))/.test(text)).length;
byId('threads').click();
showKind('time');
plot.select([0, plot.moments - 1]);
answers.end = calls.root.bytes === data.stats.leaked_bytes;
plot.select([5, plot.moments - 2]);
chooseNew();
answers.fewer = calls.root.bytes < data.stats.leaked_bytes;
search('hold');
answers.found = byId('found').value;
showKind('peak');
search('hold');
answers.share = byId('found').value.endsWith('%') && document.querySelectorAll('.match').length > 0;
document.querySelector('.frame.match').click();
answers.zoomed = byId('path').textContent.endsWith('hold');
answers.lines = document.querySelectorAll('#lines tr').length > 3;
document.title = JSON.stringify(answers);
function chooseNew() { byId('range-mode').querySelector('[data-value=new]').click(); }
";
    let Some(dom) = shown(&folder, &page, script) else { return };
    let answers: Value = serde_json::from_str(title(&dom)).unwrap();
    assert_eq!(answers["threads"], 2, "{answers}");
    for name in ["peak", "inverted", "end", "fewer", "share", "zoomed", "lines"] {
        assert_eq!(answers[name], true, "{name}: {answers}");
    }
}

#[test]
fn a_browser_shows_the_table() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = recorded(&python);
    let page = page(&folder, &["table"]);
    let script = "
const cells = () => [...document.querySelectorAll('#rows tr')].map((row) => [...row.children].map((cell) => cell.textContent));
const first = cells()[0];
showKind('temporary');
const churned = cells()[0];
byId('head').querySelectorAll('button')[4].click();
const names = cells().map((row) => row[5]);
byId('search').value = 'churn';
byId('search').dispatchEvent(new Event('input'));
document.title = JSON.stringify([first, churned, names.length, String(names) === String([...names].sort((a, b) => a.localeCompare(b))), data.rows && byId('found').value]);
";
    let Some(dom) = shown(&folder, &page, script) else { return };
    let answers: Value = serde_json::from_str(title(&dom)).unwrap();
    let largest = &answers[0];
    assert_eq!((&largest[5], &largest[3]), (&"leaf".into(), &"malloc".into()), "{answers}");
    assert!(largest[6].as_str().unwrap().ends_with("app.py:4"), "{answers}");
    assert_eq!(answers[1][5], "leaf", "{answers}");
    assert_eq!(answers[3], true, "{answers}");
}

#[test]
fn the_tables_rows_add_up_to_the_numbers_of_the_run() {
    on_every_python(|python| {
        let folder = recorded(python);
        let stats = folder.stats();
        let data = data(&page(&folder, &["table"]));
        for (kind, total) in
            [("peak", "peak_bytes"), ("leaked", "leaked_bytes"), ("temporary", "temporary_bytes")]
        {
            let bytes = column(&data["rows"][format!("{kind}_bytes")]);
            assert_eq!(bytes.iter().sum::<u64>(), stats[total].as_u64().unwrap(), "{kind}");
        }
        assert_eq!(data["left_out"], 0);
    });
}

/// As [`shown`], in a frame that is 400 pixels wide; the script's `answers` are the title.
fn shown_narrow(folder: &Folder, page: &str, script: &str) -> Option<Value> {
    let script = format!("{script};parent.postMessage(JSON.stringify(answers), '*')");
    std::fs::write(folder.path("inner.html"), format!("{page}<script>{script}</script>")).unwrap();
    let frame = "<title></title><iframe src='inner.html' width='400' height='900'></iframe>";
    let dom = shown(folder, frame, "onmessage = (event) => { document.title = event.data; }")?;
    serde_json::from_str(title(&dom)).ok()
}

#[test]
fn a_narrow_page_has_room_for_all_of_its_words() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = recorded(&python);
    let script = "
const words = [...document.querySelectorAll('button, label, dd, dt, h1, h2')].filter((one) => one.offsetParent);
const answers = {
  narrow: innerWidth === 400,
  over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  cut: words.filter((one) => one.scrollWidth > one.clientWidth + 2 || one.scrollHeight > one.clientHeight + 2)
    .map((one) => `${one.tagName} ${one.textContent}`),
  shown: words.length,
};";
    for kind in ["flamegraph", "table"] {
        let Some(answers) = shown_narrow(&folder, &page(&folder, &[kind]), script) else { return };
        let shown = answers["shown"].as_u64().unwrap();
        assert!(answers["narrow"] == true && shown > 10, "{kind}: {answers}");
        assert_eq!(answers["over"], 0, "{kind}: {answers}");
        assert_eq!(answers["cut"], serde_json::json!([]), "{kind}");
    }
}

#[test]
fn every_rule_of_the_style_is_one_that_browsers_know() {
    let Ok(python) = kit::python("3.12") else { return };
    let folder = recorded(&python);
    let script = "
const style = document.querySelector('style').textContent.replace(/\\/\\*.*?\\*\\//gs, '');
const rules = [...style.matchAll(/\\{([^{}]*)\\}/g)].flatMap(([, block]) => block.split(';')).map((rule) => rule.trim());
const known = (rule) => { const at = rule.indexOf(':'); return CSS.supports(rule.slice(0, at), rule.slice(at + 1).replace('!important', '')); };
document.title = JSON.stringify([rules.length, rules.filter((rule) => rule && !known(rule))]);
";
    for kind in ["flamegraph", "table"] {
        let Some(dom) = shown(&folder, &page(&folder, &[kind]), script) else { return };
        let answers: Value = serde_json::from_str(title(&dom)).unwrap();
        assert!(answers[0].as_u64().unwrap() > 100, "{kind}: {answers}");
        assert_eq!(answers[1], serde_json::json!([]), "{kind}");
    }
}
