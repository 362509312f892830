//! Who is told of changes: every page that listens, as server-sent events. Must not know where changes come from.
//!
//! Every change makes a new version of the site. A page knows the version it was made of and asks for what came
//! after it, so that a change while it loads, sleeps or is out of reach is not missed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;
use serde_json::json;
use tokio::sync::watch;

/// How often a silent connection is tried, so that one without an end at the other side goes.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// How soon a page tries again that has lost the server.
const RETRY: &str = "retry: 500\n\n";

/// The site's versions.
#[derive(Debug)]
pub struct Live {
    /// Tells this server's versions from those of one that ran before.
    run: String,
    news: watch::Sender<News>,
}

#[derive(Clone, Debug, Default)]
struct News {
    version: u64,
    /// What has changed since the version before, as paths from the root.
    files: Arc<[String]>,
}

impl Live {
    /// The first version.
    pub fn new() -> Live {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Live { run: format!("{:x}", since.as_nanos()), news: watch::Sender::default() }
    }

    /// The version that the site has now.
    pub fn version(&self) -> String {
        self.name(self.news.borrow().version)
    }

    /// Makes a new version, in which these files are others.
    pub fn change(&self, files: Vec<String>) {
        self.news.send_modify(|news| *news = News { version: news.version + 1, files: files.into() });
    }

    /// The version now, then each new one.
    pub fn feed(self: &Arc<Live>) -> Feed {
        let receiver = self.news.subscribe();
        let first = RETRY.to_owned() + &self.event(&receiver.borrow());
        let next = Box::pin(std::future::ready((Bytes::from(first), Some(receiver))));
        Feed { live: Arc::clone(self), next: Some(next) }
    }

    fn name(&self, version: u64) -> String {
        format!("{}.{version}", self.run)
    }

    fn event(&self, news: &News) -> String {
        let after = self.name(news.version.saturating_sub(1));
        let data = json!({"version": self.name(news.version), "after": after, "files": *news.files});
        format!("data: {data}\n\n")
    }
}

type Receiver = watch::Receiver<News>;
type Next = Pin<Box<dyn Future<Output = (Bytes, Option<Receiver>)> + Send>>;

/// What one page hears.
pub struct Feed {
    live: Arc<Live>,
    next: Option<Next>,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

impl Feed {
    /// The next event's text; nothing once the server ends.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let (bytes, receiver) = std::task::ready!(next.as_mut().poll(context));
        self.next = receiver.map(|receiver| Box::pin(hear(Arc::clone(&self.live), receiver)) as Next);
        Poll::Ready(Some(bytes))
    }
}

async fn hear(live: Arc<Live>, mut receiver: Receiver) -> (Bytes, Option<Receiver>) {
    match tokio::time::timeout(HEARTBEAT, receiver.changed()).await {
        Ok(Ok(())) => {
            let text = live.event(&receiver.borrow_and_update());
            (text.into(), Some(receiver))
        }
        Ok(Err(_)) => (Bytes::new(), None),
        // A comment.
        Err(_) => (Bytes::from_static(b":\n\n"), Some(receiver)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_names_the_one_before_it() {
        let live = Live::new();
        let first = live.version();
        live.change(vec!["a.css".into()]);
        let text = live.event(&live.news.borrow());
        assert_ne!(live.version(), first);
        assert!(text.contains(&format!("\"after\":\"{first}\",\"files\":[\"a.css\"]")), "{text}");
    }
}
