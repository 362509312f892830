//! netrc files: any text is read or refused with the number of a line that there is; and logins that are quoted are found
//! again as they were, the last of each host.
#![no_main]

use fetch::transfer::credentials::netrc;
use libfuzzer_sys::fuzz_target;

type Login = (String, String, String);

fn quote(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

fuzz_target!(|input: (&str, Vec<Login>)| {
    let (text, logins) = input;
    if let Err((line, _)) = netrc::parse(text) {
        assert!((1..=text.matches('\n').count() + 1).contains(&line), "line {line}");
    }
    let line = |(machine, login, password): &Login| {
        format!("machine {} login {} password {} # a comment\n", quote(machine), quote(login), quote(password))
    };
    let written: String = logins.iter().map(line).collect();
    let Ok(netrc) = netrc::parse(&written) else { panic!("{written:?} is refused") };
    for (host, ..) in &logins {
        let last = logins.iter().rev().find(|(machine, ..)| machine.eq_ignore_ascii_case(host));
        let found = netrc.find(host, None).map(|entry| (&entry.login, &entry.password));
        assert!(found == last.map(|(_, login, password)| (login, password)), "{written:?}");
    }
});
