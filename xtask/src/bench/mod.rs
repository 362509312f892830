//! `cargo xtask bench`: each tool beside its peers, interleaved in one run, medians as ratios.
//! Must not judge: it prints figures and writes them to `target/bench/<tool>.jsonl`.

mod arms;
pub mod browser;
mod fetch;
mod measure;
mod memtrace;
mod pyweb;
mod testfan;
mod tree;

use anyhow::{Result, bail};

use crate::{setup, shell};
use arms::Work;

/// Runs the benches of the named tools, or of all, as far as the works' names hold `only`.
pub fn run(tools: &[String], rounds: usize, only: &str) -> Result<()> {
    if let Some(unknown) = tools.iter().find(|tool| !crate::schema::TOOLS.contains(&tool.as_str())) {
        bail!("{unknown} is none of {}", crate::schema::TOOLS.join(", "));
    }
    let measured = tools.is_empty() || tools.iter().any(|tool| tool == "testfan");
    setup::run(false, &setup::Needed::Named(if measured { &testfan::SUITES } else { &[] }))?;
    let scratch = shell::target().join("bench");
    std::fs::create_dir_all(&scratch)?;
    for tool in crate::schema::TOOLS {
        if !tools.is_empty() && !tools.iter().any(|asked| asked == tool) {
            continue;
        }
        shell::heading(tool);
        let works: Vec<Work> = match tool {
            "fetch" => fetch::works(&scratch)?,
            "memtrace" => memtrace::works(&scratch),
            "testfan" => testfan::works()?,
            _ => pyweb::works(&scratch)?,
        };
        let mut lines = String::new();
        for work in works.iter().filter(|work| work.name.contains(only)) {
            let measured = measure::interleaved(work, rounds)?;
            shell::say(&measured.table());
            lines += &measured.json_lines(tool);
        }
        std::fs::write(scratch.join(format!("{tool}.jsonl")), lines)?;
    }
    Ok(())
}
