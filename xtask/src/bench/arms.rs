//! What a bench consists of. Must not know how time is measured.

use std::process::Command;

/// One way to do a piece of work: its name and the command that does it.
pub struct Arm {
    /// As the table names it.
    pub name: &'static str,
    /// What to do before each round, outside the measurement.
    pub before: Option<Box<dyn Fn() -> anyhow::Result<()>>>,
    /// The ratio of wall times that it is to reach, and to which arm; said beside the figures.
    pub goals: Vec<(&'static str, f64)>,
    /// The wall time that it is to reach, in milliseconds.
    pub goal_ms: Option<u32>,
    /// Makes the command.
    pub command: Box<dyn Fn() -> Command>,
}

impl Arm {
    /// An arm without preparation.
    pub fn new(name: &'static str, command: impl Fn() -> Command + 'static) -> Arm {
        Arm { name, before: None, goals: Vec::new(), goal_ms: None, command: Box::new(command) }
    }

    /// The same arm, which is to take at most `ratio` times as long as the arm `other`.
    pub fn within(mut self, ratio: f64, other: &'static str) -> Arm {
        self.goals.push((other, ratio));
        self
    }

    /// The same arm, which is to take at most `milliseconds`.
    pub fn within_ms(mut self, milliseconds: u32) -> Arm {
        self.goal_ms = Some(milliseconds);
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
