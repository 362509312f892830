//! Wires the call tree: a view where somebody sits at a terminal, else text or records.

use std::io::IsTerminal;

use common::{Exit, Failure, Format, Session};

use super::reports::Answers;
use super::{begin, write, written};
use crate::cli::TreeArgs;
use crate::reduce::calls::{Calls, is_import_system};
use crate::reduce::profile::Profile;
use crate::reduce::tree::{Sited, Tree};
use crate::render::html::KINDS_SHOWN;
use crate::render::tui::tree::Browser;
use crate::render::{tree as text, tui};

pub fn tree(args: &TreeArgs, session: &mut Session) -> Result<Exit, Failure> {
    begin(session)?;
    let answers = Answers::of(&args.input.input, Profile::default(), session)?;
    let symbols = &answers.symbols;
    let kinds = KINDS_SHOWN.map(|at| answers.profile.by_site(at));
    let kinds: [&Sited; 3] = std::array::from_fn(|kind| kinds[kind].as_slice());
    let tree = Tree::new(kinds, symbols, false);
    let kind = KINDS_SHOWN.iter().position(|at| *at == args.at).unwrap_or(0);
    let calls = || Calls::new(&tree, kind, |location| !args.imports && is_import_system(location, symbols));
    let mut output = session.output();
    match session.format {
        Format::Human if watched() => {
            let title = answers.outline.command.join(" ");
            let read_code = |file: &str| {
                let text = std::fs::read(file).ok()?;
                Some(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
            };
            let mut browser = Browser::new(&tree, args.at, symbols, title, &read_code);
            tui::show(&mut browser)
                .map_err(|error| anyhow::Error::new(error).context("the terminal failed"))?;
        }
        Format::Human => {
            let text = text::tree(&calls(), args.at, symbols, session.styles);
            write(&mut output, text.as_bytes())?;
        }
        Format::Jsonl => text::records(&calls(), args.at, symbols)
            .try_for_each(|record| written(output.record(&record)))?,
    }
    Ok(Exit::YES)
}

/// Whether somebody sits there who can press keys.
fn watched() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    std::io::stdout().is_terminal() && std::io::stdin().is_terminal() && !dumb
}
