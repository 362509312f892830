//! The command line as clap sees it: types only. What the arguments mean is settled in `config`.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use common::OutputArgs;
use common::app::{CommandLine, Shell};

use crate::archive::Limit;
use crate::cache::{Layout, Verify};
use crate::source::{self, ProcessKind};

mod cache;
mod registry;

pub use cache::{CacheArgs, CacheCommand, LsArgs, Order, PruneArgs, RmArgs, VerifyArgs};
pub use registry::{
    CheckArgs, ConvertArgs, FromDoiArgs, MakeArgs, OnlineArgs, RegistryArgs, RegistryCommand,
};

const EXAMPLES: &str = "\
Examples:
  fetch get -r registry.txt --base-url https://host/  every file of a pooch registry, verified and cached
  npm view ms dist --json | fetch get -               what npm would install, by its own integrity
  fetch get doi:10.5281/zenodo.3939050/tiny-data.txt  a file of a Zenodo record
  fetch extract data.tar.gz                           safely, into data.tar.gz.untar/
  fetch hash *.csv                                    digests to pin

Exit codes: 0 yes, 1 a file had other content than its hash says, 2 could not do it, 130 interrupted.";

const GET_EXAMPLES: &str = "\
Examples:
  fetch get https://host/data.csv                     into the shared cache; prints its path and digest
  fetch get -r registry.txt --base-url https://host/  every file of a pooch registry
  fetch get -r registry.txt a.csv b.csv --cache data  two of them, as data/a.csv and data/b.csv
  npm view ms dist --json | fetch get -               what npm would install, by its own integrity
  pip install --dry-run --report - six | fetch get -  the same for pip (with pip's -q)
  jq -c '{url, hash: .sha}' list.json | fetch get -   JSON lines: url|urls, name, hash, dest, process, auth, headers
  fetch get - < earlier-records.jsonl                 the same files again, by the digests they had then
  fetch get --lock data.lock https://host/data.csv    pins it in data.lock; --locked refuses what is not in there
  fetch get --layout pooch https://host/data.csv      where pooch.retrieve puts and finds it
  fetch get --process untar --member data URL         also unpacks data/ of it, into FILE.untar/
  fetch get doi:10.5281/zenodo.3939050/tiny-data.txt  a file of a record, with the digest that its repository tells
  fetch get -r registry.txt --base-url 'https://host/{version}/' --data-version 1.2+3.gabc --dev-version main
                                                      as pooch.create(version=…, version_dev=…)
  fetch get --header @token.txt https://host/x.csv    a header that nobody sees; logins come from ~/.netrc
  fetch get --check -r registry.txt                   whether all of it is still to be had
  fetch get ftp://host/data.nc sftp://me@host/srv/x   from file servers
  fetch get s3://bucket/key                           signed when there are credentials, else anonymous

URLs: http https file, and
  doi   of Zenodo, figshare, Dataverse and InvenioRDM. A figshare DOI that ends in .v2 means that version, any other
        the newest. As base URL, doi:10.5281/zenodo.3939050/ goes before the names. FETCH_DOI_URL, FETCH_ZENODO_URL
        and FETCH_FIGSHARE_URL stand in for https://doi.org, https://zenodo.org and https://api.figshare.com/v2.
  ftp   user and password of the URL or netrc, else anonymous; // or /%2F begins an absolute path
  ftps  TLS from the first byte on, port 990; on port 21, or as ftpes://HOST:PORT, by AUTH TLS
  sftp  absolute paths, or /~/… below the home folder; keys of ssh-agent and ~/.ssh, or the URL's password;
        the host must be in ~/.ssh/known_hosts; of ~/.ssh/config: HostName User Port IdentityFile HostKeyAlias
  s3 gs az  objects of stores: s3://bucket/key[?versionId=…], gs://bucket/object[#generation],
        az://account/container/blob or, of the account that the environment names, az://container/blob.
        A key is taken letter by letter: `#`, `%`, `+`, `?` and spaces in it are themselves.

Credentials of stores are the first of these; without any, and with --anonymous, requests are anonymous:
  s3    AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN);
        the profile AWS_PROFILE of ~/.aws/credentials and ~/.aws/config
  gs    CLOUDSDK_AUTH_ACCESS_TOKEN; GOOGLE_APPLICATION_CREDENTIALS; GS_ACCESS_KEY_ID with
        GS_SECRET_ACCESS_KEY; gcloud's application default credentials; the HMAC keys of ~/.boto
  az    the SAS behind a URL's ?; AZURE_STORAGE_CONNECTION_STRING;
        AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN
Honoured too: AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_NO_SIGN_REQUEST, AWS_REQUEST_PAYER,
STORAGE_EMULATOR_HOST, CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE.

A run that was killed is gone on with by the next one, where the server tells versions apart and sends ranges.

