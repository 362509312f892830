//! The command line as clap sees it: types only. What the arguments mean is settled in `config`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use common::OutputArgs;
use common::app::{CommandLine, Shell};

use crate::cache::{Layout, Verify};

mod cache;
mod registry;

pub use cache::{CacheArgs, CacheCommand, LsArgs, Order, PruneArgs, RmArgs, VerifyArgs};
pub use registry::{CheckArgs, ConvertArgs, MakeArgs, RegistryArgs, RegistryCommand};

const EXAMPLES: &str = "\
Examples:
  fetch get -r registry.txt --base-url https://host/  every file of a pooch registry, verified and cached
  npm view ms dist --json | fetch get -               what npm would install, by its own integrity
  fetch hash *.csv                                    digests to pin

Exit codes: 0 yes, 1 a file had other content than its hash says, 2 could not do it, 130 interrupted.";

const GET_EXAMPLES: &str = "\
Examples:
  fetch get https://host/data.csv                     into the shared cache; prints its path and digest
  fetch get -r registry.txt --base-url https://host/  every file of a pooch registry
  fetch get -r registry.txt a.csv b.csv --cache data  two of them, as data/a.csv and data/b.csv
  npm view ms dist --json | fetch get -               what npm would install, by its own integrity
  pip install --dry-run --report - six | fetch get -  the same for pip (with pip's -q)
  jq -c '{url, hash: .sha}' list.json | fetch get -   JSON lines: url|urls, name, hash, dest; other keys pass
  fetch get - < earlier-records.jsonl                 the same files again, by the digests they had then
  fetch get --lock data.lock https://host/data.csv    pins it in data.lock; --locked refuses what is not in there
  fetch get --layout pooch https://host/data.csv      where pooch.retrieve puts and finds it

A run that was killed is gone on with by the next one, where the server tells versions apart and sends ranges.

Exit codes: 0 every file is there; 1 a file had other content than its hash says; 2 a file could not be got
(not found, no network, a miss with --offline, a name that leads out of the cache folder) or bad arguments.";

const HASH_HELP: &str = "\
Example:
  fetch hash --algorithm blake3 *.csv

Algorithms: md5 sha1 sha224 sha256 sha384 sha512 sha512_224 sha512_256 sha3_224 sha3_256 sha3_384 sha3_512
blake2b blake2s blake3 xxh32 xxh64 xxh3_64 xxh3_128";

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
}

/// What fetch does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Get files, from the cache when they are there
    #[command(after_help = GET_EXAMPLES)]
    Get(GetArgs),
    /// Print the digests of files
    #[command(after_help = HASH_HELP)]
    Hash(HashArgs),
    /// Make, check and convert registries
    Registry(RegistryArgs),
    /// Look into the cache, and tidy it up
    #[command(after_help = "Example:\n  du -sh \"$(fetch cache path)\"")]
    Cache(CacheArgs),
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
    /// Use the cache alone
    #[arg(long)]
    pub offline: bool,
    /// Ask whether files without a hash have changed
    #[arg(long, conflicts_with = "offline")]
    pub refresh: bool,
    /// How to check files that are there
    #[arg(long, value_enum, default_value_t)]
    pub verify: Verify,
    /// How many files at once
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: u16,
    /// How often to try again after a failure that may pass
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub retries: u32,
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
