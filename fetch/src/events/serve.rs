//! The records of `fetch serve`. Must not know how they are shown.

use schemars::JsonSchema;
use serde::Serialize;

/// `fetch.server.started`
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ServerStarted {
    /// Its URL, which ends with a slash.
    pub url: String,
    /// The port it listens at.
    pub port: u16,
    /// The folder it serves: an absolute path.
    pub root: String,
}

/// `fetch.request.served`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RequestServed {
    /// `GET`, `HEAD` or what else the client tried.
    pub method: String,
    /// The path as the client wrote it, without the query.
    pub path: String,
    /// The status of the response.
    pub status: u16,
    /// How many bytes of its body went out: less than it has when the client went away.
    pub bytes: u64,
    /// From the end of the request's head to the last byte handed over.
    pub duration_us: u64,
}
