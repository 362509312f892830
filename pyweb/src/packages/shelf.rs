//! All that can be had of each package, best first: files that the user or the site names, else the index, else
//! Pyodide's own distribution. Must not decide which versions go together.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use common::fs::FileError;
use pep440_rs::{Version, VersionSpecifiers};

use super::Desk;
use super::error::{Lack, PackagesError, Unavailable};
use super::index::{self, Index};
use super::lockfile::Package;
use super::metadata::{self, Metadata};
use super::requirement::Requirement;
use super::resolve::{Chosen, DeadEnd, Need, Offers, Root};
use super::simple::Link;
use super::wanted::{Wanted, What};
use super::wheel::{WheelName, canonical};
use crate::digest::sha256_file;
use crate::runtime::fetcher::Got;

/// One file of a package.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its version.
    pub version: Version,
    /// Where its file is.
    pub from: From,
    /// The order among the files of one version, less being better.
    rank: (u32, std::cmp::Reverse<u64>),
    yanked: bool,
}

/// Where a file is.
#[derive(Clone, Debug)]
pub enum From {
    /// Here.
    File {
        /// Where.
        path: PathBuf,
        /// How the lock is to name it.
        name: String,
        /// What Pyodide's own lock says of the same file.
        entry: Option<Package>,
    },
    /// In an index.
    Index(Link),
    /// In Pyodide's own distribution.
    Distribution(Package),
}

/// What there is of one package.
#[derive(Debug)]
struct Offer {
    /// One file for each version, the best first.
    candidates: Vec<Candidate>,
    lack: Lack,
}

/// Everything that is known so far.
pub struct Shelf<'a> {
    desk: &'a Desk<'a>,
    refresh: bool,
    index: Option<Index<'a>>,
    /// Files by package, which then comes from nowhere else.
    named: BTreeMap<String, Vec<Candidate>>,
    offers: BTreeMap<String, Offer>,
    requirements: HashMap<(String, Version), Option<Vec<Requirement>>>,
    /// How many versions' metadata were asked for: who asks for many gets more at once.
    asked: HashMap<String, usize>,
}

impl<'a> Shelf<'a> {
    /// With the files that `wanted` and the user's folders name.
    pub fn new(desk: &'a Desk<'a>, wanted: &[Wanted], refresh: bool) -> Result<Self, PackagesError> {
        let mut shelf = Shelf {
            desk,
            refresh,
            index: None,
            named: BTreeMap::new(),
            offers: BTreeMap::new(),
            requirements: HashMap::new(),
            asked: HashMap::new(),
        };
        for folder in &desk.sources.wheel_dirs {
            shelf.take_folder(folder)?;
        }
        for wanted in wanted {
            shelf.take_wheel(wanted)?;
        }
        Ok(shelf)
    }

    /// What the resolver is to begin with.
    pub fn roots(&self, wanted: &[Wanted]) -> Vec<Root> {
        let mut roots = Vec::new();
        for wanted in wanted.iter().filter(|wanted| wanted.applies(&self.desk.target)) {
            let needs = match &wanted.what {
                What::Named(requirement) => needs_of(requirement),
                What::Site(_) | What::Remote(_) => {
                    let name = wanted.name.clone();
                    vec![Need { name, extra: None, versions: VersionSpecifiers::empty() }]
                }
            };
            roots.extend(needs.into_iter().map(|need| Root { by: wanted.place(), need }));
        }
        roots
    }

