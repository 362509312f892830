//! Plain HTTP through a proxy, which wants the whole URL in the request line: RFC 9112, section 3.2.2.
//! ureq asks every proxy for a tunnel, which many give for port 443 alone. Must not know which proxy it is.

use std::io::{Error as IoError, ErrorKind};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Turns the request lines of a connection to a proxy into those that it wants.
#[derive(Debug)]
pub struct Forward;

/// A connection to a proxy, for requests without a body to one host.
#[derive(Debug)]
pub struct Forwarded<T> {
    connection: T,
    /// What stands before the path: `http://host:port`.
    origin: String,
    /// Whether the next bytes begin a request.
    begins: bool,
}

impl<In: Transport> Connector<In> for Forward {
    type Out = Forwarded<In>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let authority = details.uri.authority().map(ToString::to_string).unwrap_or_default();
        let forwarded =
            |connection| Forwarded { connection, origin: format!("http://{authority}"), begins: true };
        Ok(chained.map(forwarded))
    }
}

impl<T: Transport> Transport for Forwarded<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.connection.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut amount = amount;
        if self.begins {
            let origin = self.origin.as_bytes();
            let output = self.connection.buffers().output();
            let method = output[..amount].iter().position(|byte| *byte == b' ');
            let whole = amount + origin.len();
            let (Some(space), true) = (method, whole <= output.len()) else {
                return Err(IoError::from(ErrorKind::InvalidInput).into());
            };
            output.copy_within(space + 1..amount, space + 1 + origin.len());
            output[space + 1..][..origin.len()].copy_from_slice(origin);
            amount = whole;
            self.begins = false;
        }
        self.connection.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.begins = true;
        self.connection.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.connection.is_open()
    }

    fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }
}
