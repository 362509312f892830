//! What the environment and the files of AWS say: keys, region, endpoint. Must not know what is asked of S3.
//!
//! Names and their order as in the AWS SDKs and Tools Reference Guide, "Settings reference" and "Standardized
//! credential providers".

use std::path::PathBuf;

use super::ini::Ini;
use super::problem::StoreSetup;
use super::sigv4::Keys;
use super::{Variables, setup};

/// Of which region a bucket is taken to be until S3 says another.
const FIRST_REGION: &str = "us-east-1";

const EXPORT: &str = "put temporary keys into the environment with \
    `eval \"$(aws configure export-credentials --format env)\"`, or give --anonymous for public data";

/// What is set for S3.
pub struct Settings {
    /// The keys to sign with; without them requests are anonymous.
    pub keys: Option<Keys>,
    /// Where the keys are from, or why there are none.
    pub tried: String,
    /// The region to begin with.
    pub region: String,
    /// Where another server than Amazon's is: scheme, host and perhaps a path, without `/` at the end.
    pub endpoint: Option<String>,
    /// Whether who asks pays for the transfer, of buckets that want it.
    pub requester_pays: bool,
}

impl Settings {
    /// Looks at the environment and at the files that it names.
    pub fn find(variables: Variables<'_>, anonymous: bool) -> Result<Settings, StoreSetup> {
        let files = Files::read(variables);
        let profile = variables("AWS_PROFILE");
        let name = profile.as_deref().unwrap_or("default");
        let (keys, tried) = if anonymous {
            (None, "asked without credentials, as --anonymous says".to_owned())
        } else if variables("AWS_NO_SIGN_REQUEST").is_some_and(|value| is_yes(&value)) {
            (None, "asked without credentials, as AWS_NO_SIGN_REQUEST says".to_owned())
        } else {
            keys(variables, &files, name, profile.is_some())?
        };
        let region = variables("AWS_REGION").or_else(|| variables("AWS_DEFAULT_REGION"));
        let region = region.or_else(|| files.get(name, "region")).unwrap_or_else(|| FIRST_REGION.to_owned());
        let endpoint = variables("AWS_ENDPOINT_URL_S3").or_else(|| variables("AWS_ENDPOINT_URL"));
        let endpoint = endpoint.or_else(|| files.get(name, "endpoint_url"));
        Ok(Settings {
            keys,
            tried,
            region,
            endpoint: endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_owned()),
            requester_pays: variables("AWS_REQUEST_PAYER").is_some_and(|value| value == "requester"),
        })
    }
}

type Found = (Option<Keys>, String);