    /// The file of each chosen package.
    pub fn candidates<'c>(&self, chosen: &'c BTreeMap<String, Chosen>) -> BTreeMap<&'c String, Candidate> {
        let file = |(name, chosen): (&'c String, &Chosen)| {
            let offered = self.offers.get(name)?.candidates.iter();
            let candidate = offered.into_iter().find(|candidate| candidate.version == chosen.version)?;
            Some((name, candidate.clone()))
        };
        chosen.iter().filter_map(file).collect()
    }

    /// The wheels of a folder, and what of Pyodide's distribution lies there.
    fn take_folder(&mut self, folder: &Path) -> Result<(), PackagesError> {
        let entries = std::fs::read_dir(folder).map_err(FileError::at("read", folder))?;
        let mut names = HashSet::new();
        for entry in entries {
            let entry = entry.map_err(FileError::at("read", folder))?;
            names.extend(entry.file_name().into_string());
        }
        let packages = &self.desk.distribution.packages;
        let mut taken = HashSet::new();
        for (name, entry) in packages.iter().filter(|(_, entry)| names.contains(&entry.file_name)) {
            let path = folder.join(&entry.file_name);
            // Another build of the same name is taken for what it says itself.
            let same = sha256_file(&path).map_err(FileError::at("read", &path))? == entry.sha256;
            let Some(version) = Version::from_str(&entry.version).ok().filter(|_| same) else { continue };
            taken.insert(entry.file_name.clone());
            let from = From::File { path, name: entry.file_name.clone(), entry: Some(entry.clone()) };
            self.take(name.clone(), Candidate { version, from, rank: Default::default(), yanked: false });
        }
        for name in names.into_iter().filter(|name| !taken.contains(name)) {
            let Some(wheel) = WheelName::parse(&name) else { continue };
            // A folder may well have wheels for other platforms, too.
            let Some(rank) = self.desk.target.rank(&wheel) else { continue };
            let from = From::File { path: folder.join(&name), name, entry: None };
            let rank = (rank, std::cmp::Reverse(wheel.build));
            self.take(wheel.name, Candidate { version: wheel.version, from, rank, yanked: false });
        }
        Ok(())
    }

    /// The wheel that an entry names by its path or URL.
    fn take_wheel(&mut self, wanted: &Wanted) -> Result<(), PackagesError> {
        let (path, name) = match &wanted.what {
            What::Named(_) => return Ok(()),
            What::Site(path) => {
                let file = self.desk.site.join(path);
                if !file.is_file() {
                    return Err(PackagesError::NoWheel { place: wanted.place(), path: path.clone() });
                }
                (file, path.clone())
            }
            What::Remote(url) => {
                let request = index::remote(url);
                let mut got = index::download(self.desk.session, &[&request], self.refresh)?;
                match got.remove(&request.name) {
                    Some(Got::File(path)) => (path, request.name),
                    Some(Got::Failed { message, .. }) => {
                        return Err(PackagesError::Index { what: wanted.place(), reason: message });
                    }
                    None => return Ok(()),
                }
            }
        };
        let other = || PackagesError::OtherPlatform {
            file: name.clone(),
            platform: self.desk.target.platform_tag().to_owned(),
        };
        let wheel = WheelName::of_path(&name).ok_or_else(other)?;
        self.desk.target.rank(&wheel).ok_or_else(other)?;
        let from = From::File { path, name, entry: None };
        // It is what the site wants, whatever else is there.
        self.named.insert(
            wheel.name,
            vec![Candidate { version: wheel.version, from, rank: Default::default(), yanked: false }],
        );
        Ok(())
    }

    fn take(&mut self, name: String, candidate: Candidate) {
        self.named.entry(name).or_default().push(candidate);
    }

    fn index(&mut self) -> Result<&Index<'a>, PackagesError> {
        let index = match self.index.take() {
            Some(index) => index,
            None => Index::new(self.desk.session, self.desk.sources, self.refresh)?,
        };
        Ok(self.index.insert(index))
    }

    /// What an index has of a package; what it lacks, Pyodide's distribution may have.
    fn offer(&self, name: &str, links: Vec<Link>, found: Vec<(WheelName, PathBuf)>) -> Offer {
        let target = &self.desk.target;
        let mut lack = if links.is_empty() { Lack::Unknown } else { Lack::Source };
        let mut candidates = Vec::new();
        for (wheel, path) in found {
            let Some(rank) = target.rank(&wheel) else { continue };
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (from, rank) =
                (From::File { path, name, entry: None }, (rank, std::cmp::Reverse(wheel.build)));
            candidates.push(Candidate { version: wheel.version, from, rank, yanked: false });
        }
        for link in links {
            let Some(wheel) = WheelName::parse(&link.file).filter(|wheel| wheel.name == name) else {
                continue;
            };
            let rank = target.rank(&wheel);
            let python = link.requires_python.as_ref().is_none_or(|wanted| wanted.contains(&target.python));
            let Some(rank) = rank.filter(|_| python) else {
                lack = Lack::Other { platform: target.platform_tag().to_owned() };
                continue;
            };
            let (yanked, rank) = (link.yanked, (rank, std::cmp::Reverse(wheel.build)));
            candidates.push(Candidate { version: wheel.version, from: From::Index(link), rank, yanked });
        }
        let known = self.desk.distribution.packages.get(name);
        if let (true, Some(entry)) = (candidates.is_empty(), known)
            && let Ok(version) = Version::from_str(&entry.version)
        {
            let from = From::Distribution(entry.clone());
            candidates.push(Candidate { version, from, rank: Default::default(), yanked: false });
        }
        Offer::new(candidates, lack)
    }

    /// The metadata of `version`; who has asked for many gets that of the versions after it at the same time.
    fn look_up(&mut self, name: &str, version: &Version) -> Result<(), PackagesError> {
        let asked = self.asked.entry(name.to_owned()).or_default();
        let batch = (*asked).clamp(1, 32);
        *asked += batch;
        let key = |candidate: &Candidate| (name.to_owned(), candidate.version.clone());
        let Some(offer) = self.offers.get(name) else { return Ok(()) };
        let begin = offer.candidates.iter().position(|one| one.version == *version).unwrap_or_default();
        let new = offer.candidates[begin..].iter().filter(|one| !self.requirements.contains_key(&key(one)));
        let candidates: Vec<Candidate> = new.take(batch).cloned().collect();
        let mut links = Vec::new();
        for candidate in &candidates {
            let requirements = match &candidate.from {
                From::Index(link) => {
                    links.push((key(candidate), link));
                    continue;
                }
                From::Distribution(entry) | From::File { entry: Some(entry), .. } => Some(depends(entry)),
                From::File { path, name, entry: None } => Some(read_wheel(path, name)?.requirements),
            };
            self.requirements.insert(key(candidate), requirements);
        }
        if links.is_empty() {
            return Ok(());
        }
        let texts = self.index()?.metadata(&links.iter().map(|(_, link)| *link).collect::<Vec<_>>())?;
        for ((key, _), text) in links.into_iter().zip(texts) {
            let metadata = text.and_then(|text| Metadata::from_str(&text));
            let fits = metadata.ok().filter(|metadata| metadata.runs_on(&self.desk.target.python));
            self.requirements.insert(key, fits.map(|metadata| metadata.requirements));
        }
        Ok(())
    }
}

