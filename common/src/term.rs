//! Colours, tables and numbers for people. Must not know what is shown.

use std::borrow::Cow;
use std::fmt::Display;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, Table, presets};

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set; anywhere when `CLICOLOR_FORCE` is
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorChoice {
    /// Whether to colour a stream that is, or is not, a terminal.
    ///
    /// Honours <https://no-color.org> and <https://bixense.com/clicolors>.
    pub fn enabled(self, terminal: bool) -> bool {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        match self {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set("NO_COLOR") => false,
            ColorChoice::Auto if set("CLICOLOR_FORCE") => true,
            ColorChoice::Auto => terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}

/// What somebody else wrote, fit for a line on a terminal: control characters are shown instead of obeyed, and so are those
/// that turn the direction of writing.
pub fn plain(text: &str) -> Cow<'_, str> {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let odd = |c: char| c.is_control() || turns(c);
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if odd(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// The few styles that the tools use; all of them plain when colour is off.
#[derive(Clone, Copy, Debug, Default)]
pub struct Styles {
    color: bool,
}

impl Styles {
    /// Styles that colour, or do not.
    pub fn new(color: bool) -> Self {
        Styles { color }
    }
    /// Whether these styles colour.
    pub fn color(self) -> bool {
        self.color
    }
    /// What went well.
    pub fn good(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }
    /// What went wrong.
    pub fn bad(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }
    /// What needs attention.
    pub fn warn(self, text: impl Display) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }
    /// What a hint is introduced with, and names worth finding.
    pub fn accent(self, text: impl Display) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }
    /// Headings.
    pub fn bold(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), text)
    }
    /// What may be overlooked.
    pub fn dim(self, text: impl Display) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    fn paint(self, style: Style, text: impl Display) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_string() }
    }
}

/// Which way a column leans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words
    Left,
    /// Numbers
    Right,
}

/// Rows in aligned columns without lines, two spaces apart; the header may be empty.
pub fn table(header: &[&str], align: &[Align], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    table.add_rows(rows);
    for (index, align) in align.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((0, 2));
            column.set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A size for people: `0 B`, `1023 B`, `1.5 KiB`, `3.0 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A time for people: `850 µs`, `12 ms`, `3.42 s`, `2m 05s`.
pub fn duration_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..60_000_000 => format!("{}.{:02} s", us / 1_000_000, us / 10_000 % 100),
        _ => format!("{}m {:02}s", us / 60_000_000, us / 1_000_000 % 60),
    }
}

/// A count and its noun: `1 file`, `2 files`.
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_does_not_command_the_terminal() {
        assert_eq!(plain("data ü.csv"), "data ü.csv");
        assert_eq!(plain("a\u{1b}[2J\nb\u{202e}gnp.exe"), "a\\u{1b}[2J\\nb\\u{202e}gnp.exe");
    }

    #[test]
    fn sizes_change_unit_where_they_should() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
    }

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["a".into(), "10".into()], vec!["bcd".into(), "9".into()]];
        assert_eq!(table(&[], &[Align::Left, Align::Right], rows), "a    10\nbcd   9\n");
    }

    #[test]
    fn times_read_well() {
        assert_eq!(duration_us(999), "999 µs");
        assert_eq!(duration_us(3_420_000), "3.42 s");
        assert_eq!(duration_us(125_000_000), "2m 05s");
    }
}
