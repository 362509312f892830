//! URLs as the URL standard parses and changes them.

use std::rc::Rc;

use url::{Url, quirks};

use super::super::host::Host;
use super::super::quickjs::{Call, Result, Value};
use super::Native;

pub(super) const NATIVES: &[(&str, Native)] = &[("url", parse), ("urlSet", set)];

/// `url(text, base?)`
fn parse(_host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let text = call.argument(0).to_text()?;
    let base = call.argument(1);
    let parsed = if base.is_undefined() {
        Url::parse(&text)
    } else {
        Url::parse(&base.to_text()?).and_then(|base| base.join(&text))
    };
    let Ok(url) = parsed else { return Ok(call.context.null()) };
    let parts = [
        quirks::href(&url),
        &quirks::origin(&url),
        quirks::protocol(&url),
        quirks::host(&url),
        quirks::hostname(&url),
        quirks::port(&url),
        quirks::pathname(&url),
        quirks::search(&url),
        quirks::hash(&url),
        quirks::username(&url),
        quirks::password(&url),
    ];
    Ok(call.context.array(parts.map(|part| call.context.string(part))))
}

/// `urlSet(href, part, value)`
fn set(_host: &Rc<Host>, call: &Call<'_>) -> Result<Value> {
    let href = call.argument(0).to_text()?;
    let Ok(mut url) = Url::parse(&href) else { return Ok(call.argument(0)) };
    let (part, value) = (call.argument(1).to_text()?, call.argument(2).to_text()?);
    // The standard's setters leave the URL as it was when they refuse; only `href` throws.
    match part.as_str() {
        "href" => match Url::parse(&value) {
            Ok(parsed) => url = parsed,
            Err(error) => return Err(call.context.type_error(&format!("invalid URL: {error}"))),
        },
        "protocol" => drop(quirks::set_protocol(&mut url, &value)),
        "host" => drop(quirks::set_host(&mut url, &value)),
        "hostname" => drop(quirks::set_hostname(&mut url, &value)),
        "port" => drop(quirks::set_port(&mut url, &value)),
        "pathname" => quirks::set_pathname(&mut url, &value),
        "search" => quirks::set_search(&mut url, &value),
        "hash" => quirks::set_hash(&mut url, &value),
        "username" => drop(quirks::set_username(&mut url, &value)),
        "password" => drop(quirks::set_password(&mut url, &value)),
        _ => return Err(call.context.type_error(&format!("{part} is no part of a URL"))),
    }
    Ok(call.context.string(url.as_str()))
}
