//! DOIs: which repository keeps the record that a DOI stands for, and which files the record has. One room for each kind of
//! repository, whose parsers take any bytes. Must not know caches or retries.

pub mod dataverse;
pub mod figshare;
pub mod invenio;
mod problem;
mod record;
mod repository;
pub mod zenodo;

pub use problem::{BadAnswer, DoiProblem};
pub use record::{DataFile, Record};

use std::collections::HashMap;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::http::Client;
use super::{Answer, Ask, Found, Refusal};
use crate::error::{Error, Problem};
use crate::source::Address;
use crate::source::doi::Reading;
use repository::Repository;

/// The longest answer of a repository in bytes: room for some 40,000 files.
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;
/// How many redirects lead from doi.org to a page by which the repository is known.
const HOPS: usize = 6;

/// Where the services are that are not found by redirects.
#[derive(Clone, Debug)]
pub struct Services {
    doi: Address,
    zenodo: Address,
    figshare: Address,
}

impl Services {
    /// The public ones, or those that `FETCH_DOI_URL`, `FETCH_ZENODO_URL` and `FETCH_FIGSHARE_URL` name.
    pub fn from_environment() -> Result<Services, Error> {
        let service = |variable: &'static str, public: &str| {
            let given = std::env::var(variable).ok().filter(|url| !url.is_empty());
            Address::parse(given.as_deref().unwrap_or(public))
                .map_err(|bad| Error::BadService { variable, bad })
        };
        Ok(Services {
            doi: service("FETCH_DOI_URL", "https://doi.org")?,
            zenodo: service("FETCH_ZENODO_URL", "https://zenodo.org")?,
            figshare: service("FETCH_FIGSHARE_URL", "https://api.figshare.com/v2")?,
        })
    }
}

/// What a DOI came to when it was resolved.
#[derive(Clone)]
enum Outcome {
    Record(Arc<Record>),
    /// `until`: when it may be asked again. Never, if nothing passes with time.
    Failed {
        problem: DoiProblem,
        until: Option<Instant>,
    },
}

/// One DOI of a run: resolved by one thread, for all.
#[derive(Default)]
struct Slot {
    outcome: Mutex<Option<Outcome>>,
    /// How often it was tried.
    tries: AtomicU64,
}

/// Resolves DOIs, each once a run.
pub struct Resolver {
    services: Services,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

impl Resolver {
    /// A resolver that knows no DOI yet.
    pub fn new(services: Services) -> Resolver {
        Resolver { services, slots: Mutex::default() }
    }

    /// Asks for the file that a `doi:` address names, in one of the ways to read it.
    pub fn open(&self, client: &Client, readings: &[Reading], ask: Ask<'_>) -> Result<Answer, Refusal> {
        let (record, reading) = self.find(client, readings)?;
        let file = record.file(&reading.file)?;
        let mut answer =
            client.open(&file.address(&record)?, ask, None).map_err(|refusal| match refusal.problem {
                Problem::AccessDenied { status } => {
                    record.at(|doi, host| DoiProblem::Restricted { doi, host, status: Some(status) }).into()
                }
                _ => refusal,
            })?;
        if let Answer::Body(body) = &mut answer {
            body.digest.clone_from(&file.digest);
        }
        Ok(answer)
    }

    /// Asks whether a record has the file that a `doi:` address names, and whether it can be had.
    pub fn check(&self, client: &Client, readings: &[Reading]) -> Result<Found, Refusal> {
        let (record, reading) = self.find(client, readings)?;
        client.check(&record.file(&reading.file)?.address(&record)?, None)
    }

