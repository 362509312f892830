//! `fetch cache` as clap sees it.

use clap::{Args, Subcommand};

use super::FolderArgs;

const LS_EXAMPLES: &str = "\
Examples:
  fetch cache ls --sort size                          the biggest last
  fetch cache ls | jq -r 'select(.state == \"unknown\").path'

Besides files, that is: beginnings of files (state partial), which the next run goes on with; and files that the index
of the shared cache does not know (state unknown), which prune removes when they are a day old.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  fetch cache verify                                  hash everything again
  fetch cache verify --cache data --remove            drop what is wrong; the next run gets it anew

Exit codes: 0 all are as they were when they were got; 1 some are not; 2 could not look.";

const PRUNE_EXAMPLES: &str = "\
Examples:
  fetch cache prune --older-than 30d --dry-run        what was not used for a month
  fetch cache prune --max-size 10GB                   what was not used for longest, until 10 GB are left
  fetch cache prune                                   only what nobody can use

A file's last use is the last time it was written, read or asked for, to a day. What a running fetch may have used is
kept. Sizes are 500MB (a thousand thousand), 500MiB or 500M (1024 by 1024); ages 90m, 12h, 30d, 2w.

Exit codes: 0 pruned; 2 could not.";

const RM_EXAMPLES: &str = "\
Examples:
  fetch cache rm https://host/data.csv                what came from there
  fetch cache rm data.csv sha256:5891b5b5…            by name, by digest (eight digits are enough)

Exit codes: 0 removed; 1 some are in use and stay; 2 nothing in the cache is called so (and nothing is removed).";

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
    /// List what is in it
    #[command(after_help = LS_EXAMPLES)]
    Ls(LsArgs),
    /// Hash all files again
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Remove what is too old or too much
    #[command(after_help = PRUNE_EXAMPLES)]
    Prune(PruneArgs),
    /// Remove files
    #[command(after_help = RM_EXAMPLES)]
    Rm(RmArgs),
}

/// `fetch cache ls`
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Which cache
    #[command(flatten)]
    pub folder: FolderArgs,
    /// The order
    #[arg(long, value_enum, default_value_t)]
    pub sort: Order,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Order {
    /// By path
    #[default]
    Path,
    /// The biggest last
    Size,
    /// The last used last
    Used,
}

/// `fetch cache verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Which cache
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Remove what is wrong
    #[arg(long, visible_alias = "fix")]
    pub remove: bool,
}

/// `fetch cache prune`
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Which cache
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Keep at most so much: 10GB, 500MiB
    #[arg(long, value_name = "SIZE")]
    pub max_size: Option<String>,
    /// Remove what was not used for so long: 30d, 12h
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<String>,
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
}

/// `fetch cache rm`
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Names, URLs, digests or paths
    #[arg(required = true, value_name = "NAME|URL|DIGEST|PATH")]
    pub wanted: Vec<String>,
    /// Which cache
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
}
