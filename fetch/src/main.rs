//! The binary `fetch`: calls the library.

fn main() -> std::process::ExitCode {
    common::app::run(&fetch::run::TOOL, fetch::run::run)
}