    /// The record of the first reading whose DOI there is.
    fn find<'r>(
        &self,
        client: &Client,
        readings: &'r [Reading],
    ) -> Result<(Arc<Record>, &'r Reading), Refusal> {
        let mut unknown = None;
        for reading in readings {
            match self.record(client, &reading.doi) {
                Ok(record) => return Ok((record, reading)),
                Err(Refusal { problem: Problem::Doi(DoiProblem::Unknown { .. }), .. }) => {
                    unknown.get_or_insert(&reading.doi);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        let doi = unknown.cloned().unwrap_or_default();
        Err(DoiProblem::Unknown { doi, resolver: self.services.doi.authority() }.into())
    }

    /// The record that a DOI stands for. While one thread asks, the others wait for its answer.
    pub fn record(&self, client: &Client, doi: &str) -> Result<Arc<Record>, Refusal> {
        // DOIs do not tell upper from lower case.
        let key = doi.to_ascii_lowercase();
        let slot =
            Arc::clone(self.slots.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        let tries = slot.tries.load(Ordering::Acquire);
        let mut outcome = slot.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match &*outcome {
            Some(Outcome::Record(record)) => return Ok(Arc::clone(record)),
            Some(Outcome::Failed { problem, until }) => {
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                // Who waited while it failed takes that answer; who comes later asks again, unless it is too soon.
                let news = slot.tries.load(Ordering::Acquire) != tries;
                if news || left.is_none_or(|left| !left.is_zero()) {
                    return Err(Refusal { problem: problem.clone().into(), retry_after: left });
                }
            }
            None => {}
        }
        let resolved = self.resolve(client, doi);
        slot.tries.fetch_add(1, Ordering::Release);
        match resolved {
            Ok(record) => {
                let record = Arc::new(record);
                *outcome = Some(Outcome::Record(Arc::clone(&record)));
                Ok(record)
            }
            Err(Refusal { problem, retry_after }) => {
                let problem = match problem {
                    Problem::Doi(problem) => problem,
                    other => DoiProblem::unanswered(self.services.doi.authority(), other),
                };
                let now = Instant::now();
                let until = problem.is_transient().then(|| retry_after.map_or(now, |wait| now + wait));
                *outcome = Some(Outcome::Failed { problem: problem.clone(), until });
                Err(Refusal { problem: problem.into(), retry_after })
            }
        }
    }

    fn resolve(&self, client: &Client, doi: &str) -> Result<Record, Refusal> {
        let resolver = &self.services.doi;
        let first = client.redirect(&resolver.join(doi)).map_err(|refusal| match refusal.problem {
            Problem::NotFound { .. } => {
                DoiProblem::Unknown { doi: doi.to_owned(), resolver: resolver.authority() }.into()
            }
            _ => refusal.about(resolver),
        })?;
        let mut page = first.ok_or_else(|| BadAnswer::NoRedirect.of(resolver))?;
        for _ in 0..HOPS {
            if let Some(repository) = Repository::by_page(&page, doi, &self.services) {
                return repository.record(&Inquiry { client, doi });
            }
            // A page that does not let programs in may still belong to a repository that does.
            let Ok(Some(next)) = client.redirect(&page) else { break };
            page = next;
        }
        Repository::unknown(&page, &self.services).record(&Inquiry { client, doi })
    }
}

/// The question for the files of one DOI's record.
struct Inquiry<'a> {
    client: &'a Client,
    doi: &'a str,
}

impl Inquiry<'_> {
    /// The whole answer of an API, or why there is none.
    fn get(&self, address: &Address) -> Result<Vec<u8>, Refusal> {
        let answer =
            self.client.open(address, Ask::Whole, None).map_err(|refusal| match refusal.problem {
                Problem::NotFound { .. } => {
                    DoiProblem::NoRecord { doi: self.doi.to_owned(), host: address.authority() }.into()
                }
                Problem::AccessDenied { status } => self.restricted(address, Some(status)),
                _ => refusal.about(address),
            })?;
        let Answer::Body(body) = answer else { return Err(BadAnswer::NoBody.of(address)) };
        let mut bytes = Vec::new();
        let read = body.bytes.take(LONGEST_ANSWER + 1).read_to_end(&mut bytes);
        read.map_err(|error| {
            let problem = Problem::Broken { got: bytes.len() as u64, cause: error.to_string() };
            Refusal::from(problem).about(address)
        })?;
        if bytes.len() as u64 > LONGEST_ANSWER {
            return Err(BadAnswer::TooLong.of(address));
        }
        Ok(bytes)
    }

    /// The record with these files; an answer without them is an error of the API at `address`.
    fn answered(
        &self,
        address: &Address,
        files: Result<Vec<DataFile>, BadAnswer>,
    ) -> Result<Record, Refusal> {
        match files {
            Ok(files) => Ok(Record::new(self.doi.to_owned(), address.authority(), files)),
            Err(BadAnswer::Restricted) => Err(self.restricted(address, None)),
            Err(bad) => Err(bad.of(address)),
        }
    }

    fn restricted(&self, address: &Address, status: Option<u16>) -> Refusal {
        DoiProblem::Restricted { doi: self.doi.to_owned(), host: address.authority(), status }.into()
    }
}

impl BadAnswer {
    fn of(self, address: &Address) -> Refusal {
        DoiProblem::BadAnswer { host: address.authority(), bad: self }.into()
    }
}

impl Refusal {
    /// The same, said of the service that was asked about a DOI.
    fn about(self, address: &Address) -> Refusal {
        Refusal { problem: DoiProblem::unanswered(address.authority(), self.problem).into(), ..self }
    }
}

impl From<DoiProblem> for Refusal {
    fn from(problem: DoiProblem) -> Refusal {
        Problem::Doi(problem).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn base() -> Address {
        Address::parse("https://host/").unwrap_or_else(|bad| unreachable!("{bad}"))
    }

    /// What each parser makes of an answer.
    fn read(json: &[u8]) -> Vec<Option<Vec<DataFile>>> {
        vec![
            zenodo::record(json, &base()).ok(),
            invenio::record(json, &base()).ok().flatten(),
            invenio::files(json, &base()).ok(),
            figshare::article(json).ok(),
            figshare::files(json).ok(),
            dataverse::dataset(json, &base()).ok(),
        ]
    }

    fn with_unknown_keys(value: Value) -> Value {
        let grown = |(key, value): (String, Value)| {
            // There a key is the name of a file.
            let names = key == "entries" && value.is_object();
            let mut value = with_unknown_keys(value);
            if let Some(entries) = value.as_object_mut().filter(|_| names) {
                entries.shift_remove("later");
            }
            (key, value)
        };
        match value {
            Value::Array(values) => values.into_iter().map(with_unknown_keys).collect(),
            Value::Object(object) => {
                let mut object: Map<String, Value> = object.into_iter().map(grown).collect();
                object.insert("later".into(), serde_json::json!({"new": [1, null, {"x": "y"}]}));
                Value::Object(object)
            }
            other => other,
        }
    }

    #[test]
    fn keys_that_are_unknown_change_nothing() -> Result<(), serde_json::Error> {
        let fixtures = [
            (include_str!("../../../tests/fixtures/doi/zenodo.json"), 0),
            (include_str!("../../../tests/fixtures/doi/zenodo-2023.json"), 0),
            (include_str!("../../../tests/fixtures/doi/invenio.json"), 1),
            (include_str!("../../../tests/fixtures/doi/invenio-files.json"), 2),
            (include_str!("../../../tests/fixtures/doi/figshare-v2.json"), 3),
            (include_str!("../../../tests/fixtures/doi/dataverse.json"), 5),
        ];
        for (fixture, parser) in fixtures {
            let plain = &read(fixture.as_bytes())[parser];
            let grown = serde_json::to_vec(&with_unknown_keys(serde_json::from_str(fixture)?))?;
            assert!(plain.as_ref().is_some_and(|files| files.len() >= 2), "{parser}");
            assert_eq!(&read(&grown)[parser], plain);
        }
        Ok(())
    }

    /// JSON with the keys that the parsers look for.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "md5:[0-9a-f]{30,33}|\\PC{0,9}|../../x|restricted|SHA-256".prop_map(Value::from),
        ];
        let key = "files|entries|key|filename|name|id|links|self|content|checksum|type|value|md5|data|latestVersion|dataFile\
            |directoryLabel|originalFileName|tabularData|download_url|computed_md5|is_link_only|access|enabled|metadata|\\PC{0,3}";
        leaf.prop_recursive(6, 60, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((key, inner), 0..6)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_or_refused(json in json()) {
            for files in read(json.to_string().as_bytes()).into_iter().flatten() {
                let _ = Record::new("10.1/x".into(), "host".into(), files).file("name");
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            read(&bytes);
            let _ = figshare::search(&bytes);
        }
    }
}
