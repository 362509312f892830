//! Builds the library that `memtrace run` loads into the traced program, so that the binary can carry it.
//! It is a crate of its own profile and never a dependency: its `malloc` would end up in the binary.

use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    let crate_folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for watched in [
        "preload/src",
        "preload/Cargo.toml",
        "preload/build.rs",
        "wire/src",
        "wire/Cargo.toml",
        "../Cargo.toml",
        "build.rs",
    ] {
        writeln!(stdout(), "cargo::rerun-if-changed={}", crate_folder.join(watched).display())?;
    }

    let target = out.join("preload");
    let mut cargo = Command::new(std::env::var("CARGO")?);
    cargo.args(["build", "--quiet", "--lib", "--profile", "preload", "--locked"]);
    cargo.arg("--manifest-path").arg(crate_folder.join("preload/Cargo.toml"));
    cargo.arg("--target-dir").arg(&target);
    // What the outer build was told (clippy's wrapper, coverage flags) is not for this library.
    for inherited in
        ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC"]
    {
        cargo.env_remove(inherited);
    }
    if !cargo.status()?.success() {
        return Err("failed to build memtrace-preload".into());
    }
    let library = std::fs::read(target.join("preload/libmemtrace_preload.so"))?;
    let mut hasher = DefaultHasher::new();
    library.hash(&mut hasher);
    std::fs::write(out.join("libmemtrace_preload.so"), library)?;
    writeln!(stdout(), "cargo::rustc-env=MEMTRACE_LIBRARY=preload-{:016x}.so", hasher.finish())?;
    Ok(())
}
