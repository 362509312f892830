//! Arguments made valid, once; behind this nobody looks at flags. Must not get or print anything.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use common::Failure;
use common::fs::FileError;

use crate::archive::{Limit, Selection, Wish};
use crate::cache::{Cache, Layout, Verify};
use crate::cli::{CheckArgs, ExtractArgs, FolderArgs, FromDoiArgs, GetArgs, ProcessArgs};
use crate::error::Error;
use crate::get::{Options, Policy};
use crate::registry::{self, Lock, RegistryError, Use};
use crate::source::{
    self, Address, BadAddress, Process, ProcessKind, Registries, Request, Requests, version,
};
use crate::transfer::doi::Services;
use crate::transfer::{Credentials, Proxies};

mod access;

use access::{access, netrc, proxies};

/// A valid `fetch get`.
pub struct Get {
    /// What to get.
    pub requests: Requests,
    /// Where to.
    pub folder: Folder,
    /// How.
    pub options: Options,
    /// How often to try.
    pub policy: Policy,
    /// What to do with the files that do not say so themselves.
    pub process: Option<Process>,
    /// How many files at once.
    pub jobs: usize,
    /// How many connections to one host, files waiting for them.
    pub per_host: Option<usize>,
    /// The lock file.
    pub lock: Option<Lock>,
    /// Who resolves DOIs.
    pub services: Services,
    /// Whether records tell how far each file is.
    pub progress: bool,
    /// Who asks.
    pub credentials: Credentials,
    /// Through whom.
    pub proxies: Proxies,
    /// Whether stores are asked without credentials.
    pub anonymous: bool,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// A valid `fetch registry from-doi`.
#[derive(Debug)]
pub struct FromDoi {
    /// The DOI, without `doi:`.
    pub doi: String,
    /// The file to write.
    pub output: Option<PathBuf>,
    /// How often to try.
    pub policy: Policy,
    /// Who resolves it.
    pub services: Services,
    /// Through whom.
    pub proxies: Proxies,
}

/// A valid `fetch extract`.
#[derive(Debug)]
pub struct Extract {
    /// What to unpack.
    pub files: Vec<PathBuf>,
    /// Where to, and as what.
    pub wish: Wish,
    /// Which members.
    pub selection: Selection,
    /// How much may come out of each.
    pub limit: Limit,
}

impl Extract {
    /// Looks at the names of members.
    pub fn new(args: ExtractArgs) -> Result<Extract, Failure> {
        let selection = Selection::new(args.members.iter().map(String::as_str)).map_err(Error::Member)?;
        Ok(Extract {
            files: args.files,
            wish: Wish { to: args.to, kind: args.process.archive(), name: args.name },
            selection,
            limit: args.max_unpacked.unwrap_or_default(),
        })
    }
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
        let mut warnings = Vec::new();
        let netrc = netrc(args.access.netrc_file.as_deref(), &mut warnings)?;
        let access = access(&args.access, &netrc)?;
        let requests = requests(args)?;
        let lock = lock(args)?;
        if let Some(lock) = &lock {
            // Before anything is got, so that a run that --locked forbids gets nothing.
            requests.try_each(|request| lock.pin(request).map(drop)).map_err(Error::from)?;
        }
        Ok(Get {
            requests,
            lock,
            folder: Folder::new(&args.folder)?,
            options: Options {
                check: args.check,
                offline: args.offline,
                refresh: args.refresh,
                verify: args.verify,
                max_unpacked: args.process.max_unpacked.unwrap_or_default(),
                segments: usize::from(args.segments),
            },
            process: process(&args.process)?,
            policy: Policy { retries: args.retries },
            jobs: usize::from(args.jobs),
            per_host: args.per_host.map(usize::from),
            services: Services::from_environment()?,
            progress: args.progress,
            credentials: Credentials::new(access, netrc),
            proxies: proxies(args.access.proxy.as_deref())?,
            warnings,
            anonymous: args.anonymous,
        })
    }

