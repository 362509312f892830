//! One FTP connection: login, questions about a file, its transfer. Must not know other connections.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use suppaftp::rustls::{self, ClientConfig};
use suppaftp::types::{FileType, Response};
use suppaftp::{Encoding, FtpError, FtpResult, Mode, RustlsFtpStream, Status, TransferStream};

use super::tls::{Connector, TlsStream};
use super::{Security, Target};
use crate::error::Problem;
use crate::transfer::http::{CONNECT, SILENCE};
use crate::transfer::remote::{Login, RemoteProblem};

/// The port of FTP.
pub const PORT: u16 = 21;
/// The port where a connection begins with TLS.
const TLS_PORT: u16 = 990;
/// Who logs in for what is public, by RFC 1635, and what ftplib gives as his password.
const ANONYMOUS: (&str, &str) = ("anonymous", "anonymous@");
/// The control connection says nothing during a transfer; routers forget it unless it does this often.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// A connection that is logged in.
pub struct Session {
    ftp: RustlsFtpStream,
    login: Login,
    /// Whether a file was got with the mode that is set.
    mode_works: bool,
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub enum Trouble {
    /// The connection is of no more use.
    Lost(Problem),
    /// The server says that it closes the connection.
    Closing(String),
    /// The server said no; the connection is as good as before.
    Reply {
        /// Its reply's number.
        status: Status,
        /// Its words.
        text: String,
    },
}

impl Session {
    /// Connects and logs in.
    pub fn connect(target: &Target, tls: Option<&ClientConfig>) -> Result<Session, Trouble> {
        let login = target.login.clone();
        let trouble = |error| Trouble::new(&login, error);
        let mut last = no_address(&login);
        let port = login.port.unwrap_or(if target.security == Security::Implicit { TLS_PORT } else { PORT });
        let addresses = (login.host.as_str(), port).to_socket_addrs();
        for address in addresses.map_err(FtpError::ConnectionError).map_err(trouble)? {
            match greet(address, &login.host, target.security, tls) {
                Ok(ftp) => {
                    let mut session = Session { ftp, login: login.clone(), mode_works: false };
                    session.log_in().map_err(trouble)?;
                    return Ok(session);
                }
                Err(FtpError::ConnectionError(error)) => last = FtpError::ConnectionError(error),
                Err(error) => return Err(trouble(error)),
            }
        }
        Err(trouble(last))
    }

    fn log_in(&mut self) -> FtpResult<()> {
        self.ftp.set_encoding(Octets);
        let anonymous = || (ANONYMOUS.0.to_owned(), ANONYMOUS.1.to_owned());
        let (user, password) = self.login.credentials.clone().unwrap_or_else(anonymous);
        self.ftp.login(octets(user.as_bytes()), octets(password.as_bytes()))?;
        self.ftp.transfer_type(FileType::Binary)?;
        self.ftp.set_mode(Mode::ExtendedPassive);
        self.ftp.set_passive_nat_workaround(true);
        Ok(())
    }

    /// The size of a file in bytes, where the server says it.
    pub fn size(&mut self, path: &str) -> Result<Option<u64>, Trouble> {
        let size = self.ask(&format!("SIZE {path}"))?;
        Ok(size.and_then(|size| size.parse().ok()))
    }

    /// When a file was written, as the server writes it: digits, by RFC 3659.
    pub fn modified(&mut self, path: &str) -> Result<Option<String>, Trouble> {
        let time = self.ask(&format!("MDTM {path}"))?;
        Ok(time.filter(|time| time.starts_with(|c: char| c.is_ascii_digit())))
    }

    /// The answer to a question that a server need not understand.
    fn ask(&mut self, command: &str) -> Result<Option<String>, Trouble> {
        match self.ftp.custom_command(command, &[Status::File]) {
            Ok(reply) => Ok(text(&reply).split_whitespace().nth(1).map(str::to_owned)),
            Err(error) => match Trouble::new(&self.login, error) {
                Trouble::Reply { .. } => Ok(None),
                trouble => Err(trouble),
            },
        }
    }

