//! Arguments made valid, once; behind this nobody looks at flags. Must not get or print anything.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::Failure;
use common::fs::FileError;

use crate::cache::{self, Cache, Layout};
use crate::cli::{FolderArgs, GetArgs};
use crate::error::Error;
use crate::get::{Options, Policy};
use crate::registry::{self, Form, Lock, RegistryError, Use};
use crate::source::{self, Address, Requests};

/// A valid `fetch get`.
#[derive(Debug)]
pub struct Get {
    /// What to get.
    pub requests: Requests,
    /// Where to.
    pub folder: Folder,
    /// How.
    pub options: Options,
    /// How often to try.
    pub policy: Policy,
    /// How many files at once.
    pub jobs: usize,
    /// The lock file.
    pub lock: Option<Lock>,
}

/// A cache folder and how it is arranged.
#[derive(Debug)]
pub struct Folder {
    /// An absolute path.
    pub root: PathBuf,
    /// How its files are arranged.
    pub layout: Layout,
    /// The cache folder that all share, when there can be one.
    pub shared: Option<PathBuf>,
}

impl Get {
    /// Reads the arguments, and the registry that they name.
    pub fn new(args: &GetArgs) -> Result<Get, Failure> {
        let mut requests = requests(args)?;
        let lock = lock(args)?;
        if let (Requests::Known(requests), Some(lock)) = (&mut requests, &lock) {
            // Before anything is got, so that a run that --locked forbids gets nothing.
            for request in requests {
                request.locked = lock.pin(request).map_err(Error::from)?;
            }
        }
        Ok(Get {
            requests,
            lock,
            folder: Folder::new(&args.folder)?,
            options: Options { offline: args.offline, refresh: args.refresh, verify: args.verify },
            policy: Policy { retries: args.retries },
            jobs: usize::from(args.jobs),
        })
    }
}

impl Folder {
    /// The folder named, else the shared cache.
    pub fn new(args: &FolderArgs) -> Result<Folder, Failure> {
        let from_environment = args.cache_env.as_deref().and_then(std::env::var_os);
        let from_environment = from_environment.filter(|path| !path.is_empty()).map(expand_user);
        let named = from_environment.or_else(|| args.cache.clone());
        let layout = args.layout.unwrap_or(if named.is_some() { Layout::Plain } else { Layout::Shared });
        let mut root = match (named, layout) {
            (Some(root), _) => root,
            (None, Layout::Pooch) => common::fs::user_cache_dir()?.join("pooch"),
            (None, _) => common::fs::cache_dir("fetch")?,
        };
        if let Some(version) = data_version(args)?.filter(|_| layout != Layout::Shared) {
            root.push(version);
        }
        let absolute = |path: PathBuf| std::path::absolute(&path).map_err(FileError::at("find", &path));
        let shared = common::fs::cache_dir("fetch").ok().map(absolute).transpose()?;
        Ok(Folder { root: absolute(root)?, layout, shared })
    }

    /// Opens the cache.
    pub fn open(&self) -> Result<Cache, FileError> {
        Ok(Cache::open(&self.root, self.layout)?.beside(self.shared.clone()))
    }
}

/// `~` and `~/…` as Python's `expanduser` has them; a shell does not do it in the value of a variable.
fn expand_user(path: OsString) -> PathBuf {
    let path = PathBuf::from(path);
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path,
    }
}

/// The version of the data as pooch has it in paths and URLs: one between releases, with a `+` as of PEP 440, is that
/// of development.
fn data_version(args: &FolderArgs) -> Result<Option<String>, Error> {
    let Some(version) = &args.data_version else { return Ok(None) };
    let version = if version.contains('+') { &args.dev_version } else { version };
    match cache::checked(version) {
        Ok(part) if part == *version && !part.contains('/') => Ok(Some(part)),
        _ => Err(Error::BadVersion(version.clone())),
    }
}

fn lock(args: &GetArgs) -> Result<Option<Lock>, Error> {
    let mode = match (args.locked, args.refresh) {
        (true, _) => Use::Locked,
        (false, true) => Use::Refresh,
        (false, false) => Use::Update,
    };
    args.lock.as_deref().map(|path| Lock::open(path, mode)).transpose()
}