    /// Asks the servers of a registry's files whether they have them.
    pub fn online(args: &CheckArgs) -> Result<Get, Failure> {
        let CheckArgs { registry, online, folder, .. } = args;
        let mut warnings = Vec::new();
        let netrc = netrc(online.access.netrc_file.as_deref(), &mut warnings)?;
        let access = access(&online.access, &netrc)?;
        let base = base_url(online.base_url.as_deref(), data_version(folder)?)?;
        let (name, text) = read_text(registry)?;
        let entries = registry::read(&text, &name)?;
        let requests: Vec<_> = entries.into_iter().map(|entry| entry.request(base.as_ref())).collect();
        if let Some(Request { name, .. }) = requests.iter().find(|request| request.addresses.is_empty()) {
            return Err(Error::NoBaseUrl { name: name.clone() }.into());
        }
        Ok(Get {
            requests: Requests::Known(requests),
            lock: None,
            folder: Folder::new(folder)?,
            options: Options {
                check: true,
                offline: false,
                refresh: false,
                verify: Verify::default(),
                max_unpacked: Limit::default(),
                segments: 1,
            },
            process: None,
            policy: Policy { retries: online.retries },
            jobs: usize::from(online.jobs),
            per_host: online.per_host.map(usize::from),
            services: Services::from_environment()?,
            progress: false,
            credentials: Credentials::new(access, netrc),
            proxies: proxies(online.access.proxy.as_deref())?,
            warnings,
            anonymous: online.anonymous,
        })
    }
}

impl FromDoi {
    /// Reads the arguments.
    pub fn new(args: &FromDoiArgs) -> Result<FromDoi, Error> {
        let forms =
            ["https://doi.org/", "http://doi.org/", "https://dx.doi.org/", "http://dx.doi.org/", "doi:"];
        let given = args.doi.trim();
        let doi =
            forms.iter().find_map(|form| given.strip_prefix(form)).unwrap_or(given).trim_end_matches('/');
        if source::doi::escape(doi).is_none() {
            return Err(BadAddress::Doi(args.doi.clone()).into());
        }
        let (doi, output, policy) = (doi.to_owned(), args.output.clone(), Policy { retries: args.retries });
        let services = Services::from_environment()?;
        Ok(FromDoi { doi, output, policy, services, proxies: proxies(None)? })
    }
}

fn process(args: &ProcessArgs) -> Result<Option<Process>, Error> {
    let Some(kind) = args.process else { return Ok(None) };
    if kind == ProcessKind::Decompress && !args.members.is_empty() {
        return Err(Error::MemberOfSingle);
    }
    let process = Process::new(kind, args.members.iter().map(String::as_str), args.extract_dir.clone());
    process.map(Some).map_err(Error::Member)
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
        // The shared cache goes by digests, so that versions cannot be in each other's way.
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

/// The version of the data that is asked for.
fn data_version(args: &FolderArgs) -> Result<Option<&str>, Error> {
    let normal = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let development = args.dev_version.as_str();
    if development.is_empty() || !normal(development) {
        return Err(Error::BadDevVersion(development.to_owned()));
    }
    let version = args.data_version.as_deref().map(|version| version::of_data(version, development));
    Ok(version.transpose()?)
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
    let base = base_url(args.base_url.as_deref(), data_version(&args.folder)?)?;
    if !args.registry.is_empty() {
        if expected.is_some() {
            return Err(Error::HashElsewhere("-r"));
        }
        let stdin = args.registry.iter().filter(|path| is_stdin(path)).count() + usize::from(from_stdin);
        if stdin > 1 {
            return Err(Error::InputTwice);
        }
        let mut registries = Registries::default();
        for path in &args.registry {
            let (registry, text) = read_text(path)?;
            let bad = |(line, bad)| RegistryError::Line { registry, line, bad };
            registries.add(text).map_err(bad)?;
        }
        return Ok(Requests::Listed(registries.requests(base, &args.wanted)?));
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
    let Some(text) = text else { return Ok(None) };
    let text = match version {
        Some(version) => text.replace(version::MARK, version),
        None if text.contains(version::MARK) => return Err(Error::NoVersion),
        None => text.to_owned(),
    };
    Ok(Some(Address::parse(&text)?))
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
        Ok(mut text) => {
            // What some editors put there says that it is UTF-8, and is no part of it.
            if text.starts_with('\u{feff}') {
                text.remove(0);
            }
            Ok((name, text))
        }
        Err(_) => Err(RegistryError::Text { registry: name }.into()),
    }
}
