//! `fetch cache` as clap sees it.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::FolderArgs;
use crate::archive::bytes;

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
  fetch cache prune --max-size 10G                    what was not used for longest, until 10 GiB are left
  fetch cache prune                                   only what nobody can use

A file's last use is the last time it was written, read or asked for, to a day. What a running fetch may have used is
kept, and with an archive goes what was unpacked of it. Sizes are 500M or 500MiB (1024 by 1024), 10G, 2T; ages 90m, 12h, 30d, 2w.

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
    /// Keep at most so much: 10G, 500M
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub max_size: Option<u64>,
    /// Remove what was not used for so long: 30d, 12h
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub older_than: Option<Duration>,
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

/// Reads an age: `30d`, `12h`, `90m`, `45s`, `2w`.
fn age(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit = match &text[number.len()..] {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        other => return Err(format!("{other:?} is none of s m h d w")),
    };
    let number: u64 = number.parse().map_err(|_| "give a number and a unit: 90m, 12h, 30d, 2w".to_owned())?;
    // So far back that no clock has ever shown it is far enough.
    Ok(Duration::from_secs(number.saturating_mul(unit).min(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_units() {
        for (text, wanted) in
            [("45s", 45), ("90m", 5400), ("1h", 3600), ("30d", 2_592_000), ("2w", 1_209_600)]
        {
            assert_eq!(age(text).ok(), Some(Duration::from_secs(wanted)), "{text}");
        }
        for bad in ["", "30", "x", "-1d", "1.5h", "1y", "d"] {
            assert!(age(bad).is_err(), "{bad}");
        }
        assert_eq!(age("9999999999999999w").ok(), age("999999999w").ok());
    }
}
