//! The `pyweb` binary: hands the command line to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    common::app::run(&pyweb::TOOL, pyweb::run::run)
}