    /// Begins to get a file, from byte `from` on.
    pub fn retrieve(&mut self, path: &str, from: u64) -> Result<TransferStream<TlsStream>, Trouble> {
        let retrieve = |ftp: &mut RustlsFtpStream| {
            ftp.resume_transfer(usize::try_from(from).unwrap_or(usize::MAX))?;
            ftp.retr_as_stream(path)
        };
        let begun = match retrieve(&mut self.ftp) {
            // Not every server has EPSV of RFC 2428, and whether it was that which it refused does not show.
            Err(first @ FtpError::UnexpectedResponse(_)) if !self.mode_works => {
                self.ftp.set_mode(Mode::Passive);
                retrieve(&mut self.ftp).map_err(|_| {
                    self.ftp.set_mode(Mode::ExtendedPassive);
                    first
                })
            }
            begun => begun,
        };
        self.mode_works |= begun.is_ok();
        begun.map_err(|error| Trouble::new(&self.login, error))
    }

    /// Hears from the server that a transfer is over and was whole.
    pub fn confirm(&mut self, data: TransferStream<TlsStream>) -> io::Result<()> {
        data.finish().map_err(|error| io::Error::other(Trouble::new(&self.login, error).words()))
    }

    /// Closes the connection on the spot, so that nobody waits for a reply.
    pub fn hang_up(&self) {
        // Fails only when it is closed already.
        let _ = self.ftp.get_ref().shutdown(Shutdown::Both);
    }
}

impl Trouble {
    fn new(login: &Login, error: FtpError) -> Trouble {
        let host = &login.host;
        match error {
            FtpError::UnexpectedResponse(reply) => {
                let (status, text) = (reply.status, login.presentable(&text(&reply)));
                if status == Status::NotAvailable {
                    return Trouble::Closing(text);
                }
                Trouble::Reply { status, text }
            }
            FtpError::ConnectionError(error) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
                if let Some(rustls::Error::InvalidCertificate(why)) = inner {
                    let cause = login.presentable(&why.to_string());
                    return Trouble::Lost(RemoteProblem::Certificate { host: host.clone(), cause }.into());
                }
                let cause = match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => "no answer in time".to_owned(),
                    _ => error.to_string(),
                };
                Trouble::Lost(Problem::Connection(format!("{host}: {cause}")))
            }
            other => Trouble::Lost(Problem::Connection(format!(
                "{host}: {}",
                login.presentable(&other.to_string())
            ))),
        }
    }

    /// Whether it may come from too many connections: some servers say so in words, some just hang up.
    pub fn may_be_a_limit(&self) -> bool {
        match self {
            Trouble::Closing(_) => true,
            Trouble::Reply { status, .. } => *status == Status::NotLoggedIn,
            Trouble::Lost(problem) => matches!(problem, Problem::Connection(_)),
        }
    }

    /// What it means when it came from logging in.
    pub fn about_login(self, login: &Login) -> Problem {
        let host = login.host.clone();
        match self {
            Trouble::Reply { status, text: reply } if permanent(status) => {
                RemoteProblem::Refused { host, reply }.into()
            }
            trouble => trouble.other(host),
        }
    }

    /// What it means when it came from asking for a file.
    pub fn about_file(self, login: &Login) -> Problem {
        let host = login.host.clone();
        match self {
            Trouble::Reply { status: Status::FileUnavailable | Status::BadFilename, text: reply } => {
                RemoteProblem::NoFile { host, reply }.into()
            }
            Trouble::Reply { status: Status::NotLoggedIn, text: reply } => {
                RemoteProblem::Refused { host, reply }.into()
            }
            trouble => trouble.other(host),
        }
    }

    fn other(self, host: String) -> Problem {
        match self {
            Trouble::Lost(problem) => problem,
            Trouble::Closing(reply) => RemoteProblem::Reply { host, reply, passing: true }.into(),
            Trouble::Reply { status, text: reply } => {
                RemoteProblem::Reply { host, reply, passing: !permanent(status) }.into()
            }
        }
    }

    fn words(self) -> String {
        match self {
            Trouble::Lost(problem) => problem.to_string(),
            Trouble::Closing(text) | Trouble::Reply { text, .. } => text,
        }
    }
}

