//! Requests on standard input: our own objects, and what npm and pip print.

use std::process::Command;

use serde_json::{Value, json};

use super::{HELLO, World, files};

#[test]
fn own_keys_travel_through() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let request = json!({
        "url": world.server.url("/x"), "hash": format!("sha256:{HELLO}"), "name": "n.txt", "dest": "deep/m.txt",
        "id": 7, "tags": ["a"], "status": "mine",
    });
    let file = &world.records_of_input(&["get", "-", "--cache", "data"], &request.to_string(), 0)[0];
    assert_eq!((&file["name"], &file["id"], &file["tags"]), (&"n.txt".into(), &7.into(), &json!(["a"])));
    assert_eq!(file["status"], "downloaded", "a requester's key never stands in for ours");
    assert_eq!(files(&world.path("data")), ["deep/m.txt"]);
}

#[test]
fn the_records_of_one_run_pin_the_next() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let get = ["get", "--cache", "first", &world.server.url("/x")];
    let first = kit::run(&mut world.fetch(&get)).exits(0).stdout;
    let again = &world.records_of_input(&["get", "-", "--cache", "data"], &first, 0)[0];
    assert_eq!((&again["pinned"], &again["status"]), (&true.into(), &"downloaded".into()));
    world.server.file("/x", "changed\n");
    std::fs::remove_file(world.path("data/x")).unwrap();
    let changed = &world.records_of_input(&["get", "-", "--cache", "data"], &first, 1)[0];
    assert_eq!(changed["code"], "hash_mismatch");
}

#[test]
fn a_bad_line_is_named() {
    let world = World::new();
    world.server.file("/x", "hello\n");
    let good = json!({"url": world.server.url("/x")}).to_string();
    for (bad, said) in [
        ("nope", "line 2 is not JSON"),
        ("{\"name\":\"x\"}", "line 2: neither \"url\" nor \"urls\" is given"),
        ("{\"url\":\"gopher://host/x\"}", "line 2: gopher: URLs are not supported"),
        ("{\"url\":\"http://h/x\",\"hash\":\"md5:00\"}", "line 2: bad hash: a md5 digest has 16 bytes"),
    ] {
        let records = world.records_of_input(&["get", "-"], &format!("{good}\n{bad}\n"), 2);
        let failed = records.last().unwrap();
        assert_eq!(failed["type"], "fetch.run.failed", "{failed}");
        assert!(failed["message"].as_str().unwrap().starts_with(said), "{failed}");
        assert_eq!(records[0]["type"], "fetch.file.finished", "what was asked for before is there");
    }
}

/// A folder with the one file that a wheel needs to be installable.
const WHEEL: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('demo.py', '')
    wheel.writestr('demo-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n')
    wheel.writestr('demo-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('demo-1.0.dist-info/RECORD', '')
";

#[test]
fn what_pip_would_install_is_got() {
    let Ok(python) = kit::python("3.12") else { return };
    let world = World::new();
    let wheel = world.path("demo-1.0-py3-none-any.whl");
    kit::run(Command::new(&python).args(["-c", WHEEL]).arg(&wheel)).exits(0);
    let bytes = std::fs::read(&wheel).unwrap();
    let digest =
        kit::run(&mut world.fetch(&["hash", wheel.to_str().unwrap(), "--format", "human"])).exits(0).stdout;
    let sha256 = digest.split([':', ' ']).nth(1).unwrap();
    world.server.file("/demo-1.0-py3-none-any.whl", bytes);
    world.server.file(
        "/",
        format!("<a href='/demo-1.0-py3-none-any.whl#sha256={sha256}'>demo-1.0-py3-none-any.whl</a>"),
    );
    let pip = ["-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", "-"];
    let find = ["--isolated", "--no-cache-dir", "--no-index", "--find-links", &world.server.url("/"), "demo"];
    let report = kit::run(Command::new(&python).args(pip).args(find)).exits(0).stdout;
    assert!(report.lines().count() > 5, "pip prints its report on many lines");
    let file = &world.records_of_input(&["get", "-"], &report, 0)[0];
    assert_eq!(
        (&file["package"], &file["version"], &file["pinned"]),
        (&"demo".into(), &"1.0".into(), &true.into())
    );
    assert_eq!(file["digest"], format!("sha256:{sha256}"));
}

#[test]
fn what_npm_would_install_is_got() {
    let Ok(npm) = kit::tool("npm", "npm") else { return };
    let world = World::new();
    world.server.file("/demo/-/demo-1.0.0.tgz", "hello\n");
    // "sha512-" + base64.b64encode(hashlib.sha512(b"hello\n").digest())
    let integrity =
        "sha512-58IrmUxZ2c8rSOVJseJGZmNgRZMNPafBrLKZ0cO3+TH5Sq5B7dosKyB6NuEPi8uNRSI+VIePWzFufOO2vAGWKQ==";
    let dist = json!({"tarball": world.server.url("/demo/-/demo-1.0.0.tgz"), "integrity": integrity});
    let version = json!({"name": "demo", "version": "1.0.0", "dist": dist});
    let package = json!({"name": "demo", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}});
    world.server.file("/demo", package.to_string());
    let view = |fields: &[&str]| {
        let mut command = Command::new(&npm);
        command.args(["view", "demo"]).args(fields).args(["--json", "--registry", &world.server.url("/")]);
        command.current_dir(world.folder.path()).env("npm_config_cache", world.path("npm"));
        kit::run(command.env("npm_config_update_notifier", "false")).exits(0).stdout
    };
    for (fields, package) in [(&["dist"][..], Value::Null), (&["name", "version", "dist"][..], "demo".into())]
    {
        let file = &world.records_of_input(&["get", "-"], &view(fields), 0)[0];
        assert_eq!((&file["name"], &file["package"]), (&"demo-1.0.0.tgz".into(), &package));
        assert_eq!((&file["digest"], &file["pinned"]), (&format!("sha256:{HELLO}").into(), &true.into()));
    }
}
