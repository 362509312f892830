//! Which versions of packages fit together. It tries the newest first and, at a dead end, goes back to the latest
//! choice that had a part in it (conflict-directed backjumping: nothing that fits is missed). Pure: what there is,
//! it is told by [`Offers`].

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};

use super::error::PackagesError;

/// So many versions may be tried in vain.
const MOST_TRIED: usize = 5000;

/// A package, or one of its extras, in some versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Its canonical name.
    pub name: String,
    /// The extra, as a package of its own that needs the other in the same version.
    pub extra: Option<String>,
    /// The versions that will do.
    pub versions: VersionSpecifiers,
}

/// Who needs something, and what.
#[derive(Clone, Debug)]
pub struct Root {
    /// Who, for people.
    pub by: String,
    /// What.
    pub need: Need,
}

/// What packages there are.
pub trait Offers {
    /// Says which packages are asked for next, so that they can be looked up together.
    fn soon(&mut self, names: &[&str]) -> Result<(), PackagesError>;
    /// The versions of a package in the order in which they are wanted; none when there is no such package.
    fn versions(&mut self, name: &str) -> Result<Vec<Version>, PackagesError>;
    /// What one version needs, or its extra alone; nothing when that cannot be known.
    fn needs(
        &mut self,
        name: &str,
        version: &Version,
        extra: Option<&str>,
    ) -> Result<Option<Vec<Need>>, PackagesError>;
    /// The error for a package of which no version fits.
    fn unavailable(&mut self, dead_end: DeadEnd) -> PackagesError;
}

/// A package of which no version fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadEnd {
    /// The package.
    pub name: String,
    /// Who needs it, and in which versions.
    pub wanted: Vec<(String, VersionSpecifiers)>,
}

/// A package in the version that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The version.
    pub version: Version,
    /// The names of the packages that it needs.
    pub depends: BTreeSet<String>,
    /// Who needs it, for people.
    pub by: Vec<String>,
}

/// A version for everything that `roots` need, and for all that it needs in turn.
pub fn resolve(roots: &[Root], offers: &mut impl Offers) -> Result<BTreeMap<String, Chosen>, PackagesError> {
    let mut solver = Solver { roots, offers, decided: Vec::new(), first: None, tried: 0 };
    match (solver.step()?, solver.first.take()) {
        (Ok(()), _) => Ok(solver.chosen()),
        (Err(_), Some(dead_end)) => Err(solver.offers.unavailable(dead_end)),
        (Err(_), None) => Err(PackagesError::TooHard),
    }
}

type Key = (String, Option<String>);

struct Decision {
    key: Key,
    version: Version,
    needs: Vec<Need>,
}

struct Solver<'a, O> {
    roots: &'a [Root],
    offers: &'a mut O,
    decided: Vec<Decision>,
    /// The first dead end: that of the newest versions, which says most.
    first: Option<DeadEnd>,
    tried: usize,
}

