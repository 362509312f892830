//! Where requests come from: the command line, a registry file, JSON on standard input.
//! Must not know how a file is got or where it will lie.

pub mod access;
pub mod address;
mod arguments;
mod conceal;
mod documents;
pub mod doi;
mod json;
mod listed;
pub mod object;
mod process;
pub mod registry;
pub mod version;

pub use access::{Access, Header, Login, Who};
pub use address::{Address, BadAddress, decode};
pub use arguments::from_arguments;
pub use conceal::conceal;
pub use json::{Unaddressed, read_json, read_json_as};
pub use listed::{Listed, Registries};
pub use object::Object;
pub use process::{Process, ProcessKind};

use serde_json::{Map, Value};

use crate::error::Error;
use crate::hash::Digest;

/// One file that somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What it is called; as given, so perhaps not fit to be a path.
    pub name: String,
    /// Where it can be got, best first; never empty when it is to be got.
    pub addresses: Vec<Address>,
    /// Whether somebody gave it that name; else it is the end of its URL.
    pub named: bool,
    /// What lets the requester in, at those addresses alone.
    pub access: Access,
    /// Who asks, at each of those addresses; empty as long as nobody has looked, or when it is nobody in particular.
    pub who: Vec<Option<Who>>,
    /// The digest it must have.
    pub expected: Option<Digest>,
    /// The digest that a lock file has for it, which it must have too.
    pub locked: Option<Digest>,
    /// Where below the cache folder it shall lie, when not at a place of the cache's choice.
    pub dest: Option<String>,
    /// What is to be done with it then.
    pub process: Option<Process>,
    /// The requester's own keys, which travel on into the record.
    pub extra: Map<String, Value>,
}

/// All requests of a run.
#[derive(Debug)]
pub enum Requests {
    /// They are known before the first file is got.
    Known(Vec<Request>),
    /// They are those of registries.
    Listed(Listed),
    /// They come as JSON on standard input while files are got.
    StandardInput {
        /// Where those are that have a name and no URL.
        base: Option<Address>,
    },
}

impl Requests {
    /// How many there are, when that is known beforehand.
    pub fn count(&self) -> Option<u64> {
        match self {
            Requests::Known(requests) => Some(requests.len() as u64),
            Requests::Listed(listed) => Some(listed.count()),
            Requests::StandardInput { .. } => None,
        }
    }

    /// Looks at each that is known beforehand, up to the first that will not do.
    pub fn try_each<E>(&self, mut look: impl FnMut(&Request) -> Result<(), E>) -> Result<(), E> {
        match self {
            Requests::Known(requests) => requests.iter().try_for_each(look),
            Requests::Listed(listed) => listed.iter().try_for_each(|request| look(&request)),
            Requests::StandardInput { .. } => Ok(()),
        }
    }

    /// The requests one by one; an error is the last item.
    pub fn into_stream(self) -> Box<dyn Iterator<Item = Result<Request, Error>>> {
        match self {
            Requests::Known(requests) => Box::new(requests.into_iter().map(Ok)),
            Requests::Listed(listed) => Box::new(listed.into_stream().map(Ok)),
            Requests::StandardInput { base } => {
                let unaddressed = base.map_or(Unaddressed::Refused, Unaddressed::Below);
                Box::new(read_json_as(std::io::stdin(), unaddressed))
            }
        }
    }
}

impl Request {
    /// A request for what lies at `address`, named as the address ends.
    pub fn of(address: Address, expected: Option<Digest>) -> Request {
        Request { named: false, ..Request::named(address.file_name(), vec![address], expected) }
    }

    /// A request by a name that somebody gave.
    pub fn named(name: String, addresses: Vec<Address>, expected: Option<Digest>) -> Request {
        Request {
            name,
            addresses,
            named: true,
            access: Access::default(),
            who: Vec::new(),
            expected,
            locked: None,
            dest: None,
            process: None,
            extra: Map::new(),
        }
    }

    /// All digests that are known for it, its own first.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.expected.iter().chain(&self.locked)
    }

    /// Who asks at the address of this number.
    pub fn who(&self, address: usize) -> Option<&Who> {
        self.who.get(address)?.as_ref()
    }

    /// Whether it is known what the file must be.
    pub fn is_pinned(&self) -> bool {
        self.digests().next().is_some()
    }
}
