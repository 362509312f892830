//! The envelope that every record travels in, and the three records with which every run is framed.
//! Must not know what any one tool reports. The contract in words is `common/RECORDS.md`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the record contract, on every line as `v`.
pub const VERSION: u32 = 1;

/// One line of output: the envelope's three fields, then the record's own, flat.
///
/// The record must serialize as an object with its tag in `type`, as an enum with
/// `#[serde(tag = "type")]` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope<R> {
    /// [`VERSION`].
    pub v: u32,
    /// The record's place in this run, from 0, without gaps.
    pub seq: u64,
    /// Microseconds since the run began.
    pub at_us: u64,
    /// The record itself.
    #[serde(flatten)]
    pub record: R,
}

/// `<tool>.run.started`: always the first record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// The tool's version.
    pub version: String,
    /// The command line, the program's name first.
    pub argv: Vec<String>,
    /// When the run began: RFC 3339, UTC, to the microsecond.
    pub wall_clock: String,
}

/// `<tool>.run.failed`: the fatal error that ended the run; the same text is on standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFailed {
    /// A stable word for programs.
    pub code: String,
    /// What went wrong, without its causes.
    pub message: String,
    /// The causes, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// `<tool>.run.finished`: always the last record; without it the run was cut short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFinished {
    /// The exit code of the tool.
    pub exit_code: u8,
    /// How many of what the run dealt with, by the tool's own words.
    pub counts: BTreeMap<String, u64>,
    /// Events that were lost on the way; 0 when the records are complete.
    pub dropped: u64,
}

/// Bytes that are not UTF-8 as a path: the readable form, and the exact one in base64 only when needed.
///
/// Flatten it into a record to get `path` and, where the path is not UTF-8, `path_bytes` beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordPath {
    /// The path, with what is not UTF-8 replaced.
    pub path: String,
    /// The exact bytes in base64, where the path is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path_bytes: Option<String>,
}

impl From<&std::path::Path> for RecordPath {
    fn from(path: &std::path::Path) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let exact = path.to_str().is_none();
        RecordPath {
            path: path.to_string_lossy().into_owned(),
            path_bytes: exact.then(|| base64(path.as_os_str().as_bytes())),
        }
    }
}

/// RFC 4648 base64 with padding.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    #[test]
    fn the_envelope_is_flat_and_comes_first() {
        #[derive(Serialize)]
        #[serde(tag = "type")]
        enum Record {
            #[serde(rename = "demo.thing.done")]
            Done { size_bytes: u64 },
        }
        let line = Envelope { v: VERSION, seq: 3, at_us: 7, record: Record::Done { size_bytes: 9 } };
        let text = serde_json::to_string(&line).unwrap_or_default();
        assert_eq!(text, r#"{"v":1,"seq":3,"at_us":7,"type":"demo.thing.done","size_bytes":9}"#);
    }

    #[test]
    fn only_a_path_that_is_not_utf8_carries_its_bytes() {
        assert_eq!(RecordPath::from(Path::new("a/ü")).path_bytes, None);
        let odd = Path::new(std::ffi::OsStr::from_bytes(b"a/\xff"));
        assert_eq!(RecordPath::from(odd).path_bytes.as_deref(), Some("YS//"));
    }
}
