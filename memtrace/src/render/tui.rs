//! Views that take the whole terminal, and give it back however they end. Must not know what is shown.

pub mod live;
pub mod tree;

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use ratatui::{DefaultTerminal, Frame};

/// What a view makes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Stay,
    /// Give the terminal back.
    Leave,
}

/// A view of the whole terminal.
pub trait View {
    /// Draws it.
    fn draw(&mut self, frame: &mut Frame);
    /// Takes a key.
    fn key(&mut self, key: KeyEvent) -> Next;
    /// Time has passed: true when there is something new to draw.
    fn tick(&mut self) -> bool {
        false
    }
    /// How long to wait for a key before [`View::tick`]; none to wait for keys alone.
    fn every(&self) -> Option<Duration> {
        None
    }
}

/// Shows the view until it is left.
pub fn show(view: &mut impl View) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let shown = keep_showing(view, &mut terminal);
    let restored = ratatui::try_restore();
    shown.and(restored)
}

fn keep_showing(view: &mut impl View, terminal: &mut DefaultTerminal) -> io::Result<()> {
    let mut stale = true;
    loop {
        if std::mem::take(&mut stale) {
            terminal.draw(|frame| view.draw(frame))?;
        }
        if let Some(wait) = view.every()
            && !event::poll(wait)?
        {
            stale = view.tick();
            continue;
        }
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                let interrupted = key.code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL;
                if interrupted || view.key(key) == Next::Leave {
                    return Ok(());
                }
            }
            Event::Resize(..) => {}
            _ => continue,
        }
        stale = true;
    }
}

/// The colours of the views; a terminal without colours shows their other marks.
pub mod look {
    use super::{Color, Modifier, Style};

    /// Titles.
    pub const TITLE: Style = Style::new().add_modifier(Modifier::BOLD);
    /// What may be overlooked.
    pub const DIM: Style = Style::new().add_modifier(Modifier::DIM);
    /// Numbers.
    pub const NUMBER: Style = Style::new().fg(Color::Yellow);
    /// The user's own code.
    pub const MINE: Style = Style::new().fg(Color::Cyan);
    /// What is chosen.
    pub const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);
    /// What was sought.
    pub const FOUND: Style = Style::new().fg(Color::Magenta).add_modifier(Modifier::BOLD);
}

/// A line of words at the top, a line of keys at the bottom, and the room between them. Where the line is too short for
/// all keys, it has the first ones, and the last one, by which the view is left.
pub fn page(frame: &mut Frame, title: Line, keys: &[(&str, &str)]) -> Rect {
    let rows = Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1)]);
    let [top, middle, bottom] = rows.areas(frame.area());
    title.render(top, frame.buffer_mut());
    let room_of = |(key, what): &(&str, &str)| key.chars().count() + what.chars().count() + 5;
    let (last, others) = keys.split_last().map_or((None, keys), |(last, others)| (Some(last), others));
    let mut left = usize::from(bottom.width).saturating_sub(last.map_or(0, room_of));
    let mut fits = |key: &&(&str, &str)| {
        let fits = room_of(key) <= left;
        left = left.saturating_sub(room_of(key));
        fits
    };
    let mut help = Vec::new();
    for (key, what) in others.iter().take_while(|key| fits(key)).chain(last) {
        help.push(Span::styled(format!(" {key} "), look::CHOSEN));
        help.push(Span::styled(format!(" {what}  "), look::DIM));
    }
    Line::from(help).render(bottom, frame.buffer_mut());
    middle
}

/// What fits into a room of so many columns: of a path its end, which says the most.
pub fn end_of(path: &str, room: usize) -> Cow<'_, str> {
    let length = path.chars().count();
    if length <= room {
        return path.into();
    }
    let kept = room.saturating_sub(1);
    let end = path.char_indices().nth(length - kept).map_or("", |(at, _)| &path[at..]);
    format!("…{end}").into()
}

/// Where a list of `length` rows begins, in a room of `height`, to have `chosen` in it.
pub fn scrolled(first: usize, chosen: usize, height: usize) -> usize {
    if chosen < first {
        chosen
    } else if height > 0 && chosen >= first + height {
        chosen + 1 - height
    } else {
        first
    }
}
