//! What can go wrong with a DOI. Must not know who asked.

use std::sync::Arc;

use common::Explain;

use crate::error::Problem;

/// How many names a hint lists.
const LISTED: usize = 5;

/// Why a `doi:` address gives no file.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum DoiProblem {
    #[error("{resolver} knows no DOI {doi}")]
    Unknown { doi: String, resolver: String },
    #[error("{host} has no public record with the DOI {doi}")]
    NoRecord { doi: String, host: String },
    #[error(
        "the DOI {doi} leads to {host}, which is neither Zenodo, figshare, a Dataverse nor an InvenioRDM"
    )]
    Repository { doi: String, host: String },
    #[error("{host} does not let everybody have the files of {doi}{}", in_brackets(*status))]
    Restricted { doi: String, host: String, status: Option<u16> },
    #[error("no name of a file stands behind the DOI {doi}")]
    NoName { doi: String, names: Vec<String> },
    /// `names`: all of the record, nearest first.
    #[error("the record {doi} has no file {name:?}")]
    NoFile { doi: String, name: String, names: Vec<String> },
    #[error("{host} did not tell what the DOI stands for")]
    Unanswered {
        host: String,
        #[source]
        cause: Arc<Problem>,
    },
    #[error("the answer of {host} is not as expected: {bad}")]
    BadAnswer { host: String, bad: BadAnswer },
}

/// What is wrong with an answer about a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// It is no JSON, or JSON without what must be there.
    #[error("{0}")]
    Json(String),
    /// A file of the record has no address that can be got.
    #[error("{name:?} has no link, or none that can be got")]
    Link {
        /// The file.
        name: String,
    },
    /// It says that the files are not for everybody.
    #[error("the files are restricted")]
    Restricted,
    /// The DOI's resolver sends nowhere.
    #[error("it is no redirect")]
    NoRedirect,
    /// It has no body.
    #[error("it has no body")]
    NoBody,
    /// It is longer than any should be.
    #[error("it is longer than 64 MiB")]
    TooLong,
}

impl From<serde_json::Error> for BadAnswer {
    fn from(error: serde_json::Error) -> Self {
        BadAnswer::Json(error.to_string())
    }
}

impl DoiProblem {
    /// For a service that could not be asked, or refused to say.
    pub fn unanswered(host: String, cause: Problem) -> DoiProblem {
        DoiProblem::Unanswered { host, cause: Arc::new(cause) }
    }

    /// True when another attempt may go better.
    pub fn is_transient(&self) -> bool {
        matches!(self, DoiProblem::Unanswered { cause, .. } if cause.is_transient())
    }
}

impl Explain for DoiProblem {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            DoiProblem::Unknown { .. } => "check the DOI: doi:10.PREFIX/SUFFIX/NAME",
            DoiProblem::NoRecord { .. } => "see whether the record was withdrawn or is not yet published",
            DoiProblem::Repository { .. } => "give the file's own URL",
            DoiProblem::Restricted { .. } => "ask its owners for access, then give the file's own URL",
            DoiProblem::NoName { names, .. } | DoiProblem::NoFile { names, .. } => return Some(list(names)),
            DoiProblem::Unanswered { cause, .. } => return cause.hint(),
            DoiProblem::BadAnswer { .. } => "its API may have changed; give the file's own URL",
        };
        Some(hint.to_owned())
    }

    fn code(&self) -> &'static str {
        match self {
            DoiProblem::Unknown { .. }
            | DoiProblem::NoRecord { .. }
            | DoiProblem::NoName { .. }
            | DoiProblem::NoFile { .. } => "not_found",
            DoiProblem::Repository { .. } => "unknown_repository",
            DoiProblem::Restricted { .. } => "access_denied",
            DoiProblem::Unanswered { cause, .. } => cause.code(),
            DoiProblem::BadAnswer { .. } => "bad_answer",
        }
    }
}

fn in_brackets(status: Option<u16>) -> String {
    status.map(|status| format!(" (HTTP {status})")).unwrap_or_default()
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "the record has no files".to_owned();
    }
    let listed: Vec<String> = names.iter().take(LISTED).map(|name| format!("{name:?}")).collect();
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more; `fetch registry from-doi` lists them"),
    };
    format!("it has {}{more}", listed.join(", "))
}
