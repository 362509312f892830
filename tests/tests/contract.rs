//! The record contract and the command-line contract, held against all four binaries.

const TOOLS: [&str; 4] = ["fetch", "memtrace", "testfan", "pyweb"];

#[test]
fn every_tool_says_its_version() {
    for tool in TOOLS {
        let ran = kit::run(std::process::Command::new(kit::binary(tool)).arg("--version")).exits(0);
        assert_eq!(ran.stdout, format!("{tool} {}\n", env!("CARGO_PKG_VERSION")));
    }
}
