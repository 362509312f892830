//! Comma-separated values (RFC 4180) with the columns of `memray transform csv`.

use std::fmt::Write;

use super::Exported;

pub fn csv(exported: &Exported) -> Vec<u8> {
    let mut text = String::from("allocator,num_allocations,size,tid,thread_name,stack_trace\r\n");
    for (usage, measure) in exported.sites() {
        let frame = |frame| {
            let words = exported.words(frame);
            format!("{};{};{}", words.function, words.file, words.line)
        };
        let stack: Vec<String> = exported.symbols.frames(usage.site.stack).map(Some).map(frame).collect();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{},{},{},{},{},{}\r\n",
            quoted(exported.symbols.allocator_name(usage.site.allocator.index())),
            measure.allocations,
            measure.bytes,
            usage.site.thread,
            quoted(exported.symbols.thread_name(usage.site.thread).unwrap_or_default()),
            quoted(&stack.join("|")),
        );
    }
    text.into_bytes()
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
