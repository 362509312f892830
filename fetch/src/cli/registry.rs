//! `fetch registry` as clap sees it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{AccessArgs, FolderArgs};
use crate::registry::Form;

const MAKE_EXAMPLES: &str = "\
Examples:
  fetch registry make data > registry.txt             every file below data, hashed, sorted by name
  fetch registry make data -o data/registry.txt       the same; the registry itself is left out
  fetch registry make . -a md5 --exclude '*.tmp' --exclude build/

Hidden files count, links to files are hashed as the files they lead to, links to folders are not followed.
On standard output stands the registry itself; ask for records with --format jsonl.

Exit codes: 0 made, 2 could not be made (and then FILE is as it was).";

const CHECK_EXAMPLES: &str = "\
Examples:
  fetch registry check registry.txt data              are the files in data those of the registry?
  fetch registry check registry.txt --cache data      the same
  fetch registry check registry.txt                   in the shared cache, where get -r puts them
  sha256sum * | fetch registry check - .              any form that convert reads
  fetch registry check registry.txt --online --base-url https://host/
                                                      are they still to be had? nothing is downloaded

Exit codes: 0 all are there and right (and with --strict no others); 1 some are wrong or missing; 2 could not check.
Of a server it is asked whether it has the files and how big they are, not whether they are right.";

const CONVERT_EXAMPLES: &str = "\
Examples:
  fetch registry convert registry.txt --to sha256sum | sha256sum -c
  sha256sum *.csv | fetch registry convert - --to pooch --base-url https://host/ > registry.txt
  fetch registry convert registry.txt --to json --base-url https://host/ | jq -c 'select(.name | endswith(\".csv\"))' | fetch get -
  fetch get - < urls.jsonl | fetch registry convert - --to pooch    pins what a run got

A sha256sum file has no place for URLs; a pooch registry has place for one, so of mirrors it keeps the first.
URLs are written as they were given, so a registry with passwords in it stays one.";

const FROM_DOI_EXAMPLES: &str = "\
Examples:
  fetch registry from-doi 10.5281/zenodo.3939050 -o registry.txt
  fetch get -r registry.txt --base-url doi:10.5281/zenodo.3939050/ --cache data

On standard output stands the registry itself; ask for records with --format jsonl.";

/// `fetch registry`
#[derive(Debug, Args)]
pub struct RegistryArgs {
    /// What to do with it
    #[command(subcommand)]
    pub command: RegistryCommand,
}

/// What can be done with registries.
#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Make the registry of a folder
    #[command(after_help = MAKE_EXAMPLES)]
    Make(MakeArgs),
    /// Check files against a registry
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Write a registry in another form
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(ConvertArgs),
    /// Make the registry of all files of a record, by the digests that its repository tells
    #[command(after_help = FROM_DOI_EXAMPLES)]
    FromDoi(FromDoiArgs),
}

/// `fetch registry make`
#[derive(Debug, Args)]
pub struct MakeArgs {
    /// The folder; names are relative to it
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where to write it, whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The algorithm, by its name in a registry
    #[arg(short, long, value_name = "ALG", default_value = "sha256")]
    pub algorithm: String,
    /// Leave out files or folders: by name, or with a / in it by path below DIR; may be given often
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Only the files right in DIR
    #[arg(long)]
    pub no_recursive: bool,
}

/// `fetch registry check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The registry, in any form that convert reads; - for standard input
    pub registry: PathBuf,
    /// Where the files are [default: the cache]
    #[arg(value_name = "DIR", conflicts_with = "cache")]
    pub dir: Option<PathBuf>,
    /// Which cache
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Files that the registry does not name are wrong, too
    #[arg(long)]
    pub strict: bool,
    /// What is asked of servers
    #[command(flatten)]
    pub online: OnlineArgs,
}

/// How servers are asked for the files of a registry.
#[derive(Debug, Args)]
pub struct OnlineArgs {
    /// Ask the servers instead whether they have the files
    #[arg(long, conflicts_with_all = ["dir", "cache", "strict", "layout", "cache_env"], help_heading = "Online")]
    pub online: bool,
    /// Where the files are that have no URL of their own; {version} in it stands for --data-version
    #[arg(long, value_name = "URL", requires = "online", help_heading = "Online")]
    pub base_url: Option<String>,
    /// How many at once
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256), requires = "online", help_heading = "Online")]
    pub jobs: u16,
    /// No host gets more connections than this at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), requires = "online", help_heading = "Online")]
    pub per_host: Option<u16>,
    /// How often to try again after a failure that may pass
    #[arg(long, value_name = "N", default_value_t = 3, requires = "online", help_heading = "Online")]
    pub retries: u32,
    /// Ask s3:, gs: and az: without credentials
    #[arg(long, requires = "online", help_heading = "Online")]
    pub anonymous: bool,
    /// What lets in
    #[command(flatten)]
    pub access: AccessArgs,
}

/// `fetch registry convert`
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The registry; - for standard input
    pub registry: PathBuf,
    /// The form to write
    #[arg(long, value_name = "FORM")]
    pub to: Form,
    /// The form it has [default: by how it begins]
    #[arg(long, value_name = "FORM")]
    pub from: Option<Form>,
    /// Where the files are that have no URL of their own
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Where to write it, whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `fetch registry from-doi`
#[derive(Debug, Args)]
pub struct FromDoiArgs {
    /// The DOI: 10.PREFIX/SUFFIX, also behind `doi:` or `https://doi.org/`
    pub doi: String,
    /// Where to write it, whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How often to try again after a failure that may pass
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub retries: u32,
}
