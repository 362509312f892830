//! Names of members: those that are paths below a folder, and those that somebody wants.
//! Must not know where the folder is or what an archive is.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ArchiveError;

/// So many names at most are told to one who asked for another.
const NEAR: usize = 3;
/// Names less alike than this are not worth telling.
const ALIKE: f64 = 0.6;

/// A path below a folder: parts apart by single slashes, none of them empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct MemberPath(Vec<u8>);

impl MemberPath {
    /// The path that an archive's name for a member stands for; none when that is the folder itself.
    ///
    /// Refused is what leads out of the folder, or would on another system, and what no file can be called.
    pub fn parse(name: &[u8]) -> Result<Option<MemberPath>, &'static str> {
        if name.is_empty() {
            return Err("it is empty");
        }
        if name.contains(&0) {
            return Err("it has a NUL");
        }
        if name[0] == b'/' {
            return Err("it is absolute");
        }
        let parts: Vec<&[u8]> =
            name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
        if let Some([letter, b':', rest @ ..]) = parts.first()
            && letter.is_ascii_alphabetic()
            && matches!(rest.first(), None | Some(b'\\'))
        {
            return Err("it has a drive letter");
        }
        if parts.contains(&&b".."[..]) {
            return Err("it has a .. in it");
        }
        Ok((!parts.is_empty()).then(|| MemberPath(parts.join(&b'/'))))
    }

    /// The path of a member that must be one.
    pub fn checked(name: &[u8]) -> Result<Option<MemberPath>, ArchiveError> {
        MemberPath::parse(name).map_err(|why| ArchiveError::unsafe_member(name, why))
    }

    /// Checks the target of a symbolic link at this path.
    ///
    /// It may begin with as many `..` as there are folders above the link, and go down from there. As every folder of
    /// the path is a folder and no link, such links lead nowhere outside, whatever other links they lead over, and
    /// in whichever order they are made.
    pub fn check_link(&self, target: &[u8]) -> Result<(), &'static str> {
        if target.is_empty() || target.contains(&0) {
            return Err("its link leads nowhere");
        }
        if target[0] == b'/' {
            return Err("its link is absolute");
        }
        let parts = target.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
        let (mut up, mut down) = (0, false);
        for part in parts {
            match (part == b"..", down) {
                (true, true) => return Err("its link has a .. behind a name"),
                (true, false) => up += 1,
                (false, _) => down = true,
            }
        }
        if up > self.folders().count() { Err("its link leads out of the folder") } else { Ok(()) }
    }

    /// The path, relative.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The folders that it lies in, outermost first.
    pub fn folders(&self) -> impl DoubleEndedIterator<Item = MemberPath> {
        let slashes = self.0.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.map(|(at, _)| MemberPath(self.0[..at].to_vec()))
    }

    /// The bytes of the path of the folder that it lies in, and of its name there.
    pub fn split(&self) -> (&[u8], &[u8]) {
        match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (&self.0[..at], &self.0[at + 1..]),
            None => (&[], &self.0),
        }
    }

    /// The path for people, with what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    fn is_in(&self, folder: &MemberPath) -> bool {
        self.0.strip_prefix(folder.as_bytes()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }
}

/// A path as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Written> for MemberPath {
    /// What cannot have been written by us stands for a file that is not there.
    fn from(written: Written) -> MemberPath {
        let bytes = match written {
            Written::Text(text) => text.into_bytes(),
            Written::Bytes(bytes) => bytes,
        };
        MemberPath::parse(&bytes).ok().flatten().unwrap_or_else(|| MemberPath(b"?".to_vec()))
    }
}

impl From<MemberPath> for Written {
    fn from(path: MemberPath) -> Written {
        String::from_utf8(path.0).map_or_else(|error| Written::Bytes(error.into_bytes()), Written::Text)
    }
}

/// The members that somebody wants: files, and folders with all that is in them. None at all stands for every member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection(Vec<MemberPath>);

