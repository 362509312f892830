//! The command line as it may be shown: URLs, headers and logins without what is secret in them.
//! Must not know what the arguments ask for.

use super::Address;
use super::address::is_secret;

/// Stands for a secret.
const HIDDEN: &str = "***";

/// What the value of an option is, where it may hold a secret.
#[derive(Clone, Copy)]
enum Kind {
    Header,
    User,
    Proxy,
}

/// All arguments as they may be shown.
pub fn conceal(argv: &[String]) -> Vec<String> {
    let mut before = None;
    let mut shown = Vec::with_capacity(argv.len());
    for argument in argv {
        shown.push(match before.take() {
            Some(kind) => value(kind, argument),
            None => one(argument),
        });
        before = kind(argument);
    }
    shown
}

/// An argument that is no option's value: a URL, or an option with its value in one.
fn one(argument: &str) -> String {
    let is_option = |option: &str| option.starts_with("--") && !option.contains([':', '/', '@']);
    let long = argument.split_once('=').filter(|(option, _)| is_option(option));
    if let Some((option, text)) = long {
        let text = kind(option).map_or_else(|| url(text), |kind| value(kind, text));
        return format!("{option}={text}");
    }
    let short = argument.split_at_checked(2).filter(|(_, text)| !text.is_empty());
    match short.and_then(|(option, text)| Some((option, kind(option)?, text))) {
        Some((option, kind, text)) => format!("{option}{}", value(kind, text)),
        None => url(argument),
    }
}

fn kind(option: &str) -> Option<Kind> {
    match option {
        "--header" | "-H" => Some(Kind::Header),
        "--user" | "-u" => Some(Kind::User),
        "--proxy" | "-x" => Some(Kind::Proxy),
        _ => None,
    }
}

fn value(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Header if text.starts_with('@') => text.to_owned(),
        Kind::Header => match text.split_once(':') {
            Some((name, _)) => format!("{name}: {HIDDEN}"),
            None => HIDDEN.to_owned(),
        },
        Kind::User => match text.split_once(':') {
            Some((name, _)) => format!("{name}:{HIDDEN}"),
            None => text.to_owned(),
        },
        Kind::Proxy if text.contains("//") => url(text),
        // A proxy may be given without its protocol.
        Kind::Proxy => text.rsplit_once('@').map_or(text, |(_, host)| host).to_owned(),
    }
}

/// A URL without its secrets; anything else as it is.
fn url(text: &str) -> String {
    match Address::parse(text) {
        Ok(address) if address.is_plain() => text.to_owned(),
        Ok(address) => address.to_string(),
        Err(_) => conceal_text(text),
    }
}

/// A text that is no URL, or was meant to be one, as it may be shown: rather too much is left out than too little, as
/// nobody can tell what its parts were to be.
pub(super) fn conceal_text(text: &str) -> String {
    let scheme = text.find(':').map(|colon| colon + 1).into_iter().chain(text.find("//")).min();
    let user = scheme.zip(text.rfind('@')).filter(|(start, at)| start <= at);
    let shown = match user {
        Some((start, at)) => {
            let slashes = text[start..at].chars().take_while(|one| *one == '/').count();
            format!("{}{}", &text[..start + slashes], &text[at + 1..])
        }
        None => text.to_owned(),
    };
    let conceal_pair = |pair: &str| match pair.split_once('=') {
        Some((key, value)) if is_secret(&plain_key(key)) => {
            let end = value.chars().next_back().filter(|end| DELIMITERS.contains(end));
            format!("{key}=***{}", end.map(String::from).unwrap_or_default())
        }
        _ => pair.to_owned(),
    };
    shown.split_inclusive(DELIMITERS).map(conceal_pair).collect()
}

/// What parts the pairs of a query from one another and from what stands around them.
const DELIMITERS: [char; 3] = ['?', '&', '#'];

/// The key of a query as a server would read it: without percent-encoding, and without what the parser of URLs drops.
fn plain_key(key: &str) -> String {
    let key = key.replace(['\t', '\n', '\r'], "");
    url::form_urlencoded::parse(key.as_bytes()).map(|(key, _)| key.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown_and_all_else_is() {
        for (given, shown) in [
            ("get ht!tp://me:pw@host/x", "get ht!tp://host/x"),
            ("get http://me:pw@host/x http://host", "get http://host/x http://host"),
            ("--base-url=http://me:pw@host/x?sig=1", "--base-url=http://host/x?sig=***"),
            ("--base-url http://me:pw@host/", "--base-url http://host/"),
            ("--header X-Token:pw -", "--header X-Token: *** -"),
            ("-HX-Token:pw --header=X-Token:pw", "-HX-Token: *** --header=X-Token: ***"),
            ("-H pw -H @file", "-H *** -H @file"),
            ("-u me:pw --user=me:pw --user me", "-u me:*** --user=me:*** --user me"),
            ("--proxy me:pw@host:3128", "--proxy host:3128"),
            ("--proxy=http://me:pw@host:3128", "--proxy=http://host:3128/"),
            ("--jobs=3 - a=b -r x -qv", "--jobs=3 - a=b -r x -qv"),
            ("s3://id:se/cret@bucket/key s3://bucket", "s3://bucket/key s3://bucket"),
            ("az://account/c/b?sv=2021&sig=abc", "az://account/c/b"),
            ("s3://bucket/a#c%20@", "s3://bucket/a#c%20@"),
        ] {
            let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(conceal(&words(given)).join(" "), shown);
        }
    }

    #[test]
    fn what_is_no_url_shows_rather_too_little() {
        // A port too high, no host, a password with the end of a host in it.
        for text in [
            "http:/me:pw@h:99999/",
            "https://?a&token=pw",
            "http:\\\\me:pw@h:99999",
            "http://me:p?pw@h",
            "//pw@h",
            "--://:pw@h=1",
        ] {
            let shown = conceal(&[text.to_owned()]).concat();
            assert!(!shown.contains("pw"), "{shown}");
            let bad = Address::parse(text).err();
            assert!(bad.is_some_and(|bad| !bad.to_string().contains("pw")), "{text}");
        }
    }
}