/// Connects, secures the connection as told, and hears the server's greeting.
fn greet(
    address: SocketAddr,
    host: &str,
    security: Security,
    tls: Option<&ClientConfig>,
) -> FtpResult<RustlsFtpStream> {
    let ftp = match (security, tls.map(Connector::new)) {
        (Security::Implicit, Some(tls)) => {
            let mut ftp = connect_implicit(address, host, tls)?;
            // By RFC 4217, section 9: without these the files would be plain.
            ftp.custom_command("PBSZ 0", &[Status::CommandOk])?;
            ftp.custom_command("PROT P", &[Status::CommandOk])?;
            ftp
        }
        (Security::Explicit, Some(tls)) => {
            RustlsFtpStream::connect_with_stream(connect(address)?)?.into_secure(tls, host)?
        }
        _ => RustlsFtpStream::connect_with_stream(connect(address)?)?,
    };
    Ok(ftp.passive_stream_builder(connect))
}

/// suppaftp makes this connection itself and waits for it as long as the system does. So a thread does that, which is left
/// to itself when it takes too long.
fn connect_implicit(address: SocketAddr, host: &str, tls: Connector) -> FtpResult<RustlsFtpStream> {
    let (reached, host) = (tls.reached(), host.to_owned());
    let (sender, made) = mpsc::channel();
    let connect = move || {
        // Nobody listens any more when it took too long.
        let _ = sender.send(RustlsFtpStream::connect_secure_implicit(address, tls, &host));
    };
    thread::Builder::new().name("ftps".to_owned()).spawn(connect).map_err(FtpError::ConnectionError)?;
    let late = |_| FtpError::ConnectionError(ErrorKind::TimedOut.into());
    match made.recv_timeout(CONNECT) {
        // From here on the connection has limits of its own.
        Err(RecvTimeoutError::Timeout) if reached.load(Ordering::Acquire) => {
            made.recv().map_err(|_| late(RecvTimeoutError::Disconnected))?
        }
        made => made.map_err(late)?,
    }
}

fn connect(address: SocketAddr) -> FtpResult<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, CONNECT).and_then(with_timeouts);
    stream.map_err(FtpError::ConnectionError)
}

/// A connection that does not wait for ever.
pub fn with_timeouts(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
    rustix::net::sockopt::set_tcp_keepidle(&stream, KEEPALIVE)?;
    Ok(stream)
}

fn no_address(login: &Login) -> FtpError {
    FtpError::ConnectionError(io::Error::new(ErrorKind::NotFound, format!("{} has no address", login.host)))
}

fn permanent(status: Status) -> bool {
    status.code() >= 500 || status == Status::InvalidCredentials
}

/// A reply's words, whatever their encoding.
fn text(reply: &Response) -> String {
    String::from_utf8_lossy(&reply.body).trim().to_owned()
}

/// Bytes as text with one character for each: what [`Octets`] turns back into the same bytes.
pub fn octets(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Names on the server are the bytes of the URL, whatever they mean there.
#[derive(Debug)]
struct Octets;

impl Encoding for Octets {
    fn decode(&self, bytes: &[u8]) -> String {
        octets(bytes)
    }

    fn encode(&self, text: &str) -> io::Result<Vec<u8>> {
        let byte = |c| u8::try_from(c).map_err(|_| io::Error::from(ErrorKind::InvalidInput));
        text.chars().map(byte).collect()
    }
}
