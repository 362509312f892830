//! Python packages of pages from outside: resolved for Pyodide, pinned, bundled, refused by name.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod chromium;

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use chromium::{Browser, Server, pages};
use pyweb::digest::sha256_file;
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const PURE: &str = "py3-none-any";
const WASM: &str = "cp314-cp314-pyemscripten_2026_0_wasm32";
const LINUX: &str = "cp314-cp314-manylinux_2_17_x86_64";

/// Writes a wheel with one module, named for the package.
fn wheel(folder: &Path, name: &str, version: &str, tags: &str, requires: &[&str]) -> String {
    fs::create_dir_all(folder).unwrap();
    let file = format!("{name}-{version}-{tags}.whl");
    let mut zip = ZipWriter::new(fs::File::create(folder.join(&file)).unwrap());
    let info = format!("{name}-{version}.dist-info");
    let requires: String = requires.iter().map(|need| format!("Requires-Dist: {need}\n")).collect();
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}\ntext\n");
    for (path, text) in [
        (format!("{name}/__init__.py"), format!("version = '{version}'\n")),
        (format!("{info}/METADATA"), metadata),
        (format!("{info}/WHEEL"), format!("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n")),
        (format!("{info}/RECORD"), String::new()),
    ] {
        zip.start_file(path, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    file
}

/// A package index on loopback, a site, and a cache of its own.
struct Place {
    folder: TempDir,
    server: Option<Server>,
}

impl Place {
    fn new(packages: &[&str]) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap(), server: None };
        place.asks_for(packages);
        place
    }

    fn asks_for(&self, packages: &[&str]) {
        let page = format!("<title>x</title>\n<py-config>\npackages = {packages:?}\n</py-config>\n");
        fs::create_dir_all(self.folder.path().join("site")).unwrap();
        fs::write(self.folder.path().join("site/index.html"), page).unwrap();
    }

    /// Adds a project with files, each a wheel or anything else.
    fn project(&self, name: &str, files: &[String]) {
        let index = self.folder.path().join("index");
        let link = |file: &String| {
            let path = index.join("files").join(file);
            if !path.is_file() {
                fs::create_dir_all(index.join("files")).unwrap();
                fs::write(&path, "x").unwrap();
            }
            format!("<a href=\"../../files/{file}#sha256={}\">{file}</a>\n", sha256_file(&path).unwrap())
        };
        let folder = index.join("simple").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("index.html"), files.iter().map(link).collect::<String>()).unwrap();
    }

    fn wheel(&self, name: &str, version: &str, tags: &str, requires: &[&str]) -> String {
        wheel(&self.folder.path().join("index/files"), name, version, tags, requires)
    }

    /// A command that sees this index and no other host.
    fn pyweb(&mut self, args: &[&str]) -> Option<Command> {
        let python = kit::tool("python3", "python3").ok()?;
        fs::create_dir_all(self.folder.path().join("index")).unwrap();
        let root = self.folder.path().join("index");
        let server = self.server.get_or_insert_with(|| Server::start(&python, &root));
        let runtime = kit::run(Command::new(kit::binary("pyweb")).args(["runtime", "path"])).exits(0);
        let mut command = Command::new(kit::binary("pyweb"));
        command.current_dir(self.folder.path()).args(args);
        command.arg("--index-url").arg(format!("http://127.0.0.1:{}/simple", server.port));
        command
            .env("PYWEB_RUNTIME", runtime.stdout.trim())
            .env("SNAKEPIPE_CACHE", self.folder.path().join("cache"));
        command.env("https_proxy", "http://127.0.0.1:9").env("no_proxy", "127.0.0.1");
        Some(command)
    }

    fn refused(&mut self, args: &[&str], said: &str) {
        let Some(mut command) = self.pyweb(args) else { return };
        let ran = kit::run(&mut command).exits(2);
        assert!(ran.stderr.contains(said), "{} instead of {said}", ran.stderr);
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

const LOCK: [&str; 2] = ["lock", "site"];
const BUNDLE: [&str; 6] = ["bundle", "site", "-o", "out", "--compress", "none"];

/// An index where the newest `app` needs what Pyodide does not have.
fn stocked() -> Place {
    let place = Place::new(&["App[fast]>=1"]);
    let core2 = place.wheel("core", "2.0", LINUX, &[]);
    let core1 = place.wheel("core", "1.0", WASM, &["pure_one"]);
    let apps = [
        place.wheel("app", "2.0", PURE, &["core==2.0"]),
        place.wheel(
            "app",
            "1.5",
            PURE,
            &[
                "core==1.*; sys_platform == 'emscripten'",
                "winonly; sys_platform == 'win32'",
                "old; python_version < '3.9'",
                "speedup; extra == 'fast'",
                "tests; extra == 'test'",
            ],
        ),
        place.wheel("app", "3.0a1", PURE, &[]),
    ];
    place.project("app", &apps);
    place.project("core", &[core2, core1, "core-3.0.tar.gz".into()]);
    let pure =
        [place.wheel("pure_one", "0.9", PURE, &[]), place.wheel("pure_one", "1.0", PURE, &["speedup"])];
    place.project("pure-one", &pure);
    place.project("speedup", &[place.wheel("speedup", "7", PURE, &[])]);
    place.project("micropip", &[place.wheel("micropip", "0.11", PURE, &[])]);
    place
}

#[test]
fn a_lock_has_what_fits_pyodide_and_what_that_needs() {
    let mut place = stocked();
    let Some(mut command) = place.pyweb(&LOCK) else { return };
    let records = kit::records("pyweb", &kit::run(&mut command).exits(0).stdout);
    let locked: Vec<String> = kit::of_type(&records, "pyweb.wheel.locked")
        .iter()
        .map(|record| format!("{} {} {}", record["name"], record["version"], record["depends"]))
        .map(|text| text.replace('"', ""))
        .collect();
    let expected = [
        "app 1.5 [core,speedup]",
        "core 1.0 [pure-one]",
        "micropip 0.11 []",
        "pure-one 1.0 [speedup]",
        "speedup 7 []",
    ];
    assert_eq!(locked, expected);

    let path = place.folder.path().join("site/pyodide-lock.json");
    let lock = read(&path);
    let core = &lock["packages"]["core"];
    let file = place.folder.path().join("index/files").join(core["file_name"].as_str().unwrap());
    assert_eq!(core["sha256"], sha256_file(&file).unwrap());
    assert_eq!(core["imports"], json!(["core"]));
    assert_eq!(lock["info"]["abi_version"], "2026_0");
    let first = fs::read(&path).unwrap();
    kit::run(&mut place.pyweb(&LOCK).unwrap()).exits(0);
    assert_eq!(first, fs::read(&path).unwrap(), "the same again");
}

#[test]
fn a_bundle_has_the_locked_wheels_and_names_no_others() {
    let mut place = stocked();
    let Some(mut lock) = place.pyweb(&LOCK) else { return };
    kit::run(&mut lock).exits(0);
    // What comes later is not what is locked.
    let newer = [place.wheel("speedup", "8", PURE, &[]), "speedup-7-py3-none-any.whl".into()];
    place.project("speedup", &newer);
    kit::run(&mut place.pyweb(&BUNDLE).unwrap()).exits(0);
    let out = place.folder.path().join("out");
    let lock = read(&out.join("pyscript/pyodide/pyodide-lock.json"));
    let packages = lock["packages"].as_object().unwrap();
    assert_eq!(packages.keys().collect::<Vec<_>>(), ["app", "core", "pure-one", "speedup"]);
    for package in packages.values() {
        let file = out.join("pyscript/pyodide").join(package["file_name"].as_str().unwrap());
        assert_eq!(package["sha256"], sha256_file(&file).unwrap());
    }
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(
        page.contains("packages = [\"app\"]") && page.contains("packages_cache = \"passthrough\""),
        "{page}"
    );
    assert!(!out.join("pyodide-lock.json").exists(), "it is beside Pyodide");

    // The same from the cache, with no index at all.
    place.server = None;
    fs::remove_dir_all(place.folder.path().join("index")).unwrap();
    kit::run(place.pyweb(&BUNDLE).unwrap().arg("-f")).exits(0);

    place.asks_for(&["app", "other"]);
    place.refused(&[&BUNDLE[..], &["-f"]].concat(), "index.html:3: other is not in the site's lock");
}

#[test]
fn what_cannot_be_had_is_refused_by_name_with_the_reason() {
    let place = &mut Place::new(&["numpy"]);
    place.project("numpy", &["numpy-2.0.tar.gz".into(), place.wheel("numpy", "2.0", LINUX, &[])]);
    place.project("sourceonly", &["sourceonly-1.tar.gz".into()]);
    place.project("native", &["native-1.tar.gz".into(), place.wheel("native", "1", LINUX, &[])]);
    place.project("needy", &[place.wheel("needy", "1", PURE, &["native>=1"])]);
    place.project("one", &[place.wheel("one", "1", PURE, &["two==1"])]);
    place.project("two", &[place.wheel("two", "1", PURE, &[]), place.wheel("two", "2", PURE, &[])]);
    let distribution = "index.html:3: only Pyodide's own distribution has numpy (numpy-";
    for (packages, said) in [
        (&["numpy"][..], distribution),
        (&["nothing"], "index.html:3 needs nothing, which the package index does not have"),
        (&["sourceonly"], "index.html:3 needs sourceonly, of which there is only the source, no wheel"),
        (&["needy"], "needy 1 needs native>=1, of which there are wheels for other platforms alone"),
        (&["one", "two==2"], "index.html:3 needs two==2 and one 1 needs two==1: no version fits"),
        (&["two==3"], "index.html:3 needs two==3: no version fits; there are 2, 1"),
        (&["two=3"], "index.html:3: \"two=3\" is not a package"),
        (&["./x-1-py3-none-any.whl"], "index.html:3: the wheel x-1-py3-none-any.whl is not in the site"),
    ] {
        place.asks_for(packages);
        place.refused(&BUNDLE, said);
        assert!(!place.folder.path().join("out").exists(), "{packages:?}");
    }
    // The way out that is offered.
    place.asks_for(&["numpy", "./wheels/mine-1-py3-none-any.whl"]);
    wheel(&place.folder.path().join("site/wheels"), "mine", "1", PURE, &["two<2"]);
    wheel(&place.folder.path().join("built"), "numpy", "9.9", WASM, &[]);
    let Some(mut command) = place.pyweb(&[&BUNDLE[..], &["--wheel-dir", "built"]].concat()) else { return };
    kit::run(&mut command).exits(0);
    let lock = read(&place.folder.path().join("out/pyscript/pyodide/pyodide-lock.json"));
    assert_eq!(lock["packages"]["numpy"]["version"], "9.9");
    assert_eq!(lock["packages"]["mine"]["depends"], json!(["two"]));
}

#[test]
fn an_index_that_does_not_answer_is_said_to_be_one() {
    let mut place = Place::new(&["app"]);
    let Some(mut command) = place.pyweb(&LOCK) else { return };
    place.server = None;
    let ran = kit::run(&mut command).exits(2);
    assert!(ran.stderr.contains("failed to get the index's page of "), "{}", ran.stderr);
    assert!(!place.folder.path().join("site/pyodide-lock.json").exists());
}

/// The index is the one that pip is configured for.
#[test]
fn pydantic_networkx_and_msgpack_run_in_pages_under_test_and_in_bundles() {
    let site = pages().join("packages");
    let tested =
        kit::run(Command::new(kit::binary("pyweb")).args(["test", "--timeout", "250"]).arg(&site)).exits(0);
    let records = kit::records("pyweb", &tested.stdout);
    assert_eq!(kit::of_type(&records, "test.finished").len(), 2);

    let Ok((chromium, python)) = chromium::components() else { return };
    let out = tempfile::tempdir().unwrap();
    let mut bundle = Command::new(kit::binary("pyweb"));
    bundle.args(["bundle", "--compress", "none", "--external", "deny"]).arg(&site).arg("-o");
    kit::run(bundle.arg(out.path().join("site"))).exits(0);
    let server = Server::start(&python, out.path());
    let profile = tempfile::tempdir().unwrap();
    let browser =
        Browser::open(&chromium, profile.path(), &format!("http://127.0.0.1:{}/site/", server.port));
    assert_eq!(browser.title_that_begins_with("Ada"), "Ada is 36, a-d is 3 long, [1, 2]");
    drop(browser);
    let log = server.stop();
    assert!(log.contains("pydantic_core-") && !log.contains("micropip"), "{log}");
}

/// `pyweb serve site`, until it is dropped.
struct Serving {
    child: Child,
    // A server ends when nobody reads what it tells.
    lines: Lines<BufReader<ChildStdout>>,
    port: u64,
}

impl Serving {
    fn start(place: &mut Place) -> Option<Serving> {
        let mut command = place.pyweb(&["serve", "site", "--port", "0", "--format", "jsonl"])?;
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut serving = Serving { child, lines, port: 0 };
        serving.port = serving.record("pyweb.server.started")["port"].as_u64().unwrap();
        Some(serving)
    }

    /// The next record of that type, once it comes.
    fn record(&mut self, kind: &str) -> Value {
        let mut records =
            self.lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        records.find(|record| record["type"] == kind).unwrap()
    }

    /// What a browser that shows `path` gets.
    fn get(&self, path: &str) -> String {
        let url = format!("http://127.0.0.1:{}/{path}", self.port);
        kit::run(Command::new("curl").args(["-sS", "-H", "Accept: text/html", &url])).exits(0).stdout
    }

    /// The version of a package that pages find.
    fn version(&self, package: &str) -> Value {
        let lock: Value = serde_json::from_str(&self.get("pyscript/pyodide/pyodide-lock.json")).unwrap();
        lock["packages"][package]["version"].clone()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_has_the_packages_of_its_pages() {
    let mut place = stocked();
    let Some(serving) = Serving::start(&mut place) else { return };
    let page = serving.get("");
    assert!(page.contains("passthrough"), "{page}");
    assert_eq!(serving.version("app"), "1.5");
    let wheel = serving.get("pyscript/pyodide/app-1.5-py3-none-any.whl");
    assert!(wheel.starts_with("PK"), "{wheel}");
}

#[test]
fn a_server_gets_the_packages_that_its_pages_come_to_ask_for() {
    let mut place = stocked();
    place.asks_for(&[]);
    let Some(mut serving) = Serving::start(&mut place) else { return };
    place.asks_for(&["app"]);
    serving.record("pyweb.site.changed");
    assert_eq!(serving.version("app"), "1.5", "they are there when the page is told to load again");

    place.asks_for(&["app", "nowhere"]);
    serving.record("pyweb.site.changed");
    let page = serving.get("");
    assert!(page.contains("data-trouble=\"{&quot;message&quot;:&quot;"), "{page}");
    let rejected = serving.record("pyweb.page.rejected");
    assert!(rejected["message"].as_str().unwrap().contains("nowhere"), "{rejected}");
    assert!(rejected["hint"].is_string(), "{rejected}");

    place.asks_for(&["app>=1"]);
    serving.record("pyweb.site.changed");
    assert!(!serving.get("").contains("data-trouble"));
    assert_eq!(serving.version("app"), "1.5");
}
