//! What `pyweb serve` does, for people: where it is, what changed, what went wrong; with `-v` every request.

use std::io::{self, Write};

use common::term::{bytes, duration_us, plain};
use common::{Format, Session};

use crate::events::Record;

/// A record of `pyweb serve`.
pub fn served(session: &Session, record: &Record) -> io::Result<()> {
    if session.format == Format::Jsonl {
        return session.output().record(record);
    }
    let styles = session.styles;
    let mut out = session.output();
    match record {
        Record::ServerStarted { url, path, .. } => {
            writeln!(out, "{} {} {}", styles.accent(url), styles.dim("serves"), plain(&path.path))?;
        }
        Record::SiteChanged { files } if !session.quiet => {
            let shown: Vec<_> = files.iter().take(3).map(|file| plain(file)).collect();
            let more = if files.len() > 3 { format!(" and {} more", files.len() - 3) } else { String::new() };
            writeln!(out, "{} {}{more}", styles.good("changed"), shown.join(", "))?;
        }
        Record::RequestServed { method, path, status, bytes: size, duration_us: time }
            if session.verbose > 0 || (*status >= 400 && !session.quiet) =>
        {
            let shown = if *status >= 400 { styles.warn(status) } else { styles.dim(status) };
            let told = styles.dim(format!("({}, {})", bytes(*size), duration_us(*time)));
            writeln!(out, "{shown} {method} {} {told}", plain(path))?;
        }
        Record::PythonRaised { file, line, message, .. } => {
            let label = styles.bad("python:");
            writeln!(out, "{label} {}:{line}: {}", plain(file), plain(message))?;
        }
        Record::PageRejected { message, hint, .. } => {
            let hint = hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
            session.warn(&plain(&format!("{message}{hint}")));
        }
        _ => {}
    }
    out.flush()
}
