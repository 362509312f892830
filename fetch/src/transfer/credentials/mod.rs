//! Who a server is told to be asking: the requester's own login, else the URL's, else that of a netrc file.
//! Must not know protocols.

pub mod netrc;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::source::{Access, Address, Header, Login, Who};
use netrc::Netrc;

/// What a run knows of logins. Has no `Debug`, as it is all secrets.
#[derive(Default)]
pub struct Credentials {
    /// The run's own, from the command line: for every URL that somebody asked for.
    given: Access,
    netrc: Netrc,
}

impl Credentials {
    /// Those of the command line and of a netrc file.
    pub fn new(given: Access, netrc: Netrc) -> Credentials {
        Credentials { given, netrc }
    }

    /// The login for an address that somebody asked for: the request's `own`, the run's, the URL's, or netrc's.
    ///
    /// For an address that a server leads to, `own` is nothing, and so is the run's.
    pub fn login(&self, address: &Address, own: Option<&Access>) -> Option<Login> {
        match self.stated(address, own) {
            // A user alone names one of several at that host.
            Some(Login::Basic { user, password }) if password.is_empty() => {
                let known = self.find(address.host(), Some(&user));
                Some(known.unwrap_or(Login::Basic { user, password }))
            }
            Some(login) => Some(login),
            None => self.for_host(address.host()),
        }
    }

    /// The same without netrc, for protocols that have keys to log in with.
    pub fn stated(&self, address: &Address, own: Option<&Access>) -> Option<Login> {
        let own = own.and_then(|own| own.login.as_ref().or(self.given.login.as_ref()));
        let of_url = || address.credentials().map(|(user, password)| Login::Basic { user, password });
        own.cloned().or_else(of_url)
    }

    /// The further headers for an address that somebody asked for; the request's own stand before the run's.
    pub fn headers<'a>(&'a self, own: &'a Access) -> impl Iterator<Item = &'a Header> {
        let replaced = |given: &&Header| own.headers.iter().any(|header| header.is(given.name()));
        own.headers.iter().chain(self.given.headers.iter().filter(move |given| !replaced(given)))
    }

    /// Who it is that has this login and sends these headers: a user whatever the password, or whoever has a token.
    pub fn who<'a>(login: Option<Login>, headers: impl Iterator<Item = &'a Header>) -> Option<Who> {
        let login = match login {
            Some(Login::Basic { user, password }) if user.is_empty() => format!("\0password\0{password}"),
            Some(Login::Basic { user, .. }) => user,
            Some(Login::Bearer(token)) => format!("\0token\0{token}"),
            None => String::new(),
        };
        let lines =
            headers.map(|header| format!("\0{}\0{}", header.name().to_ascii_lowercase(), header.value()));
        let words = lines.fold(login, |words, line| words + &line);
        (!words.is_empty()).then(|| Who::new(words))
    }

    /// The login that a netrc file has for a host.
    pub fn for_host(&self, host: &str) -> Option<Login> {
        self.find(host, None)
    }

    fn find(&self, host: &str, user: Option<&str>) -> Option<Login> {
        let entry = self.netrc.find(host, user)?;
        let (user, password) = (entry.login.clone(), entry.password.clone());
        (!user.is_empty() || !password.is_empty()).then_some(Login::Basic { user, password })
    }
}

/// Reads the netrc file at `path`.
pub fn read_netrc(path: &Path) -> Result<Netrc, Error> {
    let text =
        std::fs::read_to_string(path).map_err(|cause| Error::Unreadable { path: path.to_owned(), cause })?;
    netrc::parse(&text).map_err(|(line, bad)| Error::BadNetrc { path: path.to_owned(), line, bad })
}

/// Reads the netrc file that is there by custom, at `$NETRC` or `~/.netrc`; none when there is none.
pub fn read_usual_netrc() -> Result<Netrc, Error> {
    let named = std::env::var_os("NETRC").filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(path) = named.or_else(|| Some(std::env::home_dir()?.join(".netrc"))) else {
        return Ok(Netrc::default());
    };
    match read_netrc(&path) {
        Err(Error::Unreadable { cause, .. }) if cause.kind() == ErrorKind::NotFound => Ok(Netrc::default()),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(user: &str, password: &str) -> Login {
        Login::Basic { user: user.into(), password: password.into() }
    }

    #[test]
    fn the_nearest_login_counts() -> Result<(), Box<dyn std::error::Error>> {
        let netrc = "machine h login n password 1\nmachine h login m password 2\nmachine e";
        let netrc = netrc::parse(netrc).map_err(|(_, bad)| bad)?;
        let from_netrc = Credentials::new(Access::default(), netrc.clone());
        let given = Access { login: Some(basic("g", "3")), headers: vec![] };
        let from_flags = Credentials::new(given, netrc);
        let own = Access { login: Some(basic("o", "4")), headers: vec![] };
        let none = Access::default();
        for (credentials, url, own, login) in [
            (&from_flags, "http://u:5@h/", Some(&own), Some(basic("o", "4"))),
            (&from_flags, "http://u:5@h/", Some(&none), Some(basic("g", "3"))),
            (&from_flags, "http://u:5@h/", None, Some(basic("u", "5"))),
            (&from_netrc, "http://u:5@h/", Some(&none), Some(basic("u", "5"))),
            (&from_netrc, "http://n@h/", Some(&none), Some(basic("n", "1"))),
            (&from_netrc, "http://u@h/", Some(&none), Some(basic("u", ""))),
            (&from_netrc, "http://h/", Some(&none), Some(basic("m", "2"))),
            (&from_flags, "http://h/", None, Some(basic("m", "2"))),
            (&from_netrc, "http://e/", Some(&none), None),
            (&from_netrc, "http://other/", Some(&none), None),
        ] {
            assert_eq!(credentials.login(&Address::parse(url)?, own), login, "{url}");
        }
        Ok(())
    }

    #[test]
    fn users_are_told_apart_and_tokens_but_not_the_passwords_of_a_user()
    -> Result<(), Box<dyn std::error::Error>> {
        let who = |login, headers: &[Header]| Credentials::who(login, headers.iter());
        let bearer = |token: &str| Some(Login::Bearer(token.into()));
        let (one, two) = (Header::parse("X-Key: 1")?, Header::parse("X-Key: 2")?);
        let all = [
            who(None, &[]),
            who(Some(basic("a", "1")), &[]),
            who(Some(basic("b", "1")), &[]),
            who(Some(basic("", "1")), &[]),
            who(bearer("1"), &[]),
            who(bearer("2"), &[]),
            who(None, std::slice::from_ref(&one)),
            who(None, &[two]),
            who(bearer("1"), &[one]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
            assert_eq!(one.is_none(), index == 0);
        }
        assert_eq!(who(Some(basic("a", "2")), &[]), all[1]);
        assert_eq!(format!("{:?}", all[4]), "Some(Who(***))");
        Ok(())
    }

    #[test]
    fn a_header_of_the_request_stands_for_that_of_the_run() -> Result<(), Box<dyn std::error::Error>> {
        let header = |line| Header::parse(line);
        let given = Access { login: None, headers: vec![header("x-a: 1")?, header("X-B: 2")?] };
        let credentials = Credentials::new(given, Netrc::default());
        let own = Access { login: None, headers: vec![header("X-A: 3")?] };
        let sent: Vec<_> = credentials.headers(&own).map(|header| (header.name(), header.value())).collect();
        assert_eq!(sent, [("X-A", "3"), ("X-B", "2")]);
        Ok(())
    }
}