impl Selection {
    /// The members of these names.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Selection, ArchiveError> {
        let paths = names.into_iter().map(|name| MemberPath::checked(name.as_bytes()));
        let mut paths: Vec<Option<MemberPath>> = paths.collect::<Result<_, _>>()?;
        if paths.contains(&None) {
            // `.` is the whole.
            paths.clear();
        }
        let mut paths: Vec<MemberPath> = paths.into_iter().flatten().collect();
        paths.sort();
        paths.dedup();
        Ok(Selection(paths))
    }

    /// Whether every member is wanted.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a member is wanted.
    pub fn has(&self, path: &MemberPath) -> bool {
        self.is_all() || self.0.iter().any(|wanted| path.is_in(wanted))
    }

    /// Whether all that the other wants is wanted.
    pub fn covers(&self, other: &Selection) -> bool {
        self.is_all() || !other.is_all() && other.0.iter().all(|wanted| self.has(wanted))
    }

    /// An error when one of those wanted is not among `names`, all that there is.
    pub fn check_found<'a>(
        &self,
        names: impl Iterator<Item = &'a MemberPath> + Clone,
    ) -> Result<(), ArchiveError> {
        let missing = self.0.iter().find(|wanted| !names.clone().any(|name| name.is_in(wanted)));
        let Some(missing) = missing else { return Ok(()) };
        let wanted = missing.text();
        let alike = |name: String| (strsim::jaro_winkler(&wanted, &name), name);
        let mut near: Vec<(f64, String)> = names.map(|name| alike(name.text())).collect();
        near.retain(|(alike, _)| *alike >= ALIKE);
        near.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
        let near = near.into_iter().map(|(_, name)| name).take(NEAR).collect();
        Err(ArchiveError::NoSuchMember { name: wanted, near })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    fn path(name: &str) -> MemberPath {
        MemberPath::parse(name.as_bytes()).ok().flatten().unwrap_or_else(|| unreachable!("{name}"))
    }

    #[test]
    fn names_that_lead_out_are_refused() {
        for name in [
            "",
            "/",
            "/etc/passwd",
            "//x",
            "..",
            "../x",
            "a/../../x",
            "a/..",
            "C:",
            "C:/x",
            "./C:/x",
            "c:\\x",
            "a\0b",
        ] {
            assert!(MemberPath::parse(name.as_bytes()).is_err(), "{name:?}");
        }
    }

    #[test]
    fn names_that_stay_are_taken() {
        for (name, taken) in
            [("a", "a"), ("./a//b/", "a/b"), ("a..b/c.", "a..b/c."), ("...", "..."), ("c:x", "c:x")]
        {
            assert_eq!(path(name).as_bytes(), taken.as_bytes());
        }
        assert_eq!(MemberPath::parse(b"./"), Ok(None));
    }

    #[test]
    fn a_link_may_lead_up_only_as_far_as_there_are_folders() {
        for (link, target) in
            [("l", "a/b"), ("a/l", "../b"), ("a/b/l", "../../c/d"), ("l", "."), ("a/l", ".././b/")]
        {
            assert_eq!(path(link).check_link(target.as_bytes()), Ok(()), "{link} -> {target}");
        }
        for (link, target) in [
            ("l", ".."),
            ("l", "/etc"),
            ("a/l", "../../x"),
            ("l", "a/../.."),
            ("a/l", "b/../c"),
            ("l", ""),
            ("l", "a\0"),
        ] {
            assert!(path(link).check_link(target.as_bytes()).is_err(), "{link} -> {target}");
        }
    }

    #[test]
    fn a_folder_is_wanted_with_all_in_it_and_nothing_else() -> Result<(), ArchiveError> {
        let data = Selection::new(["./data/"])?;
        assert!(data.has(&path("data")) && data.has(&path("data/x/y")));
        assert!(!data.has(&path("data2/x")) && !data.has(&path("data.txt")) && !data.has(&path("x/data")));
        assert!(Selection::new([])?.has(&path("x")));
        assert!(Selection::new(["data", "."])?.is_all());
        assert!(data.covers(&Selection::new(["data/x"])?) && !data.covers(&Selection::new([])?));
        assert!(Selection::new([])?.covers(&data) && !data.covers(&Selection::new(["data", "x"])?));
        Ok(())
    }

    #[test]
    fn a_missing_member_is_named_with_its_nearest() -> Result<(), ArchiveError> {
        let names = [path("store/tiny-data.txt"), path("store/subdir/x"), path("zzz")];
        let wanted = Selection::new(["store/tiny_data.txt"])?;
        let error = wanted.check_found(names.iter()).map_err(|error| error.to_string());
        let told = "nothing in it is called \"store/tiny_data.txt\"; there is \"store/tiny-data.txt\", \"store/subdir/x\"";
        assert_eq!(error, Err(told.into()));
        assert!(Selection::new(["store", "zzz"])?.check_found(names.iter()).is_ok());
        Ok(())
    }

    proptest! {
        #[test]
        fn no_name_leads_out(name in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'/'), any::<u8>()], 0..16)) {
            if let Ok(Some(path)) = MemberPath::parse(&name) {
                let normal = |part| matches!(part, Component::Normal(_));
                prop_assert!(path.as_path().components().all(normal));
                prop_assert_eq!(MemberPath::parse(path.as_bytes()), Ok(Some(path.clone())));
                let written = serde_json::to_string(&path).unwrap_or_default();
                prop_assert_eq!(serde_json::from_str::<MemberPath>(&written).ok(), Some(path));
            }
        }
    }
}
