//! The `memtrace` binary.

fn main() -> std::process::ExitCode {
    common::app::run(&memtrace::TOOL, memtrace::run::run)
}
