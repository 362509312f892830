//! The dialogs of the open page, for which it stands still: dismissed at once, as in pyweb's own browser, or answered by
//! the test. Must not know what it answers.

use serde_json::{Value, json};

use super::driver::{Driver, Fault};
use super::words::text_of;
use crate::headless::Level;

/// Who answers a page's dialogs.
#[derive(Default)]
pub(super) struct Dialogs {
    /// Whether the test does; else they are dismissed at once.
    pub(super) asks: bool,
    /// The number of the last that it was asked about.
    last: u64,
}

impl Driver {
    /// A dialog has opened.
    pub(super) fn dialog(&mut self, params: &Value) -> Result<(), Fault> {
        let Some(page) = &mut self.page else { return Ok(()) };
        let (kind, message) = (text_of(&params["type"]), text_of(&params["message"]));
        // Who is to leave a page leaves it.
        let leaves = kind == "beforeunload";
        if page.dialogs.asks && !leaves {
            page.dialogs.last += 1;
            page.told(json!({
                "kind": "dialog", "dialog": page.dialogs.last, "what": kind, "message": message,
                "default_value": text_of(&params["defaultPrompt"]),
            }));
            return Ok(());
        }
        // Dismissed at once, as in pyweb's own browser.
        if !leaves {
            page.log(Level::Info, format!("{kind}: {message}"));
        }
        self.answer_dialog(&json!({"accept": leaves || kind == "alert"}))
    }

    /// The test's answer to the one that is open.
    pub(super) fn answer_dialog(&mut self, answer: &Value) -> Result<(), Fault> {
        let Some(session) = self.page.as_ref().map(|page| page.session.clone()) else { return Ok(()) };
        let mut said = json!({"accept": answer["accept"] == true});
        if let Some(text) = answer["text"].as_str() {
            said["promptText"] = json!(text);
        }
        self.say(Some(&session), "Page.handleJavaScriptDialog", &said).map(drop)
    }
}