fn requests(args: &GetArgs) -> Result<Requests, Error> {
    let expected = args.hash.as_deref().map(str::parse).transpose();
    let expected = expected.map_err(|bad| Error::BadHash { bad })?;
    let from_stdin = args.wanted.iter().any(|wanted| wanted == "-");
    let base = base_url(args.base_url.as_deref(), data_version(&args.folder)?.as_deref())?;
    if !args.registry.is_empty() {
        if expected.is_some() {
            return Err(Error::HashElsewhere("-r"));
        }
        let stdin = args.registry.iter().filter(|path| is_stdin(path)).count() + usize::from(from_stdin);
        if stdin > 1 {
            return Err(Error::InputTwice);
        }
        let read = |path: &PathBuf| {
            let (name, text) = read_text(path)?;
            registry::read_as(&text, &name, Form::Pooch)
        };
        let registries: Vec<_> = args.registry.iter().map(read).collect::<Result<_, _>>()?;
        let entries = source::registry::merge(registries);
        return Ok(Requests::Known(source::from_registry(entries, base.as_ref(), &args.wanted)?));
    }
    match args.wanted.as_slice() {
        [] => Err(Error::NothingAsked),
        [_] if from_stdin && expected.is_some() => Err(Error::HashElsewhere("-")),
        [_] if from_stdin => Ok(Requests::StandardInput { base }),
        _ if from_stdin => Err(Error::InputAndUrls),
        urls => Ok(Requests::Known(source::from_arguments(urls, base.as_ref(), expected.as_ref())?)),
    }
}

/// A base URL with the version of the data in its place.
pub fn base_url(text: Option<&str>, version: Option<&str>) -> Result<Option<Address>, Error> {
    let versioned =
        |text: &str| version.map_or(text.to_owned(), |version| text.replace("{version}", version));
    Ok(text.map(|text| Address::parse(&versioned(text))).transpose()?)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// The text of a file, or of standard input when the path is `-`, and what it is called in errors.
pub fn read_text(path: &Path) -> Result<(String, String), Error> {
    if is_stdin(path) {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(|cause| Error::Input { cause })?;
        return text("standard input".to_owned(), bytes);
    }
    let bytes = std::fs::read(path).map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })?;
    text(path.display().to_string(), bytes)
}

fn text(name: String, bytes: Vec<u8>) -> Result<(String, String), Error> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok((name, text)),
        Err(_) => Err(RegistryError::Text { registry: name }.into()),
    }
}

/// Reads a size: `500`, `10GB` (thousands), `10GiB` and `10G` (by 1024).
pub fn size(option: &'static str, text: &str) -> Result<u64, Error> {
    let factor = |unit: &str| {
        let prefix = unit.trim_end_matches(['b', 'B']);
        let base: u64 = match (prefix.ends_with('i'), prefix.len() < unit.len()) {
            (false, true) => 1000,
            _ => 1024,
        };
        let power = match prefix.trim_end_matches('i').to_ascii_lowercase().as_str() {
            "" if !prefix.ends_with('i') => 0,
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            _ => return None,
        };
        Some(base.pow(power))
    };
    quantity(option, text, factor)
}

/// Reads an age: `30d`, `12h`, `90m`, `45s`, `2w`.
pub fn age(option: &'static str, text: &str) -> Result<Duration, Error> {
    let factor = |unit: &str| match unit {
        "s" => Some(1),
        "m" | "min" => Some(60),
        "h" => Some(3600),
        "d" => Some(24 * 3600),
        "w" => Some(7 * 24 * 3600),
        _ => None,
    };
    // So far back that no clock has ever shown it is far enough.
    Ok(Duration::from_secs(quantity(option, text, factor)?.min(u64::from(u32::MAX))))
}

fn quantity(option: &'static str, text: &str, factor: impl Fn(&str) -> Option<u64>) -> Result<u64, Error> {
    let text = text.trim();
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let product = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor(unit.trim())?));
    product.ok_or_else(|| Error::BadQuantity { option, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_units() {
        let bytes = |text| size("--max-size", text).ok();
        let sizes =
            [("0", 0), ("7B", 7), ("2kB", 2000), ("2 KiB", 2048), ("3M", 3 << 20), ("1GB", 1_000_000_000)];
        for (text, wanted) in sizes {
            assert_eq!(bytes(text), Some(wanted), "{text}");
        }
        let ages = [("45s", 45), ("90m", 5400), ("1h", 3600), ("30d", 2_592_000), ("2w", 1_209_600)];
        for (text, wanted) in ages {
            assert_eq!(age("--older-than", text).ok(), Some(Duration::from_secs(wanted)), "{text}");
        }
        for bad in ["", "x", "-1", "1.5GB", "1i", "1XB", "99999999999999999999", "99999999999TB"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
        assert!(age("--older-than", "30").is_err());
    }
}
