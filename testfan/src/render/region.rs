//! A few lines at the bottom of what a terminal shows, below everything that was printed, drawn over and over.
//! Must not know what they show.
//!
//! The cursor rests at the beginning of the first line, where a terminal that is resized keeps it: whatever has
//! become of the lines below, clearing from the cursor on takes all of them away. Nothing else of the terminal is
//! changed, no mode and no cursor shape, so there is nothing to restore however the program ends.

use std::io::{self, Write};

use common::writer::Output;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// Between these a terminal that knows how shows nothing half-drawn.
const HOLD: &str = "\u{1b}[?2026h";
const SHOW: &str = "\u{1b}[?2026l";
/// Clears from the beginning of the line to the end of the screen.
const CLEAR: &str = "\r\u{1b}[J";

/// The lines, drawn or not.
#[derive(Clone)]
pub struct Region {
    output: Output,
    drawn: bool,
}

impl Region {
    /// Nothing is drawn yet; the cursor must be at the beginning of a line.
    pub fn new(output: Output) -> Self {
        Region { output, drawn: false }
    }

    /// Draws the lines of `buffer` in place of those that are there.
    pub fn draw(&mut self, buffer: &Buffer) -> io::Result<()> {
        let lines: Vec<String> = (0..buffer.area.height).map(|y| line(buffer, y)).collect();
        let up = if lines.len() > 1 { format!("\u{1b}[{}A", lines.len() - 1) } else { String::new() };
        self.drawn = true;
        self.write(&format!("{HOLD}{CLEAR}{}{up}\r{SHOW}", lines.join("\r\n")))
    }

    /// Leaves the terminal as if nothing had been drawn.
    pub fn erase(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.drawn) { self.write(CLEAR) } else { Ok(()) }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }
}

/// One line as a terminal gets it, without the blanks at its end.
fn line(buffer: &Buffer, y: u16) -> String {
    let cells: Vec<_> = (0..buffer.area.width).map(|x| &buffer[(x, y)]).collect();
    let end = cells.iter().rposition(|cell| cell.symbol() != " ").map_or(0, |last| last + 1);
    let mut text = String::new();
    let mut styled = false;
    let mut style = Style::reset();
    let mut x = 0;
    while x < end {
        let cell = cells[x];
        if cell.style() != style {
            style = cell.style();
            let code = sgr(style);
            if styled {
                text += "\u{1b}[0m";
            }
            styled = !code.is_empty();
            if styled {
                text += &format!("\u{1b}[{code}m");
            }
        }
        text += cell.symbol();
        // A wide character covers the next cell too.
        x += ratatui::text::Span::raw(cell.symbol()).width().max(1);
    }
    if styled { text + "\u{1b}[0m" } else { text }
}

/// The parameters of "select graphic rendition" (ECMA-48, 8.3.117), for the styles of the view.
fn sgr(style: Style) -> String {
    let mut codes = Vec::new();
    if style.add_modifier.contains(Modifier::BOLD) {
        codes.push("1");
    }
    if style.add_modifier.contains(Modifier::DIM) {
        codes.push("2");
    }
    codes.extend(match style.fg {
        Some(Color::Red) => Some("31"),
        Some(Color::Green) => Some("32"),
        Some(Color::Yellow) => Some("33"),
        Some(Color::Cyan) => Some("36"),
        _ => None,
    });
    codes.join(";")
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn a_line_has_its_styles_and_no_blanks_behind() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        buffer.set_string(1, 0, "ok", Style::new().fg(Color::Green));
        buffer.set_string(4, 0, "日", Style::new());
        buffer.set_string(6, 0, "x", Style::new().add_modifier(Modifier::BOLD));
        assert_eq!(line(&buffer, 0), " \u{1b}[32mok\u{1b}[0m 日\u{1b}[1mx\u{1b}[0m");
    }
}
