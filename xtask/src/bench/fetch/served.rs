//! The files that the benches of `fetch` get, and their registries in pooch's format. Must not know who gets them.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use sha2::{Digest, Sha256};

use crate::shell;

/// How many small files there are.
pub const FILES: usize = 1000;
const FILE_BYTES: usize = 10 << 10;
const BIG_BYTES: usize = 1 << 30;
const SLOW_BYTES: usize = 200 << 20;
/// As many as in a dataset of images; together 300 MB, of which gzip leaves three quarters.
const MEMBERS: u32 = 3000;
const MEMBER_BYTES: usize = 100_000;

/// The registries of the files under nginx.
pub struct Served {
    /// One large file, `big.bin`.
    pub big: PathBuf,
    /// Small ones, `small/0000.bin` and on.
    pub small: PathBuf,
    /// One that comes slowly, `slow/slow.bin`.
    pub slow: PathBuf,
    /// An archive, `data.tar.gz`.
    pub archive: PathBuf,
}

impl Served {
    /// Makes what is not there from an earlier run.
    pub fn make(www: &Path) -> Result<Served> {
        std::fs::create_dir_all(www.join("small"))?;
        std::fs::create_dir_all(www.join("slow"))?;
        let block: Vec<u8> =
            (0..1 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let repeated = |name: &'static str, bytes: usize| {
            let path = www.join(name);
            let mut file = std::fs::File::create(&path)?;
            for _ in 0..bytes / block.len() {
                file.write_all(&block)?;
            }
            entry(&path, name)
        };
        Ok(Served {
            big: once(www.join("big.txt"), || repeated("big.bin", BIG_BYTES))?,
            small: once(www.join("small.txt"), || small(www))?,
            slow: once(www.join("slow.txt"), || repeated("slow/slow.bin", SLOW_BYTES))?,
            archive: once(www.join("archive.txt"), || archive(www))?,
        })
    }
}

/// The registry at `path`, which is written last, so that one that is there has its files.
fn once(path: PathBuf, make: impl FnOnce() -> Result<String>) -> Result<PathBuf> {
    if !path.exists() {
        std::fs::write(&path, make()?)?;
    }
    Ok(path)
}

fn small(www: &Path) -> Result<String> {
    let mut registry = String::new();
    for number in 0..FILES {
        let bytes: Vec<u8> = format!("{number} ").bytes().cycle().take(FILE_BYTES).collect();
        let name = format!("small/{number:04}.bin");
        std::fs::write(www.join(&name), &bytes)?;
        registry += &entry(&www.join(&name), &name)?;
    }
    Ok(registry)
}

fn archive(www: &Path) -> Result<String> {
    let folder = www.join("data");
    std::fs::create_dir_all(&folder)?;
    for number in 0..MEMBERS {
        let mut state = number + 1;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state & 0x3f) as u8
        });
        std::fs::write(
            folder.join(format!("{number:04}.dat")),
            noise.take(MEMBER_BYTES).collect::<Vec<_>>(),
        )?;
    }
    shell::run(
        shell::command("tar").arg("-C").arg(www).arg("-czf").arg(www.join("data.tar.gz")).arg("data"),
    )?;
    std::fs::remove_dir_all(&folder)?;
    entry(&www.join("data.tar.gz"), "data.tar.gz")
}

/// The line of a registry for a file.
fn entry(path: &Path, name: &str) -> Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let got = file.read(&mut piece)?;
        if got == 0 {
            break;
        }
        digest.update(&piece[..got]);
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{name} sha256:{hex}\n"))
}