Exit codes: 0 every file is there; 1 a file had other content than its hash says, or --check found none; 2 a file could not be got
(not found, no network, a miss with --offline, a name that leads out of the cache folder) or bad arguments.";

const EXTRACT_EXAMPLES: &str = "\
Examples:
  fetch extract data.zip                       into data.zip.unzip/
  fetch extract data.tar.zst --to data         into data/, beside what is there
  fetch extract big.tar.gz --member big/train  that file or folder alone
  fetch extract table.csv.gz --to .            as ./table.csv

What a file is, its content says: zip; tar, also compressed; single files compressed with gzip, bzip2, xz or zstd.
Without --to a tar archive goes into FILE.untar/ and the content of a compressed file is called FILE.decomp.

Nothing of an archive is seen before all of it is unpacked. Refused are members that lead out of the folder by their
name or by a link, devices, and archives that much more comes out of than is in them.

Exit codes: 0 all are unpacked; 2 one could not be.";

const HASH_HELP: &str = "\
Example:
  fetch hash --algorithm blake3 *.csv

Algorithms: md5 sha1 md5-sha1 ripemd160 sha224 sha256 sha384 sha512 sha512_224 sha512_256 sha3_224 sha3_256
sha3_384 sha3_512 blake2b blake2s blake3 sm3 xxh32 xxh64 xxh3_64 xxh3_128; also as OpenSSL writes them (SHA3-256)";

const SERVE_HELP: &str = "\
Examples:
  fetch serve data                                     prints the URL, then a line for each request; Ctrl-C ends it
  fetch serve data --port 8000 --rate 20M              as slow as a real network: 20 MB a second per connection
  curl -s http://127.0.0.1:8000/?registry > r.txt      a pooch registry of all files below (?json: a list)
  fetch get -r r.txt --base-url http://127.0.0.1:8000/

Nothing outside the folder is given out, neither by .. nor by a symbolic link; fetch's own .fetch is not either.
Exit codes: 0 ended by Ctrl-C, 2 could not serve.";

/// Gets files once, verified and cached
#[derive(Debug, Parser)]
#[command(name = "fetch", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    output: OutputArgs,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

impl CommandLine for Cli {
    fn output(&self) -> &OutputArgs {
        &self.output
    }

    fn conceal(argv: &[String]) -> Vec<String> {
        source::conceal(argv)
    }
}

/// What fetch does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Get files, from the cache when they are there
    #[command(after_help = GET_EXAMPLES)]
    Get(Box<GetArgs>),
    /// Unpack archives and compressed files
    #[command(after_help = EXTRACT_EXAMPLES)]
    Extract(ExtractArgs),
    /// Print the digests of files
    #[command(after_help = HASH_HELP)]
    Hash(HashArgs),
    /// Make, check and convert registries
    Registry(RegistryArgs),
    /// Look into the cache, and tidy it up
    #[command(after_help = "Example:\n  du -sh \"$(fetch cache path)\"")]
    Cache(CacheArgs),
    /// Serve a folder over HTTP, for tests and for rooms without a network
    #[command(after_help = SERVE_HELP)]
    Serve(ServeArgs),
    /// Print a completion script
    #[command(
        after_help = "Example:\n  fetch completions bash > ~/.local/share/bash-completion/completions/fetch"
    )]
    Completions {
        /// For which shell
        shell: Shell,
    },
}

/// `fetch get`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct GetArgs {
    /// URLs; names of the registry; or - for JSON on standard input
    #[arg(value_name = "URL|NAME|-")]
    pub wanted: Vec<String>,
    /// A registry as pooch has them: lines of `name [alg:]hash [url]`; - for standard input; of several the later counts
    #[arg(short, long, value_name = "FILE")]
    pub registry: Vec<PathBuf>,
    /// Where the files are that have a name and no URL of their own
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Pin what is got in FILE, a registry; what it has already is what must come
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// Get only what is in the lock file, as it is there
    #[arg(long, requires = "lock", conflicts_with = "refresh")]
    pub locked: bool,
    /// The hash of the one URL: ALG:HEX, sha256 in hexadecimal, or SRI
    #[arg(long, value_name = "ALG:HEX")]
    pub hash: Option<String>,
    /// Where to
    #[command(flatten)]
    pub folder: FolderArgs,
    /// What lets in
    #[command(flatten)]
    pub access: AccessArgs,
    /// Ask whether the files are there; get none
    #[arg(long, conflicts_with_all = ["offline", "refresh"])]
    pub check: bool,
    /// Use the cache alone
    #[arg(long)]
    pub offline: bool,
    /// Ask whether files without a hash have changed
    #[arg(long, conflicts_with = "offline")]
    pub refresh: bool,
    /// How to check files that are there
    #[arg(long, value_enum, default_value_t)]
    pub verify: Verify,
    /// Ask s3:, gs: and az: without credentials
    #[arg(long)]
    pub anonymous: bool,
    /// How many files at once
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// By how many connections at most a file of 16 MiB or more comes when its server is slow with each; 1: by one.
    /// By such further connections no host gets more than N or --jobs, whichever is more; for less see --per-host
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub segments: u16,
    /// No host gets more connections than this at a time; the files of a host that has them wait
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub per_host: Option<u16>,
    /// How often to try again after a failure that may pass
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub retries: u32,
    /// Let records tell how far each file is, too
    #[arg(long)]
    pub progress: bool,
    /// What to do with them
    #[command(flatten)]
    pub process: ProcessArgs,
}

