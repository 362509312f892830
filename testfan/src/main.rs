//! The `testfan` binary; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    common::app::run(&testfan::TOOL, testfan::run::dispatch)
}
