//! Objects of stores: S3, Google Cloud Storage, Azure; anonymous and in somebody's name.

mod azure;
mod google;
mod s3;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::resume::{kill_at_half_of, partials};
use super::server::{Fault, Server};
use super::{World, leftovers, noise};

/// Keys that are not what a URL would make of them.
const KEYS: [&str; 7] =
    ["a.txt", "dir/a b+c%20.txt", "a#1?x=y&z.txt", "ü/💾 ~.txt", "/lead", "a//b", "it's (1)!.txt"];

/// Objects whose text is their key, and a long one.
fn objects(long: &str) -> Vec<(&'static str, &str)> {
    KEYS.iter().map(|key| (*key, *key)).chain([("long", long)]).collect()
}

/// A long text: one that is worth going on with.
fn long() -> String {
    noise(LONG, 3).iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}

const LONG: usize = 400_000;

/// A command that sees nothing of this machine's own credentials, and these variables.
fn fetch(world: &World, args: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = world.fetch(args);
    for (name, _) in std::env::vars() {
        let of_store = ["AWS_", "AZURE_", "GOOGLE_", "GS_", "CLOUDSDK_", "STORAGE_", "BOTO_"];
        if of_store.iter().any(|start| name.starts_with(start)) {
            command.env_remove(name);
        }
    }
    command.env("HOME", world.folder.path()).envs(variables.iter().copied());
    command
}

/// The records of such a run. Nothing that it says has one of `secrets` in it.
#[track_caller]
fn records(
    world: &World,
    args: &[&str],
    variables: &[(&str, &str)],
    secrets: &[&str],
    exit: i32,
) -> Vec<Value> {
    let args = [&["get", "--cache", "data"], args].concat();
    let ran = kit::run(&mut fetch(world, &args, variables)).exits(exit);
    for secret in secrets {
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{secret} in {ran:?}");
    }
    nothing_kept(&world.path("data"), secrets);
    crate::between(&ran.stdout)
}

/// No file below a folder has a secret in it.
#[track_caller]
fn nothing_kept(folder: &Path, secrets: &[&str]) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            nothing_kept(&entry.path(), secrets);
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !secrets.iter().any(|secret| text.contains(secret)),
            "a secret in {}",
            entry.path().display()
        );
    }
}

/// Gets every key of a bucket into a file of its own, and looks at each.
#[track_caller]
fn every_key_arrives(
    world: &World,
    bucket: &str,
    keys: &[&str],
    variables: &[(&str, &str)],
    secrets: &[&str],
) {
    for (number, key) in keys.iter().enumerate() {
        let (url, name) = (format!("{bucket}/{key}"), format!("{number}"));
        let line = serde_json::json!({"url": url, "dest": name}).to_string();
        let input = std::fs::File::open(world.write("input.json", &line)).unwrap();
        let mut command = fetch(world, &["get", "--cache", "keys", "-"], variables);
        let ran = kit::run(command.stdin(input)).exits(0);
        let file = &kit::records("fetch", &ran.stdout)[1];
        assert_eq!((&file["url"], &file["status"]), (&url.into(), &"downloaded".into()));
        assert_eq!(std::fs::read_to_string(world.path("keys").join(name)).unwrap(), *key);
        assert!(!secrets.iter().any(|secret| ran.stdout.contains(secret)), "{}", ran.stdout);
    }
}

/// Goes on with a killed download of `url` if it is still the same version, and takes the whole of another.
///
/// The beginning comes from a server that stops in the middle. It is then said to be of the version `etag`.
#[track_caller]
fn a_rest_is_of_its_version(
    world: &World,
    url: &str,
    etag: &str,
    halting: &[(&str, &str)],
    variables: &[(&str, &str)],
) {
    let text = long();
    for (version, status) in [(etag, "resumed"), ("\"another\"", "downloaded")] {
        let get = ["get", "--cache", "data", url];
        kill_at_half_of(world, &mut fetch(world, &get, halting), (LONG / 2) as u64);
        let path: PathBuf = partials(world)[0].with_extension("json");
        let mut notes: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(notes["url"], url);
        notes["validator"] = version.into();
        std::fs::write(&path, notes.to_string()).unwrap();
        let file = &records(world, &[url], variables, &[], 0)[0];
        assert_eq!(file["status"], status, "{file}");
        assert!(std::fs::read_to_string(world.path("data/long")).unwrap() == text);
        assert_eq!(leftovers(&world.path("data")), [""; 0]);
        std::fs::remove_dir_all(world.path("data")).unwrap();
    }
}