/// What requests carry, and through which proxy.
#[derive(Debug, Args)]
pub struct AccessArgs {
    /// Send a header; @FILE: every line of FILE. To the hosts of the URLs asked for, never to one that redirects to
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE|@FILE", help_heading = "Access")]
    pub headers: Vec<String>,
    /// Log in, with the password from `$FETCH_PASSWORD` or a netrc file
    #[arg(short, long, value_name = "NAME", help_heading = "Access")]
    pub user: Option<String>,
    /// Read logins from FILE instead of $NETRC or ~/.netrc
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    pub netrc_file: Option<PathBuf>,
    /// Ask through this proxy (http, https, socks5) instead of `$http_proxy`, `$https_proxy`, `$all_proxy`
    #[arg(short = 'x', long, value_name = "URL", help_heading = "Access")]
    pub proxy: Option<String>,
}

/// What is unpacked, of every file that does not say so itself.
#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// Unpack the files
    #[arg(long, value_enum, value_name = "KIND")]
    pub process: Option<ProcessKind>,
    /// Unpack this member or folder of the archives alone; may be given again
    #[arg(long = "member", value_name = "NAME", requires = "process")]
    pub members: Vec<String>,
    /// Unpack into this folder, relative to the one of each archive
    #[arg(long, value_name = "DIR", requires = "process")]
    pub extract_dir: Option<String>,
    /// Refuse archives that more comes out of [default: 1G, or 250 times the archive]
    #[arg(long, value_name = "SIZE")]
    pub max_unpacked: Option<Limit>,
}

/// `fetch extract`
#[derive(Debug, Args)]
pub struct ExtractArgs {
    /// The archives and compressed files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Unpack into this folder; what else is in it stays
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Take the files for archives of this kind, and refuse others
    #[arg(long, value_enum, value_name = "KIND", default_value_t = ProcessKind::Auto)]
    pub process: ProcessKind,
    /// What to call the content of a compressed file
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Unpack this member or folder of the archives alone; may be given again
    #[arg(long = "member", value_name = "NAME")]
    pub members: Vec<String>,
    /// Refuse archives that more comes out of [default: 1G, or 250 times the archive]
    #[arg(long, value_name = "SIZE")]
    pub max_unpacked: Option<Limit>,
}

/// `fetch hash`
#[derive(Debug, Args)]
pub struct HashArgs {
    /// The files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The algorithm, by its name in a registry
    #[arg(short, long, value_name = "ALG", default_value = "sha256")]
    pub algorithm: String,
}

/// `fetch serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where to listen; 0 for any port that is free
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// The address to listen at; others than loopback's let other machines in
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// At most so many bytes a second for each connection; with k, M or G for thousands, millions, milliards
    #[arg(long, value_name = "BYTES", value_parser = rate)]
    pub rate: Option<NonZeroU64>,
}

/// Which cache folder.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// Put files at DIR/NAME instead of into the shared cache
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// How files are arranged [default: plain with --cache, else shared]
    ///
    /// shared: <key>/<name>, for any number of projects; plain: <name>; pooch: as pooch has them, by default in
    /// pooch's own folder for `retrieve`, so that either finds what the other got
    #[arg(long, value_enum, value_name = "shared|plain|pooch", hide_possible_values = true)]
    pub layout: Option<Layout>,
    /// An environment variable that names the folder, when it is set
    #[arg(long, value_name = "NAME")]
    pub cache_env: Option<String>,
    /// The version of the data: a folder of its own below --cache, and {version} in --base-url
    #[arg(long, value_name = "VERSION")]
    pub data_version: Option<String>,
    /// What stands for versions between releases, such as 1.2+3.gabc
    #[arg(long, value_name = "NAME", default_value = "master", requires = "data_version")]
    pub dev_version: String,
}

/// A number of bytes a second, such as `500k` or `20M`.
fn rate(text: &str) -> Result<NonZeroU64, String> {
    let number = text.trim_end_matches(['k', 'K', 'M', 'G']);
    let unit = match &text[number.len()..] {
        "" => 1,
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        other => return Err(format!("{other:?} is no unit: give k, M or G")),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| NonZeroU64::new(number.checked_mul(unit)?));
    bytes.ok_or_else(|| "give a number of bytes above 0, such as 500k or 20M".to_owned())
}
