//! A capture that is written on another machine: its pieces over a TCP connection, into a file here. Nothing on the
//! way is secret or checked: the listener is for this machine alone unless another address is asked for.
//!
//! After a line of greeting come pieces: where in the file (u64) and how long (u32, both little-endian), then the bytes.
//! An empty one says that what came so far belongs together; it is at 1 where the program has ended, else at 0.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::error::Error;
use crate::source::capture::Mirror;

const GREETING: &[u8] = b"memtrace live 1\n";
/// How often viewers hear of the program.
const EVERY: Duration = Duration::from_millis(250);
/// How often it is looked whether somebody comes.
const LOOK: Duration = Duration::from_millis(50);
/// For so long a viewer waits for the next word.
const PATIENCE: Duration = Duration::from_secs(30);
/// No piece is longer, none lies further back in a file.
const LONGEST: u32 = 1 << 30;
const FURTHEST: u64 = 1 << 46;

/// Waits for viewers of the capture at `path`.
pub struct Server {
    listener: TcpListener,
    /// Where it can be reached.
    pub address: String,
}

impl Server {
    /// Listens at `HOST:PORT`, or on a port of this machine.
    pub fn bind(address: &str) -> Result<Server, Error> {
        let address = with_host(address);
        let failed = |cause| Error::Connection { address: address.clone(), cause };
        let listener = TcpListener::bind(&address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?.to_string();
        Ok(Server { listener, address })
    }

    /// Serves everybody who comes, until the program has ended and all who came have heard of it.
    pub fn serve(self, path: &Path) -> Result<(), Error> {
        let mut viewers: Vec<JoinHandle<()>> = Vec::new();
        let mut own = Mirror::open(path)?;
        let read = |cause| Error::Read { path: path.to_owned(), cause };
        loop {
            viewers.retain(|viewer| !viewer.is_finished());
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let mirror = Mirror::open(path)?;
                    // Whoever leaves is not missed.
                    viewers.push(std::thread::spawn(move || drop(tell(mirror, &stream))));
                }
                Err(_) if viewers.is_empty() && own.changes(&mut |_, _| Ok(())).map_err(read)? => {
                    return Ok(());
                }
                Err(_) => std::thread::sleep(LOOK),
            }
        }
    }
}

fn tell(mut mirror: Mirror, stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    let mut out = BufWriter::new(stream);
    out.write_all(GREETING)?;
    loop {
        let ended = mirror.changes(&mut |at, bytes| piece(&mut out, at, bytes))?;
        piece(&mut out, u64::from(ended), &[])?;
        out.flush()?;
        if ended {
            return Ok(());
        }
        std::thread::sleep(EVERY);
    }
}

fn piece(out: &mut impl Write, at: u64, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    if length == 0 && at > 1 {
        return Ok(());
    }
    out.write_all(&at.to_le_bytes())?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(bytes)
}

/// A capture that grows here as it does there.
pub struct Remote {
    file: NamedTempFile,
    failure: Arc<OnceLock<io::Error>>,
    address: String,
}

impl Remote {
    /// Connects to a [`Server`] and waits for what there is so far.
    pub fn connect(address: &str) -> Result<Remote, Error> {
        let address = with_host(address);
        let failed = |cause| Error::Connection { address: address.clone(), cause };
        let stream = TcpStream::connect(&address).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        let file = NamedTempFile::with_prefix("memtrace-live-").map_err(failed)?;
        let mut hearer = Hearer { stream: BufReader::new(stream), file: file.reopen().map_err(failed)? };
        let mut greeting = [0; GREETING.len()];
        hearer.stream.read_exact(&mut greeting).map_err(failed)?;
        if greeting != GREETING {
            return Err(failed(io::Error::other("there is no `memtrace live --listen`")));
        }
        let mut ended = hearer.hear().map_err(failed)?;
        let failure = Arc::new(OnceLock::new());
        let failed = Arc::clone(&failure);
        std::thread::spawn(move || {
            while !ended {
                match hearer.hear() {
                    Ok(now_ended) => ended = now_ended,
                    // It is the first, and set once.
                    Err(error) => return drop(failed.set(error)),
                }
            }
        });
        Ok(Remote { file, failure, address })
    }

    /// Where it comes from.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// The capture as it is here.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Says why nothing more will come, where that is not the program's end.
    pub fn check(&self) -> Result<(), Error> {
        match self.failure.get() {
            Some(failure) => {
                let cause = io::Error::new(failure.kind(), failure.to_string());
                Err(Error::Connection { address: self.address.clone(), cause })
            }
            None => Ok(()),
        }
    }
}

struct Hearer {
    stream: BufReader<TcpStream>,
    file: std::fs::File,
}

impl Hearer {
    /// Takes pieces until they belong together; true where the program has ended.
    fn hear(&mut self) -> io::Result<bool> {
        loop {
            let (mut at, mut length) = ([0; 8], [0; 4]);
            self.stream.read_exact(&mut at)?;
            self.stream.read_exact(&mut length)?;
            let (at, length) = (u64::from_le_bytes(at), u32::from_le_bytes(length));
            if length == 0 {
                return Ok(at == 1);
            }
            if length > LONGEST || at > FURTHEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut bytes = Vec::new();
            self.stream.by_ref().take(length.into()).read_to_end(&mut bytes)?;
            if bytes.len() < length as usize {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.file.write_all_at(&bytes, at)?;
        }
    }
}

fn with_host(address: &str) -> String {
    if address.contains(':') { address.to_owned() } else { format!("127.0.0.1:{address}") }
}