fn keys(variables: Variables<'_>, files: &Files, name: &str, named: bool) -> Result<Found, StoreSetup> {
    match (variables("AWS_ACCESS_KEY_ID"), variables("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            let keys = Keys { id, secret, token: variables("AWS_SESSION_TOKEN") };
            return Ok((Some(keys), "asked with AWS_ACCESS_KEY_ID of the environment".into()));
        }
        (None, None) => {}
        _ => {
            let hint = "set both, or neither";
            return Err(setup("of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set", hint));
        }
    }
    if let (Some(id), Some(secret)) =
        (files.get(name, "aws_access_key_id"), files.get(name, "aws_secret_access_key"))
    {
        let keys = Keys { id, secret, token: files.get(name, "aws_session_token") };
        return Ok((Some(keys), format!("asked with the keys of the profile {name:?} of {}", files.names())));
    }
    if named && !files.has(name) {
        let hint = "name one that is there in AWS_PROFILE, or give --anonymous for public data";
        return Err(setup(format!("no profile {name:?} in {}", files.names()), hint));
    }
    let elsewhere = ["credential_process", "role_arn", "sso_session", "sso_start_url", "login_session"];
    if let Some(key) = elsewhere.into_iter().find(|key| files.get(name, key).is_some()) {
        let message = format!("the profile {name:?} gets its keys by {key}, which is not supported");
        return Err(setup(message, EXPORT));
    }
    let services = [
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    if let Some(key) = services.into_iter().find(|key| variables(key).is_some()) {
        return Err(setup(format!("keys by {key} are not supported"), EXPORT));
    }
    let tried = format!(
        "asked without credentials: there is no AWS_ACCESS_KEY_ID, no profile with keys in {}, and an instance's \
         metadata are not looked at",
        files.names()
    );
    Ok((None, tried))
}

fn is_yes(value: &str) -> bool {
    ["1", "yes", "true", "on"].contains(&value.to_ascii_lowercase().as_str())
}

/// The two files of profiles.
struct Files {
    credentials: Ini,
    config: Ini,
    paths: [PathBuf; 2],
}

impl Files {
    /// Reads them; one that is not there says nothing.
    fn read(variables: Variables<'_>) -> Files {
        let home = variables("HOME").map(PathBuf::from).unwrap_or_default();
        let path = |variable: &str, name: &str| {
            let given = variables(variable).map(|path| match path.strip_prefix("~/") {
                Some(below) => home.join(below),
                None => PathBuf::from(path),
            });
            given.unwrap_or_else(|| home.join(".aws").join(name))
        };
        let paths = [path("AWS_SHARED_CREDENTIALS_FILE", "credentials"), path("AWS_CONFIG_FILE", "config")];
        let [credentials, config] =
            paths.each_ref().map(|path| Ini::parse(&std::fs::read_to_string(path).unwrap_or_default()));
        Files { credentials, config, paths }
    }

    /// What a profile says: in the file of credentials by its name, in the other, all but the default, behind the
    /// word `profile`.
    fn get(&self, profile: &str, key: &str) -> Option<String> {
        let found = self.credentials.get(profile, key).or_else(|| self.config.get(&section(profile), key));
        found.map(str::to_owned)
    }

    fn has(&self, profile: &str) -> bool {
        self.credentials.has(profile) || self.config.has(&section(profile))
    }

    fn names(&self) -> String {
        format!("{} or {}", self.paths[0].display(), self.paths[1].display())
    }
}

fn section(profile: &str) -> String {
    if profile == "default" { profile.to_owned() } else { format!("profile {profile}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found with these variables and these two files.
    fn find(given: &[(&str, &str)], credentials: &str, config: &str) -> Result<Settings, StoreSetup> {
        let folder = tempfile::tempdir().unwrap_or_else(|_| unreachable!());
        let write = |name: &str, text| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap_or_else(|_| unreachable!());
            path.to_string_lossy().into_owned()
        };
        let (first, second) = (write("credentials", credentials), write("config", config));
        let variables = |name: &str| match name {
            "AWS_SHARED_CREDENTIALS_FILE" => Some(first.clone()),
            "AWS_CONFIG_FILE" => Some(second.clone()),
            _ => given.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
        };
        Settings::find(&variables, false)
    }

    fn id(given: &[(&str, &str)], credentials: &str, config: &str) -> Option<String> {
        find(given, credentials, config).ok().and_then(|settings| settings.keys).map(|keys| keys.id)
    }

    fn message(given: &[(&str, &str)], config: &str) -> String {
        find(given, "", config).err().map(|setup| setup.message).unwrap_or_default()
    }

    const ENVIRONMENT: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "env"), ("AWS_SECRET_ACCESS_KEY", "s")];
    const CREDENTIALS: &str = "[default]\naws_access_key_id=one\naws_secret_access_key=s\n\
                               [b]\naws_access_key_id=two\naws_secret_access_key=s\naws_session_token=t\n";

    #[test]
    fn keys_are_found_in_the_order_of_the_sdks() {
        assert_eq!(id(&ENVIRONMENT, CREDENTIALS, "").as_deref(), Some("env"));
        assert_eq!(id(&[], CREDENTIALS, "").as_deref(), Some("one"));
        assert_eq!(id(&[("AWS_PROFILE", "b")], CREDENTIALS, "").as_deref(), Some("two"));
        let config = "[profile c]\naws_access_key_id=three\naws_secret_access_key=s\n";
        assert_eq!(id(&[("AWS_PROFILE", "c")], CREDENTIALS, config).as_deref(), Some("three"));
        assert_eq!(id(&[], "", config), None);
        let refused = [&ENVIRONMENT[..], &[("AWS_NO_SIGN_REQUEST", "YES")]].concat();
        assert_eq!(id(&refused, CREDENTIALS, ""), None);
    }

    #[test]
    fn region_and_endpoint_are_found() {
        let config = "[profile b]\nregion = eu-west-1\nendpoint_url = http://host:9000/\n";
        let profile = [("AWS_PROFILE", "b")];
        let found = |given: &[(&str, &str)]| {
            find(given, CREDENTIALS, config).map(|settings| (settings.region, settings.endpoint)).ok()
        };
        assert_eq!(found(&[]), Some(("us-east-1".into(), None)));
        assert_eq!(found(&profile), Some(("eu-west-1".into(), Some("http://host:9000".into()))));
        let given = [&profile[..], &[("AWS_DEFAULT_REGION", "r"), ("AWS_ENDPOINT_URL", "http://e")]].concat();
        assert_eq!(found(&given), Some(("r".into(), Some("http://e".into()))));
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        assert!(message(&ENVIRONMENT[..1], "").contains("only one is set"));
        assert!(message(&[("AWS_PROFILE", "z")], "").starts_with("no profile \"z\""));
        assert!(message(&[], "[default]\nsso_session=x\n").contains("by sso_session"));
        assert!(
            message(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/x")], "").contains("AWS_WEB_IDENTITY_TOKEN_FILE")
        );
    }
}