impl Offer {
    fn new(mut candidates: Vec<Candidate>, lack: Lack) -> Offer {
        candidates.sort_by(|a, b| (a.yanked, &b.version, a.rank).cmp(&(b.yanked, &a.version, b.rank)));
        candidates.dedup_by(|b, a| a.version == b.version);
        Offer { candidates, lack }
    }
}

impl Offers for Shelf<'_> {
    fn soon(&mut self, names: &[&str]) -> Result<(), PackagesError> {
        let mut new: Vec<&str> = Vec::new();
        for name in names {
            if self.offers.contains_key(*name) || new.contains(name) {
                continue;
            }
            match self.named.remove(*name) {
                Some(files) => drop(self.offers.insert((*name).to_owned(), Offer::new(files, Lack::Unknown))),
                None => new.push(name),
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let index = self.index()?;
        let mut pages = index.pages(&new)?;
        let found: Vec<_> = new.iter().map(|name| index.found(name)).collect();
        for (name, found) in new.into_iter().zip(found) {
            let offer = self.offer(name, pages.remove(name).unwrap_or_default(), found);
            self.offers.insert(name.to_owned(), offer);
        }
        Ok(())
    }

    fn versions(&mut self, name: &str) -> Result<Vec<Version>, PackagesError> {
        self.soon(&[name])?;
        let candidates = self.offers.get(name).map(|offer| &offer.candidates);
        Ok(candidates.into_iter().flatten().map(|candidate| candidate.version.clone()).collect())
    }

    fn needs(
        &mut self,
        name: &str,
        version: &Version,
        extra: Option<&str>,
    ) -> Result<Option<Vec<Need>>, PackagesError> {
        let key = (name.to_owned(), version.clone());
        if !self.requirements.contains_key(&key) {
            self.look_up(name, version)?;
        }
        let Some(requirements) = self.requirements.get(&key).and_then(Option::as_ref) else {
            return Ok(None);
        };
        let markers = &self.desk.target.markers;
        let applies = |requirement: &&Requirement| {
            let plain = requirement.marker.holds(markers, None);
            extra.map_or(plain, |extra| !plain && requirement.marker.holds(markers, Some(extra)))
        };
        Ok(Some(requirements.iter().filter(applies).flat_map(needs_of).collect()))
    }

    fn unavailable(&mut self, dead_end: DeadEnd) -> PackagesError {
        let DeadEnd { name, wanted } = dead_end;
        let offer = self.offers.get(&name);
        let versions: Vec<String> = offer
            .map(|offer| offer.candidates.iter().take(5).map(|one| one.version.to_string()).collect())
            .unwrap_or_default();
        let lack = match offer {
            Some(_) if !versions.is_empty() => Lack::Versions(versions),
            Some(offer) => offer.lack.clone(),
            None => Lack::Unknown,
        };
        let text = |versions: VersionSpecifiers| versions.to_string().replace(", ", ",");
        let wanted = wanted.into_iter().map(|(by, versions)| (by, text(versions))).collect();
        PackagesError::Unavailable(Box::new(Unavailable { name, wanted, lack }))
    }
}

/// A requirement as the resolver has it: the package, then each of its extras.
fn needs_of(requirement: &Requirement) -> Vec<Need> {
    let Requirement { name, extras, versions, .. } = requirement;
    let extras = std::iter::once(None).chain(extras.iter().cloned().map(Some));
    extras.map(|extra| Need { name: name.clone(), extra, versions: versions.clone() }).collect()
}

/// What Pyodide's own lock says that a package needs.
fn depends(entry: &Package) -> Vec<Requirement> {
    entry.depends.iter().filter_map(|name| canonical(name).parse().ok()).collect()
}

fn read_wheel(path: &Path, name: &str) -> Result<Metadata, PackagesError> {
    let bad = |reason| PackagesError::BadWheel { file: name.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(FileError::at("open", path))?;
    let contents = metadata::contents(file).map_err(bad)?;
    Metadata::from_str(&contents.metadata).map_err(bad)
}
