//! What can be wrong with a store or what it is asked for. Must not know how stores are asked.

/// What a store says when it gives no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store answers {}", self.words())]
pub struct StoreRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The store's word for it, such as `NoSuchKey`; empty when it gives none.
    pub code: String,
    /// The store's sentence for it, without any secret; perhaps empty.
    pub message: String,
    /// Where the credentials came from that were used, or why there were none.
    pub tried: String,
}

impl StoreRefusal {
    fn words(&self) -> String {
        let StoreRefusal { status, code, message, .. } = self;
        match (&**code, &**message) {
            ("", _) => format!("HTTP {status}"),
            (code, "") => format!("{code} (HTTP {status})"),
            (code, message) => format!("{code}: {message} (HTTP {status})"),
        }
    }

    /// Whether there is no such object.
    pub fn is_not_found(&self) -> bool {
        matches!(self.status, 404 | 410)
    }

    /// Whether other credentials may help. Some stores say with 400 that a token has expired or is none.
    pub fn is_denied(&self) -> bool {
        matches!(self.status, 401 | 403) || matches!(&*self.code, "ExpiredToken" | "InvalidToken")
    }

    /// What to do.
    pub fn hint(&self) -> String {
        let advice = match &*self.code {
            "ExpiredToken" | "TokenRefreshRequired" => "get new ones, or give --anonymous for public data",
            "RequestTimeTooSkewed" => "set the clock of this machine",
            "InvalidObjectState" | "BlobArchived" => "the object is archived: restore it first",
            _ if self.is_not_found() => "check the bucket and the key, which is taken letter by letter",
            _ if self.is_denied() => {
                "credentials with the right to read it are needed, and `fetch get --help` says where they are looked for"
            }
            _ => "try again later, or give a mirror in \"urls\"",
        };
        format!("{}; {advice}", self.tried)
    }
}

/// What is wrong with a machine's settings for a store, so that it is not even asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StoreSetup {
    /// What is wrong, without any secret.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}
