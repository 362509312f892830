//! `fetch` beside curl with openssl and tar, pooch, and aria2, over nginx on loopback: what is compared, and the goals.
//! Must not know how the commands are written.

mod commands;
mod nginx;
mod served;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::bench::arms::{Arm, Work};
use crate::shell;
use commands::{ARIA2, CURL_PARALLEL, OPENSSL, POOCH, TAR, quiet};
use nginx::Nginx;
use served::{FILES, Served};

/// One large file, a thousand small ones, one from a server slow with each connection, an archive; then all again.
pub fn works(scratch: &Path) -> Result<Vec<Work>> {
    let www = scratch.join("www");
    let served = Served::make(&www)?;
    let nginx = Nginx::start(scratch, &www)?;
    let mut works = downloads(&served, scratch);
    works.extend(hits(&served, scratch)?);
    if let Some(work) = works.first_mut() {
        work.keep.push(Box::new(nginx));
        work.keep.push(Box::new(Aside::new(scratch)?));
    }
    Ok(works)
}

/// Where caches of many files go that are done with, until the bench is over: for minutes after files were removed, ext4
/// does not use their inodes again, and whoever makes many files next waits while it looks for others.
struct Aside(PathBuf);

impl Aside {
    fn new(scratch: &Path) -> Result<Aside> {
        std::fs::create_dir_all(aside(scratch))?;
        Ok(Aside(aside(scratch)))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // What stays takes room, and nothing else.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn aside(scratch: &Path) -> PathBuf {
    scratch.join("fetch-aside")
}

/// Each into an empty cache.
fn downloads(served: &Served, scratch: &Path) -> Vec<Work> {
    let cache = scratch.join("fetch-cache");
    let pooch = |registry: &Path| commands::pooch(registry, &cache);
    let fetch = |registry: &Path| commands::fetch(registry, &cache);
    let work = |name: &str, many: bool, arms: Vec<Arm>| {
        let arms = arms.into_iter().map(|arm| {
            let (cache, aside) = (cache.clone(), aside(scratch));
            arm.after(move || {
                if cache.exists() && many {
                    std::fs::rename(&cache, tempfile::tempdir_in(&aside)?.keep())?;
                } else if cache.exists() {
                    std::fs::remove_dir_all(&cache)?;
                }
                Ok(std::fs::create_dir_all(&cache)?)
            })
        });
        Work { name: name.to_owned(), arms: arms.collect(), keep: Vec::new() }
    };
    vec![
        work(
            "1 GiB with sha256",
            false,
            vec![
                commands::curl_openssl(&cache),
                commands::aria2("big.bin", &cache),
                pooch(&served.big),
                fetch(&served.big).within(0.9, OPENSSL).within(0.25, POOCH),
            ],
        ),
        work(
            &format!("{FILES} files of 10 KiB"),
            true,
            vec![
                commands::curl_parallel(scratch, &cache),
                commands::aria2_parallel(scratch, &cache),
                pooch(&served.small),
                fetch(&served.small).within(1.1, CURL_PARALLEL).within(0.1, POOCH),
            ],
        ),
        work(
            "200 MiB at 20 MiB/s a connection",
            false,
            vec![
                commands::aria2("slow/slow.bin", &cache),
                commands::curl("slow/slow.bin", &cache),
                pooch(&served.slow),
                fetch(&served.slow).within(1.0, ARIA2),
            ],
        ),
        work(
            "tar.gz of 3000 members, unpacked",
            false,
            vec![
                commands::curl_openssl_tar(&cache),
                commands::pooch_untar(&served.archive, &cache),
                commands::fetch_untar(&served.archive, &cache).within(0.6, POOCH).within(1.0, TAR),
            ],
        ),
    ]
}

/// Each from the cache that a first run filled.
fn hits(served: &Served, scratch: &Path) -> Result<Vec<Work>> {
    let cache = |of: &str| scratch.join("fetch-hits").join(of);
    let pair = |registry: &Path| {
        (commands::pooch(registry, &cache("pooch")), commands::fetch(registry, &cache("fetch")))
    };
    let untar = |registry: &Path| {
        (commands::pooch_untar(registry, &cache("pooch")), commands::fetch_untar(registry, &cache("fetch")))
    };
    let mut works = Vec::new();
    for (name, (pooch, fetch), goal_ms) in [
        ("1 GiB again", pair(&served.big), 10),
        ("1000 files again", pair(&served.small), 15),
        ("tar.gz of 3000 members again", untar(&served.archive), 20),
    ] {
        let arms = vec![pooch, fetch.within_ms(goal_ms)];
        for arm in &arms {
            shell::run(&mut quiet((arm.command)()))?;
        }
        works.push(Work { name: name.into(), arms, keep: Vec::new() });
    }
    Ok(works)
}
