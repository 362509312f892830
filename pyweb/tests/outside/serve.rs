//! `pyweb serve` as curl and clients that mean no good see it.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::Command;

use kit::{curl, head};
use serde_json::{Value, json};

use crate::{VISIT, pyweb, serve, site, visit, write};

const PAGE: &str = "<!doctype html>\n<title>x</title>\n\
    <script type=\"module\" src=\"https://pyscript.net/latest/core.js\"></script>\n\
    <script type=\"mpy\" src=\"main.py\"></script>\n";

#[test]
fn a_page_has_pyscript_and_its_interpreter_from_here() {
    let page = PAGE.replace("main.py\"", "../main.py\" config=\"app.toml\"");
    let root = site(&[
        ("index.html", PAGE),
        ("main.py", "print(1)"),
        ("deep/page.html", &page),
        ("deep/app.toml", "name = 'x'"),
    ]);
    let serving = serve(root.path());
    let shown = visit(&serving, "/");
    assert!(shown.contains("src=\"/pyscript/core.js\"") && !shown.contains("https:"), "{shown}");
    assert!(shown.contains("/pyscript/micropython/micropython.mjs"), "{shown}");
    assert_eq!(shown.lines().count(), PAGE.lines().count(), "lines keep their numbers");
    let deep = visit(&serving, "/deep/page.html");
    assert!(deep.contains("config=\"/deep/app.toml?interpreter=mpy\""), "{deep}");
    let config = curl(&[&serving.url("/deep/app.toml?interpreter=mpy")]);
    assert_eq!(config, "name = \"x\"\ninterpreter = \"/pyscript/micropython/micropython.mjs\"\n");
    assert_eq!(curl(&[&serving.url("/deep/app.toml")]), "name = 'x'");
    assert_eq!(curl(&[&serving.url("/")]), PAGE, "what a script reads is what is written");
    for (path, kind) in [
        ("/pyscript/core.js", "text/javascript; charset=utf-8"),
        ("/deep/pyscript/core.css", "text/css; charset=utf-8"),
        ("/pyscript/micropython/micropython.mjs", "text/javascript; charset=utf-8"),
        ("/pyscript/pyodide/pyodide.asm.wasm", "application/wasm"),
        ("/pyscript/pyodide/pyodide-lock.json", "application/json; charset=utf-8"),
        ("/main.py", "text/x-python; charset=utf-8"),
    ] {
        assert_eq!(head(&[&serving.url(path)], "content-type"), ("200".into(), kind.into()), "{path}");
    }
    serving.end();
}

#[test]
fn every_answer_isolates_its_page() {
    let root = site(&[("index.html", PAGE), ("a.png", "x")]);
    let serving = serve(root.path());
    for path in ["/", "/a.png", "/pyscript/core.js", "/none", "/@pyweb/live.js"] {
        for (header, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(head(&["-H", VISIT, &serving.url(path)], header).1, value, "{path}");
        }
    }
    serving.end();
}

#[test]
fn files_come_whole_in_parts_or_not_again() {
    let root = site(&[("a.txt", "hello\n"), ("sub/x", "x")]);
    let serving = serve(root.path());
    let url = serving.url("/a.txt");
    assert_eq!(curl(&[&url]), "hello\n");
    assert_eq!(curl(&["-r", "1-3", &url]), "ell");
    assert_eq!(head(&["-r", "1-3", &url], "content-range"), ("206".into(), "bytes 1-3/6".into()));
    assert_eq!(head(&["-r", "6-", &url], "content-range"), ("416".into(), "bytes */6".into()));
    assert_eq!(head(&["-I", &url], "content-length"), ("200".into(), "6".into()));
    assert_eq!(head(&["-X", "PUT", &url], "allow"), ("405".into(), "GET, HEAD".into()));
    let (_, etag) = head(&[&url], "etag");
    assert_eq!(head(&["-H", &format!("If-None-Match: {etag}"), &url], "etag"), ("304".into(), etag.clone()));
    write(root.path(), "a.txt", "jello\n");
    assert_eq!(head(&["-H", &format!("If-None-Match: {etag}"), &url], "x").0, "200");
    assert_eq!(head(&[&serving.url("/sub?q=1")], "location"), ("302".into(), "/sub/?q=1".into()));
    let listed = visit(&serving, "/");
    assert!(listed.contains("<a href=\"./sub/\">sub/</a></li><li><a href=\"./a.txt\">"), "{listed}");
    let missing = visit(&serving, "/later.html");
    assert!(missing.contains("/@pyweb/live.js"), "it is shown once it is there: {missing}");
    let records = serving.end();
    let partial = records.iter().find(|record| record["status"] == 206).unwrap();
    assert_eq!((&partial["path"], &partial["bytes"]), (&json!("/a.txt"), &json!(3)));
}

