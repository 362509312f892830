//! What requests carry, and through which proxy, out of arguments and environment. Must not know what is got.

use std::path::Path;

use common::Failure;

use crate::cli::AccessArgs;
use crate::error::Error;
use crate::source::{Access, Header, Login};
use crate::transfer::Proxies;
use crate::transfer::credentials::netrc::Netrc;
use crate::transfer::credentials::{read_netrc, read_usual_netrc};

/// The logins of the file that was named, which must be good, or of the usual one.
pub(super) fn netrc(named: Option<&Path>, warnings: &mut Vec<String>) -> Result<Netrc, Error> {
    match named {
        Some(path) => read_netrc(path),
        // Most runs need no login, so that a bad file of somebody else's making must not end them.
        None => Ok(read_usual_netrc().unwrap_or_else(|error| {
            warnings.push(format!("no logins are read: {}", Failure::from(error)));
            Netrc::default()
        })),
    }
}

/// The run's own login and headers. A password is never taken from the command line, which others can read.
pub(super) fn access(args: &AccessArgs, netrc: &Netrc) -> Result<Access, Error> {
    let bad = |bad| Error::BadHeader { bad };
    let mut headers = Vec::new();
    for header in &args.headers {
        match header.strip_prefix('@').map(Path::new) {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })?;
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    headers.push(Header::parse(line).map_err(bad)?);
                }
            }
            None => headers.push(Header::parse(header).map_err(bad)?),
        }
    }
    let Some(user) = args.user.clone() else { return Ok(Access { login: None, headers }) };
    if user.contains(':') {
        return Err(Error::PasswordShown);
    }
    // Without a password here, netrc has one for this user at each host, or else there is none.
    let password = std::env::var("FETCH_PASSWORD").ok();
    if password.is_none() && !netrc.knows(&user) {
        return Err(Error::NoPassword { user });
    }
    Ok(Access { login: Some(Login::Basic { user, password: password.unwrap_or_default() }), headers })
}

/// The proxies given, else those of the environment.
pub(super) fn proxies(given: Option<&str>) -> Result<Proxies, Error> {
    Proxies::new(given, |name| std::env::var(name).ok())
        .map_err(|(origin, bad)| Error::BadProxy { origin, bad })
}
