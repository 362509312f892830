//! What a bench consists of. Must not know how time is measured.

use std::path::PathBuf;
use std::process::Command;

/// One way to do a piece of work: its name and the command that does it.
pub struct Arm {
    /// As the table names it.
    pub name: &'static str,
    /// What to do before each round, outside the measurement.
    pub before: Option<Box<dyn Fn() -> anyhow::Result<()>>>,
    /// What it is to reach; said beside the figures.
    pub goals: Vec<Goal>,
    /// The wall time that it is to reach, in milliseconds.
    pub goal_ms: Option<u32>,
    /// What it repeats, where its repetitions are what is asked for.
    pub each: Option<Each>,
    /// A file that it leaves, whose size is said.
    pub leaves: Option<PathBuf>,
    /// Makes the command.
    pub command: Box<dyn Fn() -> Command>,
}

/// At most so many times what another arm takes.
#[derive(Clone, Copy)]
pub struct Goal {
    pub other: &'static str,
    pub ratio: f64,
    pub of: Time,
}

/// What is done so many times more than by another arm, and how long each may take.
#[derive(Clone, Copy)]
pub struct Each {
    pub count: u16,
    pub other: &'static str,
    /// Wall time in milliseconds.
    pub goal_ms: Option<u32>,
}

/// Which time.
#[derive(Clone, Copy)]
pub enum Time {
    /// Elapsed.
    Wall,
    /// Of the processors.
    Cpu,
}

impl Arm {
    /// An arm without preparation.
    pub fn new(name: &'static str, command: impl Fn() -> Command + 'static) -> Arm {
        let command = Box::new(command);
        Arm { name, before: None, goals: Vec::new(), goal_ms: None, each: None, leaves: None, command }
    }

    /// The same arm, which is to take at most `ratio` times as long as the arm `other`.
    pub fn within(mut self, ratio: f64, other: &'static str) -> Arm {
        self.goals.push(Goal { other, ratio, of: Time::Wall });
        self
    }

    /// The same arm, which is to take at most `ratio` times the CPU time of the arm `other`.
    pub fn within_cpu(mut self, ratio: f64, other: &'static str) -> Arm {
        self.goals.push(Goal { other, ratio, of: Time::Cpu });
        self
    }

    /// The same arm, which leaves this file.
    pub fn leaving(mut self, file: PathBuf) -> Arm {
        self.leaves = Some(file);
        self
    }

    /// The same arm, which is to take at most `milliseconds`.
    pub fn within_ms(mut self, milliseconds: u32) -> Arm {
        self.goal_ms = Some(milliseconds);
        self
    }

    /// The same arm, which does `count` times more of what the arm `other` does once, each time within `goal_ms`.
    pub fn repeating(mut self, count: u16, other: &'static str, goal_ms: Option<u32>) -> Arm {
        self.each = Some(Each { count, other, goal_ms });
        self
    }

    /// The same arm, prepared by `before` in each round.
    pub fn after(mut self, before: impl Fn() -> anyhow::Result<()> + 'static) -> Arm {
        self.before = Some(Box::new(before));
        self
    }
}

/// The same work done by several arms; the first is what the others are compared with.
pub struct Work {
    /// As the table's heading says it.
    pub name: String,
    /// The arms, the base first.
    pub arms: Vec<Arm>,
    /// What has to live while the arms run, such as a server.
    pub keep: Vec<Box<dyn std::any::Any>>,
}
