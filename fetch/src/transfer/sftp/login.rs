//! Logging in over SSH: by password where the URL has one, else by the keys of ssh-agent and of files.
//! Must not know how the connection was made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Interactive};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, Error as KeyError, HashAlg, PrivateKeyWithHashAlg, load_secret_key};

use super::config::{HostConfig, home};
use super::session::Checker;
use crate::error::Problem;
use crate::transfer::remote::{Login, RemoteProblem};

/// The keys that are tried when `~/.ssh/config` names none.
const KEY_FILES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Logs in.
pub async fn log_in(ssh: &mut Handle<Checker>, login: &Login, config: &HostConfig) -> Result<(), Problem> {
    let no_login = |why: String| RemoteProblem::NoLogin { host: login.host.clone(), why };
    let (user, password) = login.credentials.clone().unwrap_or_default();
    let user = Some(user).filter(|user| !user.is_empty()).or_else(|| config.user.clone()).or_else(local_user);
    let user = user.ok_or_else(|| no_login("the URL names no user, and this one has no name".to_owned()))?;
    let broken = |error: russh::Error| Problem::Connection(format!("{}: {error}", login.host));
    if !password.is_empty() {
        if by_password(ssh, &user, &password).await.map_err(broken)? {
            return Ok(());
        }
        let refused =
            RemoteProblem::Refused { host: login.host.clone(), reply: "wrong user or password".to_owned() };
        return Err(refused.into());
    }
    let hash = match ssh.best_supported_rsa_hash().await.map_err(broken)? {
        Some(hash) => hash,
        None => Some(HashAlg::Sha256),
    };
    let mut tried = Vec::new();
    if by_agent(ssh, &user, hash, &mut tried).await.map_err(broken)?
        || by_files(ssh, &user, hash, config, &mut tried).await.map_err(broken)?
    {
        return Ok(());
    }
    let why =
        if tried.is_empty() { "there is neither a key nor a password".to_owned() } else { tried.join("; ") };
    Err(no_login(why).into())
}

/// By the password, asked for by its own name or in a dialogue.
async fn by_password(ssh: &mut Handle<Checker>, user: &str, password: &str) -> Result<bool, russh::Error> {
    if ssh.authenticate_password(user, password).await?.success() {
        return Ok(true);
    }
    let mut answer = ssh.authenticate_keyboard_interactive_start(user, None).await?;
    let mut asked = false;
    loop {
        let prompts = match answer {
            Interactive::Success => return Ok(true),
            Interactive::Failure { .. } => return Ok(false),
            Interactive::InfoRequest { prompts, .. } => prompts,
        };
        // Asked a second time, it was wrong.
        if asked && !prompts.is_empty() {
            return Ok(false);
        }
        asked |= !prompts.is_empty();
        let hidden = |echo| if echo { String::new() } else { password.to_owned() };
        let answers = prompts.iter().map(|prompt| hidden(prompt.echo)).collect();
        answer = ssh.authenticate_keyboard_interactive_respond(answers).await?;
    }
}

/// By the keys that ssh-agent holds.
async fn by_agent(
    ssh: &mut Handle<Checker>,
    user: &str,
    hash: Option<HashAlg>,
    tried: &mut Vec<String>,
) -> Result<bool, russh::Error> {
    if std::env::var_os("SSH_AUTH_SOCK").is_none_or(|socket| socket.is_empty()) {
        return Ok(false);
    }
    let identities = async {
        let mut agent = AgentClient::connect_env().await?;
        let identities = agent.request_identities().await?;
        Ok::<_, KeyError>((agent, identities))
    };
    let (mut agent, identities) = match identities.await {
        Ok(found) => found,
        Err(error) => {
            tried.push(format!("ssh-agent: {error}"));
            return Ok(false);
        }
    };
    for identity in identities {
        let AgentIdentity::PublicKey { key, comment } = identity else { continue };
        let hash = hash.filter(|_| matches!(key.algorithm(), Algorithm::Rsa { .. }));
        match ssh.authenticate_publickey_with(user, key, hash, &mut agent).await {
            Ok(answer) if answer.success() => return Ok(true),
            Ok(_) => tried.push(format!("the key {comment} of ssh-agent is refused")),
            Err(error) => tried.push(format!("the key {comment} of ssh-agent: {error}")),
        }
    }
    Ok(false)
}

/// By the keys in files.
async fn by_files(
    ssh: &mut Handle<Checker>,
    user: &str,
    hash: Option<HashAlg>,
    config: &HostConfig,
    tried: &mut Vec<String>,
) -> Result<bool, russh::Error> {
    for path in key_files(config) {
        let shown = path.display();
        let key = match load_secret_key(&path, None) {
            Ok(key) => key,
            Err(KeyError::KeyIsEncrypted) => {
                tried.push(format!("{shown} is encrypted, and only ssh-agent can open it: ssh-add {shown}"));
                continue;
            }
            Err(error) => {
                tried.push(format!("{shown}: {error}"));
                continue;
            }
        };
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let answer: AuthResult = ssh.authenticate_publickey(user, key).await?;
        if answer.success() {
            return Ok(true);
        }
        tried.push(format!("{shown} is refused"));
    }
    Ok(false)
}

fn key_files(config: &HostConfig) -> Vec<PathBuf> {
    if !config.identity_files.is_empty() {
        return config.identity_files.clone();
    }
    let there = |path: &PathBuf| path.is_file();
    let folder = home().map(|home| home.join(".ssh")).unwrap_or_default();
    KEY_FILES.iter().map(|name| folder.join(name)).filter(there).collect()
}

/// The name of who runs this.
pub fn local_user() -> Option<String> {
    let named = |name| std::env::var(name).ok().filter(|user| !user.is_empty());
    named("USER").or_else(|| named("LOGNAME")).or_else(|| user_of(Path::new("/etc/passwd")))
}

/// The name in a file as passwd(5) describes it.
fn user_of(passwd: &Path) -> Option<String> {
    let own = rustix::process::getuid().as_raw().to_string();
    let text = std::fs::read_to_string(passwd).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == own).then(|| name.to_owned())
    })
}