/// The `ETag` that the index has noted of the only file.
fn etag(world: &World) -> String {
    let index = std::fs::read_to_string(world.path("data/.fetch/index.jsonl")).unwrap();
    let last: Value = serde_json::from_str(index.lines().next_back().unwrap()).unwrap();
    last["etag"].as_str().unwrap().to_owned()
}

/// What lets a server at `/path` stop in the middle of a long file, as often as it is needed.
fn halting_at(world: &World, path: &str) {
    world.server.file(path, long());
    world.server.faults(path, std::iter::repeat_n(Fault::Stall(LONG / 2), 2));
}

#[test]
fn a_redirect_of_a_store_takes_no_credentials_along() {
    let (world, other) = (World::new(), Server::new());
    other.file("/x", "hello\n");
    let to = other.url("/x");
    let endpoint = world.server.url("");
    let connection = format!("AccountName=a;AccountKey=a2V5;BlobEndpoint={endpoint}");
    for (path, url, variables) in [
        (
            "/b/x",
            "s3://b/x",
            vec![
                ("AWS_ENDPOINT_URL", &*endpoint),
                ("AWS_ACCESS_KEY_ID", "i"),
                ("AWS_SECRET_ACCESS_KEY", "s"),
            ],
        ),
        (
            "/b/y",
            "gs://b/y",
            vec![
                ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", &*endpoint),
                ("CLOUDSDK_AUTH_ACCESS_TOKEN", "t"),
            ],
        ),
        ("/c/z", "az://c/z", vec![("AZURE_STORAGE_CONNECTION_STRING", &*connection)]),
    ] {
        world.server.faults(path, [Fault::Redirect(to.clone())]);
        let failed = &records(&world, &[url], &variables, &[], 2)[0];
        assert_eq!(failed["message"], "the store answers HTTP 302");
        assert!(world.server.seen().pop().unwrap().headers.contains_key("authorization"));
    }
    assert!(other.seen().is_empty());
}

#[test]
fn settings_that_cannot_be_used_are_said_before_anything_is_asked() {
    let world = World::new();
    let endpoint = world.server.url("");
    let s3 = ("AWS_ENDPOINT_URL", endpoint.as_str());
    for (url, variable, message) in [
        ("s3://b/x", ("AWS_ACCESS_KEY_ID", "id"), "only one is set"),
        ("s3://b/x", ("AWS_PROFILE", "none"), "no profile \"none\""),
        ("s3://b/x", ("AWS_WEB_IDENTITY_TOKEN_FILE", "/x"), "AWS_WEB_IDENTITY_TOKEN_FILE are not supported"),
        ("s3://b", ("X", ""), "s3://b is a bucket"),
        ("gs://b/x", ("GOOGLE_APPLICATION_CREDENTIALS", "/none"), "failed to read /none"),
        ("az://a/c/b", ("AZURE_STORAGE_KEY", "a2V5"), "not of which account"),
    ] {
        let failed = &records(&world, &[url], &[s3, variable], &[], 2)[0];
        assert_eq!(failed["code"], "bad_setup");
        assert!(failed["message"].as_str().unwrap().contains(message), "{failed}");
        assert!(failed["hint"].is_string());
    }
    assert_eq!(world.requests(), 0);
    let secret = fetch(&world, &["get", "s3://ID:s3/cret@bucket/key"], &[]).output().unwrap();
    let said = String::from_utf8([secret.stdout, secret.stderr].concat()).unwrap();
    assert!(!said.contains("cret"), "{said}");
}
