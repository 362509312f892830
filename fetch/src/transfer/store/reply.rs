//! What a store's reply means: an object, or an XML document with `Code` and `Message`, which all three send.
//! Must not know what is done about it.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::conceal;
use super::problem::StoreRefusal;
use crate::error::Problem;
use crate::transfer::http::{Client, Header};
use crate::transfer::{Answer, Ask, Refusal};

/// The longest part of a store's sentence that is shown, in characters.
const LONGEST_SENTENCE: usize = 300;

/// No object.
pub struct Refused {
    /// Why.
    pub refusal: Box<Refusal>,
    /// The region where S3 says that the bucket is, when it was asked for in another.
    pub region: Option<String>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Refused { refusal: Box::new(problem.into()), region: None }
    }
}

/// Asks for the object at `url`. `tried` says in whose name it was asked; `secrets` are never shown.
pub fn ask(
    http: &Client,
    url: &str,
    headers: &[Header],
    wanted: Ask<'_>,
    tried: &str,
    secrets: &[&str],
) -> Result<Answer, Refused> {
    let reply = http.get(url, headers).map_err(|problem| match problem {
        // A signature of Azure's is part of the URL, which the message may name.
        Problem::Connection(message) => Problem::Connection(conceal(&message, secrets)),
        other => other,
    })?;
    let status = reply.status();
    match status {
        200..=299 | 304 | 416 => {
            return reply
                .answer(wanted)
                .map_err(|refusal| Refused { refusal: Box::new(refusal), region: None });
        }
        // It is another version than the one whose rest was asked for.
        412 => return Ok(Answer::NoRest),
        _ => {}
    }
    let retry_after = reply.retry_after();
    let header = |name| reply.header(name).map(str::to_owned);
    let (region, code) = (header("x-amz-bucket-region"), header("x-ms-error-code"));
    let document = Document::read(&reply.text());
    let sentence = document.message.lines().next().unwrap_or_default().trim();
    let sentence: String = sentence.chars().take(LONGEST_SENTENCE).collect();
    let problem = StoreRefusal {
        status,
        code: conceal(&code.unwrap_or(document.code), secrets),
        message: conceal(&sentence, secrets),
        tried: tried.to_owned(),
    };
    let region = region.or(document.region).filter(|region| is_region(region));
    let region = region.filter(|_| matches!(status, 301 | 302 | 307 | 308 | 400));
    let refusal = Box::new(Refusal { problem: problem.into(), retry_after });
    Err(Refused { refusal, region })
}

/// Whether it may become part of a host's name.
fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// What is looked at of such a document. There is more in it that is better not shown: the string that was signed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Document {
    code: String,
    message: String,
    region: Option<String>,
}

impl Document {
    /// Reads as much as is XML.
    fn read(text: &str) -> Document {
        let mut document = Document::default();
        // Azure begins with a byte order mark.
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut path: Vec<String> = Vec::new();
        loop {
            let more = match reader.read_event() {
                Ok(Event::Start(tag)) => {
                    path.push(tag.name().as_ref().to_owned());
                    continue;
                }
                Ok(Event::End(_)) => {
                    path.pop();
                    continue;
                }
                Ok(Event::Text(text)) => text.xml10_content().into_owned(),
                Ok(Event::GeneralRef(name)) => character(&name),
                Ok(Event::Eof) | Err(_) => return document,
                Ok(_) => continue,
            };
            match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["Error", "Code"] => document.code += more.trim(),
                ["Error", "Message"] => document.message += &more,
                ["Error", "Region"] => document.region.get_or_insert_default().push_str(more.trim()),
                _ => {}
            }
        }
    }
}

/// The character that an entity stands for.
fn character(name: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = name.resolve_char_ref() {
        return character.into();
    }
    quick_xml::escape::resolve_predefined_entity(&name.xml10_content()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_message_and_region_are_found() {
        let text = "\u{feff}<?xml version=\"1.0\"?>\n<Error><Code>AuthorizationHeaderMalformed</Code>\
                    <Message>the region &apos;a&#39; is wrong</Message><StringToSign>secret</StringToSign>\
                    <Region>eu-west-1</Region></Error>";
        let document = Document::read(text);
        assert_eq!(document.code, "AuthorizationHeaderMalformed");
        assert_eq!(document.message, "the region 'a' is wrong");
        assert_eq!(document.region.as_deref(), Some("eu-west-1"));
        assert_eq!(Document::read("<html>Not Found"), Document::default());
        assert_eq!(Document::read("<Error><Code>Slow").code, "Slow");
    }

    #[test]
    fn only_a_region_becomes_part_of_a_host() {
        assert!(is_region("eu-west-1"));
        assert!(!is_region("evil.example/") && !is_region("a.b") && !is_region(""));
    }
}
