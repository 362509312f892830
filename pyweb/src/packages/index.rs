//! The package index, asked through `fetch`: pages of projects, metadata, wheels. Must not choose among them.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use common::Session;
use common::fs::FileError;
use url::Url;

use super::error::PackagesError;
use super::pip::{self, Configured};
use super::simple::{self, Link};
use super::wheel::WheelName;
use super::{Sources, metadata};
use crate::runtime::fetcher::{self, Got, Request};

/// The indexes that this machine or the user names.
pub struct Index<'a> {
    session: &'a Session,
    /// Where packages are.
    places: Configured,
    refresh: bool,
}

impl<'a> Index<'a> {
    /// Asks pip, unless the user named an index. With `refresh`, pages that are known are asked for again.
    pub fn new(session: &'a Session, sources: &Sources, refresh: bool) -> Result<Self, PackagesError> {
        let places = match &sources.index_url {
            Some(url) => pip::named(url)?,
            None => pip::configured()?,
        };
        Ok(Index { session, places, refresh })
    }

    /// The files of each project; none for one that no index has.
    pub fn pages(&self, names: &[&str]) -> Result<BTreeMap<String, Vec<Link>>, PackagesError> {
        let mut pages = BTreeMap::new();
        let mut requests = Vec::new();
        for (at, index) in self.places.indexes.iter().enumerate() {
            for name in names {
                let Ok(url) = index.join(&format!("{name}/")) else { continue };
                requests.push((name, url.clone(), Request::new(url.as_str(), &format!("{at}/{name}"), None)));
            }
        }
        let asked: Vec<&Request> = requests.iter().map(|(_, _, request)| request).collect();
        let got = self.get(&asked, self.refresh)?;
        for (name, url, request) in &requests {
            let links = pages.entry((**name).to_owned()).or_insert_with(Vec::new);
            match got.get(&request.name) {
                Some(Got::File(path)) => {
                    let html = std::fs::read_to_string(path).map_err(FileError::at("read", path))?;
                    links.extend(simple::links(&html, url).unwrap_or_default());
                }
                Some(Got::Failed { code, .. }) if code == "not_found" => {}
                Some(Got::Failed { message, .. }) => {
                    let what = format!("the index's page of {name}");
                    return Err(PackagesError::Index { what, reason: message.clone() });
                }
                None => return Err(fetcher::unanswered(&request.name).into()),
            }
        }
        Ok(pages)
    }

    /// The metadata of wheels, as their texts or why not; from beside the wheel where the index has it there.
    pub fn metadata(&self, links: &[&Link]) -> Result<Vec<Result<String, String>>, PackagesError> {
        let request = |link: &Link| match &link.metadata {
            Some(file) => {
                let name = format!("{}.metadata", link.file);
                Request::new(&format!("{}.metadata", link.url), &name, file.hash.as_deref())
            }
            None => wheel(link),
        };
        let requests: Vec<Request> = links.iter().map(|link| request(link)).collect();
        let got = self.get(&requests.iter().collect::<Vec<_>>(), false)?;
        let read = |link: &Link, path: &PathBuf| {
            if link.metadata.is_some() {
                return std::fs::read_to_string(path).map_err(|error| error.to_string());
            }
            let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
            Ok(metadata::contents(file)?.metadata)
        };
        let text = |(link, request): (&&Link, &Request)| match got.get(&request.name) {
            Some(Got::File(path)) => Ok(read(link, path)),
            // A wheel whose metadata cannot be had is no choice; one that cannot be reached is an error.
            Some(Got::Failed { code, message }) if code == "not_found" => Ok(Err(message.clone())),
            Some(Got::Failed { message, .. }) => {
                Err(PackagesError::Index { what: request.name.clone(), reason: message.clone() })
            }
            None => Err(fetcher::unanswered(&request.name).into()),
        };
        links.iter().zip(&requests).map(text).collect()
    }

    /// The wheels of a project in the folders that pip is told to look into beside the index.
    pub fn found(&self, name: &str) -> Vec<(WheelName, PathBuf)> {
        let files =
            self.places.folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
        let wheel = |entry: std::fs::DirEntry| {
            let wheel = WheelName::parse(entry.file_name().to_str()?)?;
            (wheel.name == name).then(|| (wheel, entry.path()))
        };
        files.flatten().filter_map(wheel).collect()
    }

    fn get(&self, requests: &[&Request], refresh: bool) -> Result<HashMap<String, Got>, PackagesError> {
        download(self.session, requests, refresh)
    }
}

/// The request for a wheel.
pub fn wheel(link: &Link) -> Request {
    Request::new(link.url.as_str(), &link.file, link.hash.as_deref())
}

/// The request for a file that somebody names by its URL.
pub fn remote(url: &Url) -> Request {
    Request::new(url.as_str(), &super::wheel::file_name(url.path()), None)
}

/// Gets files, all at once; with `refresh`, those that are known by no digest are asked for again.
pub fn download(
    session: &Session,
    requests: &[&Request],
    refresh: bool,
) -> Result<HashMap<String, Got>, PackagesError> {
    if requests.is_empty() {
        return Ok(HashMap::new());
    }
    let options: &[&str] = if refresh { &["--retries", "1", "--refresh"] } else { &["--retries", "1"] };
    Ok(fetcher::try_get(requests, options, session, "getting packages")?)
}
