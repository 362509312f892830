//! ES modules from the site: names to URLs, texts to modules, with a bytecode cache for the big ones.

use std::borrow::Cow;
use std::rc::Rc;

use url::Url;

use super::cache::Key;
use super::host::Host;
use super::quickjs::{self, Context, ModuleSource, Result, Value};

/// Smaller modules parse faster than a file is read and checked.
const CACHED_FROM_BYTES: usize = 2_000;

/// Begins what stands for the URL of a specifier that means none; what follows is why.
const NOWHERE: &str = "nowhere:";

/// The modules of one page.
pub(super) struct Loader {
    pub(super) host: Rc<Host>,
}

impl ModuleSource for Loader {
    fn resolve(&self, base: &str, name: &str) -> String {
        // A classic script has no URL of its own to resolve against; the page's is what a browser takes.
        let base = Url::parse(base).or_else(|_| Url::parse(&self.host.options.page_url)).ok();
        // The engine takes no error here: `load` says it.
        match self.host.import_map.borrow().resolve(name, base.as_ref()) {
            Ok(url) => self.host.group.site.moved(&url).unwrap_or(url),
            Err(why) => format!("{NOWHERE}{why}"),
        }
    }

    fn load(&self, context: Context, url: &str) -> Result<Value> {
        if let Some(why) = url.strip_prefix(NOWHERE) {
            return Err(context.type_error(why));
        }
        if url.starts_with("blob:") || url.starts_with("data:") {
            // Only the scripts know what these hold.
            let source = self.host.hook("moduleSource")?.call(&[context.string(url)])?;
            if source.is_null() {
                return Err(context.type_error(&format!("failed to fetch the module {url}")));
            }
            return context.compile_module(&source.to_text()?, url);
        }
        let Some(resource) = self.host.group.site.get(url) else {
            return Err(context.type_error(&format!("failed to fetch the module {url}")));
        };
        let text = String::from_utf8_lossy(&resource.bytes);
        if resource.mime == "application/json" || resource.mime.ends_with("+json") {
            return context.compile_module(&format!("export default {text}"), url);
        }
        let source = corrected(&text);
        if source.len() < CACHED_FROM_BYTES {
            return context.compile_module(&source, url);
        }
        // The URL is part of the bytecode: stack frames and relative imports need it.
        let key = Key::new("qbc", &[quickjs::version(), url.as_bytes(), source.as_bytes()]);
        if let Some(bytecode) = self.host.group.cache.read(&key) {
            // SAFETY: the digest says that these are the bytes `bytecode` gave to this cache, and the
            // key that it was the same version of the engine.
            return unsafe { context.read_bytecode(&bytecode) };
        }
        let module = context.compile_module(&source, url)?;
        self.host.group.cache.write(&key, &context.bytecode(&module)?);
        Ok(module)
    }
}

/// Works around QuickJS-ng comparing a negative `BigInt` with a negative number by magnitude alone:
/// it takes `-22n < -9007199254740992` for true, so that every seek backwards in a file fails.
///
/// Only Emscripten's `bigintToI53Checked` compares a `BigInt` with numbers, so only it is rewritten, to compare it with two.
fn corrected(source: &str) -> Cow<'_, str> {
    const WRONG: &str = "num<INT53_MIN||num>INT53_MAX";
    const RIGHT: &str = "num<-9007199254740992n||num>9007199254740992n";
    if source.contains(WRONG) { source.replace(WRONG, RIGHT).into() } else { source.into() }
}

#[cfg(test)]
mod tests {
    use super::corrected;

    #[test]
    fn only_the_one_comparison_is_rewritten() {
        let glue = "bigintToI53Checked=num=>num<INT53_MIN||num>INT53_MAX?NaN:Number(num);";
        let right = "bigintToI53Checked=num=>num<-9007199254740992n||num>9007199254740992n?NaN:Number(num);";
        assert_eq!(corrected(glue), right);
        assert_eq!(corrected("a<INT53_MIN"), "a<INT53_MIN");
    }
}
