//! `cargo xtask`: the workspace's automation in Rust. Must not hold what a tool could do itself.
//! Rooms: `setup` (what tests and demo need), `demo`, `test`, `faults`, `fuzz`, `matrix`, `truth`, `bench`, `suites`, `sizes`, `schema`, `tidy`; `shell` runs commands.

mod bench;
mod cli;
mod demo;
mod faults;
mod fuzz;
mod matrix;
mod schema;
mod setup;
mod shell;
mod sizes;
mod suites;
mod test;
mod tidy;
mod truth;

fn main() -> std::process::ExitCode {
    cli::main()
}