impl<O: Offers> Solver<'_, O> {
    /// Decides the next package and all after it; else the packages that a way out would have to change.
    fn step(&mut self) -> Result<Result<(), BTreeSet<Key>>, PackagesError> {
        let open = self.open();
        let Some(key) = open.first().cloned() else { return Ok(Ok(())) };
        let (name, extra) = key.clone();
        self.offers.soon(&open.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
        let fitting = self.fitting(&name)?;
        let mut conflict = self.requirers(&name);
        if extra.is_some() {
            conflict.insert((name.clone(), None));
        }
        if fitting.is_empty() {
            self.remember(&name, None);
        }
        for version in fitting {
            self.tried += 1;
            if self.tried > MOST_TRIED {
                return Err(PackagesError::TooHard);
            }
            let Some(needs) = self.offers.needs(&name, &version, extra.as_deref())? else { continue };
            let wrong = |need: &&Need| {
                let itself = need.name == name && !need.versions.contains(&version);
                itself || self.is_ruled_out(need)
            };
            if let Some(clash) = needs.iter().find(wrong).cloned() {
                self.remember(&clash.name, Some((format!("{name} {version}"), clash.versions)));
                conflict.extend(self.requirers(&clash.name));
                conflict.insert((clash.name, None));
                continue;
            }
            self.decided.push(Decision { key: key.clone(), version, needs });
            let Err(deeper) = self.step()? else { return Ok(Ok(())) };
            self.decided.pop();
            if !deeper.contains(&key) {
                return Ok(Err(deeper));
            }
            conflict.extend(deeper);
        }
        conflict.remove(&key);
        Ok(Err(conflict))
    }

    /// Who needs what so far: the roots, then each decision, with the name of who it is for.
    fn asked(&self) -> impl Iterator<Item = (Option<&Decision>, &Need)> {
        let roots = self.roots.iter().map(|root| (None, &root.need));
        let decided = self.decided.iter();
        roots
            .chain(decided.flat_map(|decision| decision.needs.iter().map(move |need| (Some(decision), need))))
    }

    /// What is needed and not decided, in the order in which it was asked for.
    fn open(&self) -> Vec<Key> {
        let decided: BTreeSet<&Key> = self.decided.iter().map(|decision| &decision.key).collect();
        let mut open: Vec<Key> = Vec::new();
        for (_, need) in self.asked() {
            let key = (need.name.clone(), need.extra.clone());
            if !decided.contains(&key) && !open.contains(&key) {
                open.push(key);
            }
        }
        open
    }

    /// The versions of a package that all who need it accept; pre-releases where one names them, or where there is
    /// nothing else.
    fn fitting(&mut self, name: &str) -> Result<Vec<Version>, PackagesError> {
        if let Some(decision) = self.decided.iter().find(|decision| decision.key.0 == name) {
            return Ok(vec![decision.version.clone()]);
        }
        let wanted: Vec<VersionSpecifiers> = self
            .asked()
            .filter(|(_, need)| need.name == name)
            .map(|(_, need)| need.versions.clone())
            .collect();
        let mut fitting = self.offers.versions(name)?;
        fitting.retain(|version| wanted.iter().all(|wanted| wanted.contains(version)));
        let named = wanted.iter().flat_map(|wanted| wanted.iter()).any(VersionSpecifier::any_prerelease);
        if !named && fitting.iter().any(|version| !version.any_prerelease()) {
            fitting.retain(|version| !version.any_prerelease());
        }
        Ok(fitting)
    }

    /// True when a decision that was made is none of the versions that will do.
    fn is_ruled_out(&self, need: &Need) -> bool {
        let decided = self.decided.iter().find(|decision| decision.key.0 == need.name);
        decided.is_some_and(|decision| !need.versions.contains(&decision.version))
    }

    /// The decisions that ask for this package.
    fn requirers(&self, name: &str) -> BTreeSet<Key> {
        let asked = self.asked().filter(|(_, need)| need.name == name);
        asked.filter_map(|(by, _)| by.map(|by| by.key.clone())).collect()
    }

    /// Keeps the first dead end: `name`, with all who need it and one more.
    fn remember(&mut self, name: &str, more: Option<(String, VersionSpecifiers)>) {
        if self.first.is_some() {
            return;
        }
        let mut wanted = self.wanted(name);
        wanted.extend(more);
        wanted.dedup();
        self.first = Some(DeadEnd { name: name.to_owned(), wanted });
    }

    /// Who needs a package, for people, and in which versions.
    fn wanted(&self, name: &str) -> Vec<(String, VersionSpecifiers)> {
        let roots = self.roots.iter().filter(|root| root.need.name == name);
        let mut wanted: Vec<_> = roots.map(|root| (root.by.clone(), root.need.versions.clone())).collect();
        for decision in self.decided.iter().filter(|decision| decision.key.0 != name) {
            let by = format!("{} {}", decision.key.0, decision.version);
            let needs = decision.needs.iter().filter(|need| need.name == name);
            wanted.extend(needs.map(|need| (by.clone(), need.versions.clone())));
        }
        wanted
    }

    fn who_needs(&self, name: &str) -> Vec<String> {
        let mut by: Vec<String> = self.wanted(name).into_iter().map(|(by, _)| by).collect();
        by.dedup();
        by
    }

    fn chosen(&self) -> BTreeMap<String, Chosen> {
        let mut chosen: BTreeMap<String, Chosen> = BTreeMap::new();
        for Decision { key: (name, _), version, needs } in &self.decided {
            let entry = chosen.entry(name.clone()).or_insert_with(|| {
                let (version, by) = (version.clone(), self.who_needs(name));
                Chosen { version, depends: BTreeSet::new(), by }
            });
            let others = needs.iter().filter(|need| need.name != *name);
            entry.depends.extend(others.map(|need| need.name.clone()));
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;
    use crate::packages::requirement::Requirement;
    use proptest::prelude::*;
    use std::str::FromStr;

    /// Packages, each with versions, newest first, each with what it needs; `name[extra]` for an extra's own needs.
    #[derive(Debug, Default)]
    struct Shop {
        needs: BTreeMap<(String, Version), Vec<String>>,
        asked: usize,
    }

    fn needs_of(text: &str) -> Vec<Need> {
        let Requirement { name, extras, versions, .. } = Requirement::from_str(text).unwrap();
        let extras = std::iter::once(None).chain(extras.into_iter().map(Some));
        extras.map(|extra| Need { name: name.clone(), extra, versions: versions.clone() }).collect()
    }

    impl Shop {
        fn new(stock: &[(&str, &str, &[&str])]) -> Shop {
            let entry = |(name, version, needs): &(&str, &str, &[&str])| {
                let needs = needs.iter().map(|need| (*need).to_owned()).collect();
                (((*name).to_owned(), Version::from_str(version).unwrap()), needs)
            };
            Shop { needs: stock.iter().map(entry).collect(), asked: 0 }
        }

        fn resolve(&mut self, roots: &[&str]) -> Result<Vec<String>, DeadEnd> {
            let needs = roots.iter().flat_map(|root| needs_of(root));
            let roots: Vec<Root> = needs.map(|need| Root { by: "page".into(), need }).collect();
            let mut dead_end = None;
            let mut front = Front { shop: self, dead_end: &mut dead_end };
            match resolve(&roots, &mut front) {
                Ok(chosen) => {
                    Ok(chosen.iter().map(|(name, chosen)| format!("{name} {}", chosen.version)).collect())
                }
                Err(_) => Err(dead_end.unwrap()),
            }
        }
    }

    struct Front<'a> {
        shop: &'a mut Shop,
        dead_end: &'a mut Option<DeadEnd>,
    }

    impl Offers for Front<'_> {
        fn soon(&mut self, _: &[&str]) -> Result<(), PackagesError> {
            Ok(())
        }
        fn versions(&mut self, name: &str) -> Result<Vec<Version>, PackagesError> {
            let mut versions: Vec<Version> =
                self.shop.needs.keys().filter(|key| key.0 == name).map(|key| key.1.clone()).collect();
            versions.reverse();
            Ok(versions)
        }
        fn needs(
            &mut self,
            name: &str,
            version: &Version,
            extra: Option<&str>,
        ) -> Result<Option<Vec<Need>>, PackagesError> {
            self.shop.asked += 1;
            let name = extra.map_or(name.to_owned(), |extra| format!("{name}[{extra}]"));
            let needs = self.shop.needs.get(&(name, version.clone()));
            Ok(Some(needs.into_iter().flatten().flat_map(|need| needs_of(need)).collect()))
        }
        fn unavailable(&mut self, dead_end: DeadEnd) -> PackagesError {
            *self.dead_end = Some(dead_end);
            PackagesError::TooHard
        }
    }

    #[test]
    fn the_newest_that_fits_is_chosen() {
        let mut shop = Shop::new(&[
            ("a", "1", &[]),
            ("a", "2", &["core==2"]),
            ("a", "3", &["core==3"]),
            ("core", "1", &[]),
            ("core", "2", &["ext>=1"]),
            ("ext", "1.5", &[]),
            ("ext", "2.0b1", &[]),
        ]);
        // There is no core 3; a pre-release is not taken where another version will do.
        assert_eq!(shop.resolve(&["a"]).unwrap(), ["a 2", "core 2", "ext 1.5"]);
        assert_eq!(shop.resolve(&["a", "ext>=2.0b1"]).unwrap(), ["a 2", "core 2", "ext 2.0b1"]);
    }

    #[test]
    fn an_extra_brings_what_it_needs_and_no_other_version() {
        let mut shop = Shop::new(&[
            ("a", "1", &[]),
            ("a", "2", &[]),
            ("a[fast]", "1", &["b<2"]),
            ("a[fast]", "2", &["b>=2"]),
            ("b", "1", &[]),
        ]);
        assert_eq!(shop.resolve(&["a"]).unwrap(), ["a 2"]);
        assert_eq!(shop.resolve(&["a[fast]"]).unwrap(), ["a 1", "b 1"]);
    }

    #[test]
    fn a_dead_end_names_all_who_lead_there() {
        let mut shop =
            Shop::new(&[("a", "1", &["c==1"]), ("b", "1", &["c==2"]), ("c", "1", &[]), ("c", "2", &[])]);
        let dead_end = shop.resolve(&["a", "b"]).unwrap_err();
        let wanted: Vec<String> =
            dead_end.wanted.iter().map(|(by, versions)| format!("{by} {versions}")).collect();
        assert_eq!((dead_end.name.as_str(), wanted), ("c", vec!["a 1 ==1".into(), "b 1 ==2".into()]));
        assert_eq!(shop.resolve(&["nothing"]).unwrap_err().name, "nothing");
    }

    #[test]
    fn a_dead_end_goes_back_to_its_cause_and_not_through_what_is_between() {
        let mut stock: Vec<(&str, &str, &[&str])> =
            vec![("a", "1", &[]), ("a", "2", &["z==9"]), ("z", "1", &[])];
        let versions = ["1", "2", "3", "4", "5", "6", "7", "8"];
        for name in ["m", "n", "o", "p", "q", "r"] {
            stock.extend(versions.iter().map(|version| (name, *version, &[][..])));
        }
        let mut shop = Shop::new(&stock);
        let chosen = shop.resolve(&["a", "m", "n", "o", "p", "q", "r", "z"]).unwrap();
        assert_eq!(chosen.first().unwrap(), "a 1");
        assert!(shop.asked < 40, "{} instead of 8^6", shop.asked);
    }

    /// All choices of versions, tried one by one.
    fn exists(shop: &Shop, roots: &[String]) -> bool {
        let names: BTreeSet<&String> = shop.needs.keys().map(|key| &key.0).collect();
        let mut picks: Vec<BTreeMap<&str, &Version>> = vec![BTreeMap::new()];
        for name in names {
            let versions: Vec<&Version> =
                shop.needs.keys().filter(|key| key.0 == *name).map(|key| &key.1).collect();
            picks = picks
                .iter()
                .flat_map(|pick| {
                    let with = versions.iter().map(|version| {
                        let mut pick = pick.clone();
                        pick.insert(name, version);
                        pick
                    });
                    with.chain([pick.clone()]).collect::<Vec<_>>()
                })
                .collect();
        }
        let met = |pick: &BTreeMap<&str, &Version>, text: &str| {
            needs_of(text).iter().all(|need| {
                pick.get(need.name.as_str()).is_some_and(|version| need.versions.contains(version))
            })
        };
        picks.iter().any(|pick| {
            let needs = pick
                .iter()
                .flat_map(|(name, version)| shop.needs[&((*name).to_owned(), (*version).clone())].iter());
            roots.iter().chain(needs).all(|need| met(pick, need))
        })
    }

    proptest! {
        #[test]
        fn it_finds_a_way_exactly_when_there_is_one(
            stock in proptest::collection::btree_map(
                ((0..4_usize), (1..4_u8)),
                proptest::collection::vec(((0..4_usize), (0..3_usize), (1..4_u8)), 0..3),
                1..10,
            ),
            roots in proptest::collection::vec(((0..4_usize), (0..3_usize), (1..4_u8)), 1..3),
        ) {
            let text = |(name, operator, version): &(usize, usize, u8)| {
                format!("{}{}{version}", ["a", "b", "c", "d"][*name], ["==", ">=", "<"][*operator])
            };
            let mut shop = Shop::default();
            for ((name, version), needs) in &stock {
                let key = (["a", "b", "c", "d"][*name].to_owned(), Version::new([u64::from(*version)]));
                shop.needs.insert(key, needs.iter().map(text).collect());
            }
            let roots: Vec<String> = roots.iter().map(text).collect();
            let found = shop.resolve(&roots.iter().map(String::as_str).collect::<Vec<_>>());
            prop_assert_eq!(found.is_ok(), exists(&shop, &roots));
        }
    }
}
