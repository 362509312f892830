//! The command line of this process as other users of the machine see it in `/proc/PID/cmdline`.
//! Must not know which arguments are secret.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

/// Puts `shown` in the place of each argument from which it differs, cut to its length.
///
/// The arguments lie one behind the other, each with a NUL, between two addresses that `/proc/self/stat` names.
/// They are written through `/proc/self/mem`, where a wrong address is an error and never a crash. Call it before
/// there is a second thread; [`std::env::args_os`] gives what was put there from then on.
pub fn rewrite(args: &[OsString], shown: &[String]) -> io::Result<()> {
    let (from, to) = place(&std::fs::read_to_string("/proc/self/stat")?).ok_or(ErrorKind::Unsupported)?;
    let memory = OpenOptions::new().read(true).write(true).open("/proc/self/mem")?;
    let expected: Vec<u8> = args.iter().flat_map(|arg| [arg.as_bytes(), b"\0"].concat()).collect();
    let mut there = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(0).min(expected.len())];
    memory.read_exact_at(&mut there, from)?;
    if there != expected {
        return Err(ErrorKind::Unsupported.into());
    }
    let mut at = from;
    for (arg, shown) in args.iter().zip(shown) {
        let length = arg.len();
        if arg.as_bytes() != shown.as_bytes() {
            let mut bytes = shown.clone().into_bytes();
            bytes.resize(length, 0);
            memory.write_all_at(&bytes, at)?;
        }
        at += length as u64 + 1;
    }
    Ok(())
}

/// Fields 48 and 49 of `proc_pid_stat(5)`, `arg_start` and `arg_end`, counted behind the name in parentheses.
fn place(stat: &str) -> Option<(u64, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(48 - 3);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_name_with_parentheses_and_spaces_shifts_no_field() {
        let fields: Vec<String> = (3..=52).map(|field| field.to_string()).collect();
        let stat = format!("7 (odd) name) {}", fields.join(" "));
        assert_eq!(place(&stat), Some((48, 49)));
        assert_eq!(place("7 (short) S 1"), None);
    }
}
