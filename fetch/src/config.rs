//! Arguments made valid, once; behind this nobody looks at flags. Must not get or print anything.

use std::path::{Component, Path, PathBuf};

use common::Failure;
use common::fs::FileError;

use crate::archive::{Limit, Selection, Wish};
use crate::cache::Layout;
use crate::cli::{AccessArgs, ExtractArgs, FolderArgs, FromDoiArgs, GetArgs, ProcessArgs};
use crate::error::Error;
use crate::get::{Options, Policy};
use crate::source::{
    self, Access, Address, BadAddress, Header, Login, Process, ProcessKind, Requests, registry, version,
};
use crate::transfer::credentials::netrc::Netrc;
use crate::transfer::credentials::{read_netrc, read_usual_netrc};
use crate::transfer::doi::Services;
use crate::transfer::{Credentials, Proxies};

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
    /// The user's own folder, or the cache that all share.
    pub layout: Layout,
}

impl Get {
    /// Reads the arguments, and the registry that they name.
    pub fn new(args: &GetArgs) -> Result<Get, Failure> {
        let mut warnings = Vec::new();
        let netrc = netrc(args.access.netrc_file.as_deref(), &mut warnings)?;
        let access = access(&args.access, &netrc)?;
        let version = data_version(args)?;
        let mut folder = Folder::new(&args.folder)?;
        // The shared cache goes by digests, so that versions cannot be in each other's way.
        if let (Layout::Plain, Some(version)) = (folder.layout, version) {
            folder.root.push(version);
        }
        Ok(Get {
            requests: requests(args, version)?,
            folder,
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
            services: Services::from_environment()?,
            progress: args.progress,
            credentials: Credentials::new(access, netrc),
            proxies: proxies(args.access.proxy.as_deref())?,
            warnings,
            anonymous: args.anonymous,
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
        let (root, layout) = match &args.cache {
            Some(root) => (root.clone(), Layout::Plain),
            None => (common::fs::cache_dir("fetch")?, Layout::Shared),
        };
        let root = std::path::absolute(&root).map_err(FileError::at("find", &root))?;
        Ok(Folder { root, layout })
    }
}

fn proxies(given: Option<&str>) -> Result<Proxies, Error> {
    Proxies::new(given, |name| std::env::var(name).ok())
        .map_err(|(origin, bad)| Error::BadProxy { origin, bad })
}

/// The version of the data that is asked for.
fn data_version(args: &GetArgs) -> Result<Option<&str>, Error> {
    let normal = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let development = args.dev_version.as_str();
    if development.is_empty() || !normal(development) {
        return Err(Error::BadDevVersion(development.to_owned()));
    }
    let version = args.data_version.as_deref().map(|version| version::of_data(version, development));
    Ok(version.transpose()?)
}

fn base_url(args: &GetArgs, version: Option<&str>) -> Result<Option<Address>, Error> {
    let Some(text) = &args.base_url else { return Ok(None) };
    let text = match version {
        Some(version) => text.replace(version::MARK, version),
        None if text.contains(version::MARK) => return Err(Error::NoVersion),
        None => text.clone(),
    };
    Ok(Some(Address::parse(&text)?))
}

fn requests(args: &GetArgs, version: Option<&str>) -> Result<Requests, Error> {
    let expected = args.hash.as_deref().map(str::parse).transpose();
    let expected = expected.map_err(|bad| Error::BadHash { bad })?;
    let from_stdin = args.wanted.iter().any(|wanted| wanted == "-");
    if let Some(path) = &args.registry {
        if expected.is_some() {
            return Err(Error::HashElsewhere("-r"));
        }
        let base = base_url(args, version)?;
        let requests = source::from_registry(read_registry(path)?, base.as_ref(), &args.wanted)?;
        return Ok(Requests::Known(requests));
    }
    match args.wanted.as_slice() {
        [] => Err(Error::NothingAsked),
        [_] if from_stdin && expected.is_some() => Err(Error::HashElsewhere("-")),
        [_] if from_stdin => Ok(Requests::StandardInput),
        _ if from_stdin => Err(Error::InputAndUrls),
        urls => Ok(Requests::Known(source::from_arguments(urls, expected.as_ref())?)),
    }
}

/// The logins of the file that was named, which must be good, or of the usual one.
fn netrc(named: Option<&Path>, warnings: &mut Vec<String>) -> Result<Netrc, Error> {
    match named {
        Some(path) => read_netrc(path),
        // Most runs need no login, so that a bad file of somebody else's making must not end them.
        None => Ok(read_usual_netrc().unwrap_or_else(|error| {
            warnings.push(format!("no logins are read: {}", Failure::from(error)));
            Netrc::default()
        })),
    }
}

/// The run's own login and headers. A password is never taken from the command line, which others can read.
fn access(args: &AccessArgs, netrc: &Netrc) -> Result<Access, Error> {
    let bad = |bad| Error::BadHeader { bad };
    let mut headers = Vec::new();
    for header in &args.headers {
        match header.strip_prefix('@').map(Path::new) {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })?;
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    headers.push(Header::parse(line).map_err(bad)?);
                }
            }
            None => headers.push(Header::parse(header).map_err(bad)?),
        }
    }
    let Some(user) = args.user.clone() else { return Ok(Access { login: None, headers }) };
    if user.contains(':') {
        return Err(Error::PasswordShown);
    }
    // Without a password here, netrc has one for this user at each host, or else there is none.
    let password = std::env::var("FETCH_PASSWORD").ok();
    if password.is_none() && !netrc.knows(&user) {
        return Err(Error::NoPassword { user });
    }
    Ok(Access { login: Some(Login::Basic { user, password: password.unwrap_or_default() }), headers })
}

fn read_registry(path: &Path) -> Result<Vec<registry::Entry>, Error> {
    let text =
        std::fs::read_to_string(path).map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })?;
    registry::parse(&text).map_err(|(line, bad)| Error::BadRegistry { path: path.to_owned(), line, bad })
}
