//! Measures arms in turn, A B C A B C …, and compares medians, so that a machine whose speed drifts is fair to all.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;

use crate::bench::arms::{Arm, Each, Goal, Time, Work};
use crate::bench::tree::Sampler;

/// Wall and CPU seconds of one run; CPU counts the children that it waited for.
#[derive(Clone, Copy)]
struct Run {
    wall: f64,
    cpu: f64,
    /// The most memory that the program itself held, in MiB.
    peak: f64,
}

/// The runs of one arm.
struct Runs {
    name: &'static str,
    /// Those that succeeded.
    good: Vec<Run>,
    /// How many did not.
    failed: usize,
    /// The most memory that the program and all below it held, shared pages counted once, in MiB.
    tree: f64,
    /// What its last run left, in MB.
    left: Option<f64>,
}

/// The runs of all arms of one work.
pub struct Measured {
    work: String,
    arms: Vec<Runs>,
    /// Arm, and what it is to reach.
    goals: Vec<(&'static str, Goal)>,
    /// Arm, the wall time to reach in milliseconds.
    limits: Vec<(&'static str, u32)>,
    /// Arm, and what it repeats.
    repeated: Vec<(&'static str, Each)>,
}

/// Runs every arm once untimed, for its memory, then `rounds` times in turn. An arm may fail now and then; always only a
/// peer that nothing need be compared with, which the table then says of it.
pub fn interleaved(work: &Work, rounds: usize) -> Result<Measured> {
    let runs_of = |arm: &Arm| Runs { name: arm.name, good: Vec::new(), failed: 0, tree: 0.0, left: None };
    let mut arms: Vec<Runs> = work.arms.iter().map(runs_of).collect();
    for round in 0..=rounds {
        for (arm, measured) in work.arms.iter().zip(&mut arms) {
            let named = || format!("{}: {}", work.name, arm.name);
            if round == 0 {
                measured.tree = memory(arm).with_context(named)?;
                continue;
            }
            match once(arm).with_context(named)? {
                Ok(run) => {
                    measured.good.push(run);
                    measured.left = size(arm)?;
                }
                Err(status) => {
                    measured.failed += 1;
                    let a_peer = arm.goals.is_empty() && arm.goal_ms.is_none();
                    anyhow::ensure!(
                        measured.failed < rounds || a_peer,
                        "{} always ends with {status}",
                        named()
                    );
                }
            }
        }
    }
    let goals = work.arms.iter().flat_map(|arm| arm.goals.iter().map(|goal| (arm.name, *goal)));
    let limits = work.arms.iter().filter_map(|arm| Some((arm.name, arm.goal_ms?)));
    let repeated = work.arms.iter().filter_map(|arm| Some((arm.name, arm.each?)));
    Ok(Measured {
        work: work.name.clone(),
        arms,
        goals: goals.collect(),
        limits: limits.collect(),
        repeated: repeated.collect(),
    })
}

fn prepared(arm: &Arm) -> Result<Command> {
    if let Some(before) = &arm.before {
        before()?;
    }
    let mut command = (arm.command)();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// The most memory of an arm's whole tree of processes, in MiB.
fn memory(arm: &Arm) -> Result<f64> {
    let mut child = prepared(arm)?.spawn()?;
    let sampler = Sampler::of(child.id());
    child.wait()?;
    Ok(sampler.peak())
}

/// How large the file is that an arm leaves, in MB.
fn size(arm: &Arm) -> Result<Option<f64>> {
    let Some(file) = &arm.leaves else { return Ok(None) };
    let bytes = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    #[expect(clippy::cast_precision_loss, reason = "no file is of 2^53 bytes")]
    Ok(Some(bytes as f64 / 1e6))
}

/// One run, or how it failed.
fn once(arm: &Arm) -> Result<std::result::Result<Run, ExitStatus>> {
    let mut command = prepared(arm)?;
    let cpu_before = children_cpu()?;
    let began = Instant::now();
    let (status, peak) = wait(&command.spawn()?)?;
    let wall = began.elapsed().as_secs_f64();
    if !status.success() {
        return Ok(Err(status));
    }
    Ok(Ok(Run { wall, cpu: children_cpu()? - cpu_before, peak }))
}

/// Waits for a child, and says how much memory it held at most, in MiB.
fn wait(child: &Child) -> Result<(ExitStatus, f64)> {
    let pid = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    // SAFETY: all zeros are a valid rusage, which is a struct of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to locals that outlive the call, and nobody else waits for this child.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    anyhow::ensure!(waited == pid, std::io::Error::last_os_error());
    #[expect(clippy::cast_precision_loss, reason = "no program holds 2^53 KiB")]
    let peak = usage.ru_maxrss as f64 / 1024.0;
    Ok((ExitStatus::from_raw(status), peak))
}

fn children_cpu() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        #[expect(clippy::cast_precision_loss, reason = "seconds and microseconds are small")]
        let seconds = time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        seconds
    };
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Measured {
    /// Medians for people, and their ratios to the first arm.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header([self.work.as_str(), "wall s", "ratio", "cpu s", "ratio", "MiB", "MiB, all"]);
        let base = self.medians(0);
        let mut goals = String::new();
        for (index, Runs { name, good: runs, failed, tree, left }) in self.arms.iter().enumerate() {
            let (wall, cpu) = self.medians(index);
            let figure = |value: f64, text: String| if value.is_nan() { "-".to_owned() } else { text };
            let ratio = |value: f64, base: f64| figure(value / base, format!("{:.2}x", value / base));
            let peak = median(runs.iter().map(|run| run.peak));
            let row = [
                figure(wall, format!("{wall:.3}")),
                ratio(wall, base.0),
                figure(cpu, format!("{cpu:.3}")),
                ratio(cpu, base.1),
                figure(peak, format!("{peak:.0}")),
                format!("{tree:.0}"),
            ];
            if *failed > 0 {
                goals += &format!(
                    "  {name}: {failed} of {} runs failed and are not counted\n",
                    failed + runs.len()
                );
            }
            if let Some(megabytes) = left {
                goals += &format!("  {name}: leaves {megabytes:.2} MB\n");
            }
            for (_, goal) in self.goals.iter().filter(|goal| goal.0 == *name) {
                goals += &self.against(index, *goal);
            }
            for (_, limit) in self.limits.iter().filter(|limit| limit.0 == *name) {
                goals += &format!("  {name}: {:.0} ms, goal {limit} ms\n", wall * 1e3);
            }
            for (_, each) in self.repeated.iter().filter(|repeated| repeated.0 == *name) {
                goals += &self.each(index, *each);
            }
            table.add_row(std::iter::once((*name).to_owned()).chain(row));
        }
        for column in 1..7 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        format!("{table}\n{goals}\n")
    }

    /// What an arm reached of a goal, as a line; nothing when either has no figure.
    fn against(&self, arm: usize, goal: Goal) -> String {
        let Some(other) = self.arms.iter().position(|arm| arm.name == goal.other) else {
            return String::new();
        };
        let ((wall, cpu), (other_wall, other_cpu)) = (self.medians(arm), self.medians(other));
        let (reached, what) = match goal.of {
            Time::Wall => (wall / other_wall, "time"),
            Time::Cpu => (cpu / other_cpu, "CPU time"),
        };
        if reached.is_nan() {
            return String::new();
        }
        let (name, Goal { other, ratio, .. }) = (self.arms[arm].name, goal);
        format!("  {name}: {reached:.2}x the {what} of {other}, goal {ratio:.2}x\n")
    }

    /// What one repetition takes, as a line.
    fn each(&self, arm: usize, each: Each) -> String {
        let Some(other) = self.arms.iter().position(|arm| arm.name == each.other) else {
            return String::new();
        };
        let milliseconds = (self.medians(arm).0 - self.medians(other).0) * 1e3 / f64::from(each.count);
        let goal = each.goal_ms.map(|goal| format!(", goal {goal} ms")).unwrap_or_default();
        let what = match each.count {
            1 => format!("more than {}", each.other),
            _ => "for each further one".to_owned(),
        };
        format!("  {}: {milliseconds:.1} ms {what}{goal}\n", self.arms[arm].name)
    }

    /// Every run as a JSON line.
    pub fn json_lines(&self, tool: &str) -> String {
        let mut lines = String::new();
        for Runs { name, good: runs, tree, .. } in &self.arms {
            for (round, run) in runs.iter().enumerate() {
                let line = json!({"tool": tool, "work": self.work, "arm": name, "round": round, "wall_s": run.wall, "cpu_s": run.cpu, "peak_mib": run.peak, "tree_mib": tree});
                lines += &format!("{line}\n");
            }
        }
        lines
    }

    fn medians(&self, arm: usize) -> (f64, f64) {
        let runs = &self.arms[arm].good;
        (median(runs.iter().map(|run| run.wall)), median(runs.iter().map(|run| run.cpu)))
    }
}