#[test]
fn nothing_outside_the_folder_is_given_out() {
    let folder = site(&[
        ("outside", "secret"),
        ("site/a.txt", "a"),
        ("site/sub/b.txt", "b"),
        ("site/.env", "secret"),
        ("site/.git/config", "secret"),
        ("site/pyscript/pyodide/own.txt", "own"),
        ("site/.well-known/x", "known"),
    ]);
    let root = folder.path().join("site");
    symlink("../outside", root.join("link")).unwrap();
    symlink(folder.path().join("outside"), root.join("absolute")).unwrap();
    symlink("..", root.join("up")).unwrap();
    symlink("sub", root.join("inside")).unwrap();
    symlink(".", root.join("sub/circle")).unwrap();
    kit::run(Command::new("mkfifo").arg(root.join("pipe"))).exits(0);
    let serving = serve(&root);
    for path in [
        "/../outside",
        "/sub/../../outside",
        "/%2e%2e/outside",
        "/sub/..%2f..%2foutside",
        "/..%5coutside",
        "//../outside",
        "/link",
        "/absolute",
        "/up/outside",
        "/up/",
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/.git/",
        "/pyscript/../../outside",
        "/pyscript/pyodide/..%2fcore.js",
        "/pyscript/pyodide/package.json",
        "/a.txt%00",
        "/a.txt/",
        "/pipe",
        "/@pyweb/none",
        "/%zz",
    ] {
        for accept in ["*/*", "text/html"] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
            );
            let answer = serving.raw(&request);
            assert!(answer.starts_with("HTTP/1.1 404 ") && !answer.contains("secret"), "{path}: {answer}");
        }
    }
    let huge = format!("GET /a.txt HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert!(!serving.raw(&huge).starts_with("HTTP/1.1 200"));
    let sent = serving.raw("GET //sub HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(sent.contains("location: /sub/\r\n"), "never to another host: {sent}");
    for (path, text) in [
        ("/inside/b.txt", "b"),
        ("/sub/circle/circle/b.txt", "b"),
        ("/pyscript/pyodide/own.txt", "own"),
        ("/.well-known/x", "known"),
    ] {
        assert_eq!(curl(&[&serving.url(path)]), text, "{path}");
    }
    let listed = visit(&serving, "/");
    assert!(!listed.contains("env") && !listed.contains("link") && listed.contains("inside/"), "{listed}");
    serving.end();
}

#[test]
fn only_this_machine_is_served() {
    let root = site(&[("index.html", PAGE)]);
    let serving = serve(root.path());
    for host in ["evil.example", "127.0.0.1.evil.example:80"] {
        let (status, _) = head(&["-H", &format!("Host: {host}"), &serving.url("/")], "x");
        assert_eq!(status, "403", "{host}");
    }
    assert_eq!(head(&["-H", "Host: localhost:1", &serving.url("/")], "x").0, "200");
    let listening = kit::run(Command::new("ss").args(["-ltnH"])).stdout;
    let own: Vec<&str> =
        listening.lines().filter(|line| line.contains(&format!(":{} ", serving.port()))).collect();
    assert!(own.iter().all(|line| line.contains("127.0.0.1:")), "{own:?}");
    serving.end();
}

#[test]
fn five_hundred_connections_hold_nobody_up() {
    const LONG: u64 = 200_000_000;
    let root = site(&[("a.txt", "hello\n")]);
    // More than any socket's buffers take.
    std::fs::File::create(root.path().join("long")).unwrap().set_len(LONG).unwrap();
    let serving = serve(root.path());
    // Pages that listen, heads that never end, and a reader that never reads.
    let mut held: Vec<TcpStream> = (0..400).map(|_| serving.connect()).collect();
    let (listening, slow) = held.split_at_mut(200);
    for stream in listening {
        stream.write_all(b"GET /@pyweb/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    for stream in &mut *slow {
        stream.write_all(b"GET /long HTTP/1.1\r\nHost:").unwrap();
    }
    slow[0].write_all(b" localhost\r\n\r\n").unwrap();
    let answers: Vec<String> = std::thread::scope(|scope| {
        let ask = || serving.raw("GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let asking: Vec<_> = (0..100).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.ends_with("\r\n\r\nhello\n")));
    let records = serving.end();
    assert_eq!(records.iter().filter(|record| record["path"] == "/a.txt").count(), 100);
}

#[test]
fn a_page_that_cannot_have_pyscript_says_why() {
    let root = site(&[("index.html", &PAGE.replace("src=\"main.py\"", "config=\"no.toml\""))]);
    let serving = serve(root.path());
    let page = visit(&serving, "/");
    assert!(page.contains("https://pyscript.net/latest/core.js"), "as it was written: {page}");
    assert!(page.contains("data-trouble=\"{&quot;message&quot;:&quot;"), "{page}");
    let records = serving.end();
    let rejected = records.iter().find(|record| record["type"] == "pyweb.page.rejected").unwrap();
    assert_eq!(rejected["page"], "index.html");
    assert!(rejected["message"].as_str().unwrap().contains("no.toml"), "{rejected}");
}

#[test]
fn a_page_tells_where_its_python_failed() {
    let inline = "<!doctype html>\n<script type=\"py\">\n    import helper\n    1 / 0\n</script>";
    let workers = "<!doctype html><script type=py worker src=lib/worker.py></script>\n\
        <script type=py worker>\n    a = 1\n    if a:\n      b = 2\n</script>";
    let root = site(&[
        ("index.html", PAGE),
        ("main.py", "def f():\n    raise KeyError('x')\nf()"),
        ("inline.html", inline),
        ("lib/helper.py", "x"),
        ("lib/worker.py", "x = 1\ny = 2\n"),
        ("workers.html", workers),
    ]);
    let serving = serve(root.path());
    let told = |page: &str, frames: &str, origin: &str, code: Option<&str>| {
        let text = format!("Traceback (most recent call last):\n{frames}\nKeyError: 'x'");
        let body = json!({"page": page, "text": text, "code": code}).to_string();
        curl(&["-H", &format!("Origin: {origin}"), "-d", &body, &serving.url("/@pyweb/raised")])
    };
    let here = serving.url("");
    for (page, frames, place) in [
        ("/", "  File \"<stdin>\", line 3, in <module>\n  File \"<stdin>\", line 2, in f", ("main.py", 2)),
        ("/index.html", "  File \"<stdin>\", line 3, in <module>", ("main.py", 3)),
        (
            "/inline.html",
            "  File \"/lib/python314.zip/x.py\", line 9\n  File \"<exec>\", line 2",
            ("inline.html", 4),
        ),
        ("/inline.html", "  File \"/home/pyodide/helper.py\", line 7, in g", ("lib/helper.py", 7)),
        ("/inline.html", "  File \"/lib/python314.zip/x.py\", line 9", ("inline.html", 0)),
    ] {
        let answer: Value = serde_json::from_str(&told(page, frames, &here, None)).unwrap();
        assert_eq!((&answer["file"], &answer["line"]), (&json!(place.0), &json!(place.1)), "{frames}");
        assert_eq!(answer["message"], "KeyError: 'x'");
    }
    for (page, origin) in [("/", "http://evil.example"), ("/", "null"), ("/../x", here.as_str())] {
        assert_eq!(told(page, "", origin, None), "400 Bad Request\n", "{page} {origin}");
    }
    // A worker's program tells whose error it is.
    for (code, place) in [
        ("x = 1\ny = 2\n", ("lib/worker.py", 2)),
        ("a = 1\nif a:\n  b = 2\n", ("workers.html", 4)),
        ("unknown", ("workers.html", 0)),
    ] {
        let answer = told("/workers.html", "  File \"<exec>\", line 2", &here, Some(code));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((&answer["file"], &answer["line"]), (&json!(place.0), &json!(place.1)), "{code}");
    }
    let records = serving.end();
    assert_eq!(kit::of_type(&records, "pyweb.python.raised").len(), 8);
}

#[test]
fn what_cannot_be_served_is_said() {
    let root = site(&[("index.html", PAGE)]);
    let failed = kit::run(&mut pyweb(&["serve", "/none", "--port", "0"])).exits(2);
    assert!(failed.stderr.contains("the site /none is not a folder"), "{}", failed.stderr);
    let serving = serve(root.path());
    let port = serving.port().to_string();
    let taken = kit::run(pyweb(&["serve", "--port", &port]).arg(root.path())).exits(2);
    assert!(
        taken.stderr.contains(&format!("error: port {port} of 127.0.0.1 is taken\n")),
        "{}",
        taken.stderr
    );
    assert_eq!(taken.stderr.lines().count(), 2, "{}", taken.stderr);
    serving.end();
}
