//! Progress bars on standard error, only where a person watches. Must not know what makes progress.

use std::fmt::Debug;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use indicatif::ProgressBar;
use indicatif::{MultiProgress, ProgressDrawTarget, ProgressStyle};

/// The bars of one run: some for parts under way, and one for the whole.
#[derive(Clone, Debug)]
pub struct Progress {
    bars: MultiProgress,
    view: Arc<Mutex<Option<Arc<dyn View>>>>,
}

/// A tool's own drawing at the bottom of the terminal, which has to make way for lines that are printed.
pub trait View: Debug + Send + Sync {
    /// Take it off the terminal, until [`View::put_back`].
    fn take_off(&self);
    /// Draw it again, below what was printed.
    fn put_back(&self);
}

impl Progress {
    /// Bars that are drawn when `wanted` and standard error is a terminal; else every call is free.
    pub fn new(wanted: bool) -> Self {
        let shown = wanted && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Progress { bars: MultiProgress::with_draw_target(target), view: Arc::default() }
    }

    /// A bar counted in bytes, with speed and time left; `None` while the size is unknown.
    pub fn bytes(&self, label: &str, size: Option<u64>) -> ProgressBar {
        let known = "{msg:32!} {bar:24.green/dim} {binary_bytes:>10} / {binary_total_bytes:<10} {binary_bytes_per_sec:>12} {eta:>4}";
        let unknown = "{msg:32!} {spinner:.green} {binary_bytes:>10} {binary_bytes_per_sec:>12}";
        let bar = match size {
            Some(size) => ProgressBar::new(size).with_style(style(known)),
            None => ProgressBar::new_spinner().with_style(style(unknown)),
        };
        self.add(bar.with_message(label.to_owned()))
    }

    /// A bar counted in things, such as files or tests.
    pub fn count(&self, label: &str, total: u64) -> ProgressBar {
        let bar = ProgressBar::new(total)
            .with_style(style("{msg:32!} {bar:24.green/dim} {pos:>6} / {len:<6} {elapsed:>6}"));
        self.add(bar.with_message(label.to_owned()))
    }

    /// A spinner for work of unknown length.
    pub fn spinner(&self, label: &str) -> ProgressBar {
        let bar = self.add(ProgressBar::new_spinner().with_style(style("{spinner:.green} {msg}")));
        if !self.bars.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        bar.with_message(label.to_owned())
    }

    /// Runs `print` with the bars and the view out of the way, so that its lines and theirs do not mix.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(view) = &view {
            view.take_off();
        }
        let printed = self.bars.suspend(print);
        if let Some(view) = &view {
            view.put_back();
        }
        printed
    }

    /// From now on this view, or none, makes way for what is printed.
    pub fn set_view(&self, view: Option<Arc<dyn View>>) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }

    fn add(&self, bar: ProgressBar) -> ProgressBar {
        self.bars.add(bar)
    }
}

fn style(template: &str) -> ProgressStyle {
    #[expect(clippy::expect_used, reason = "the templates are the constants above")]
    ProgressStyle::with_template(template).expect("a valid progress template").progress_chars("━╸━")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_valid() {
        let progress = Progress::new(false);
        progress.bytes("a", Some(3)).inc(1);
        progress.bytes("b", None).inc(1);
        progress.count("c", 2).inc(1);
        progress.spinner("d").finish_and_clear();
    }
}
