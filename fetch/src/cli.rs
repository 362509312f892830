//! The command line as clap sees it: types only. What the arguments mean is settled in `config`.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use common::OutputArgs;
use common::app::{CommandLine, Shell};

use crate::cache::Verify;

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

A run that was killed is gone on with by the next one, where the server tells versions apart and sends ranges.

Exit codes: 0 every file is there; 1 a file had other content than its hash says; 2 a file could not be got
(not found, no network, a miss with --offline, a name that leads out of the cache folder) or bad arguments.";

const HASH_HELP: &str = "\
Example:
  fetch hash --algorithm blake3 *.csv

Algorithms: md5 sha1 sha224 sha256 sha384 sha512 sha512_224 sha512_256 sha3_224 sha3_256 sha3_384 sha3_512
blake2b blake2s blake3 xxh32 xxh64 xxh3_64 xxh3_128";

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
    /// Look into the cache
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
pub struct GetArgs {
    /// URLs; names of the registry; or - for JSON on standard input
    #[arg(value_name = "URL|NAME|-")]
    pub wanted: Vec<String>,
    /// A registry as pooch has them: lines of `name [alg:]hash [url]`
    #[arg(short, long, value_name = "FILE")]
    pub registry: Option<PathBuf>,
    /// Where the files of the registry are that have no URL of their own
    #[arg(long, value_name = "URL", requires = "registry")]
    pub base_url: Option<String>,
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

/// `fetch cache`
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// What to do with it
    #[command(subcommand)]
    pub command: CacheCommand,
}

/// What can be done with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Print where it is
    Path(FolderArgs),
    /// List the files in it
    Ls(FolderArgs),
}

/// Which cache folder.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// Put files at DIR/NAME instead of into the shared cache
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
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
