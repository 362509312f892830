//! Secrets: wherever one stands in a URL or in what was meant to be one, nothing that is shown has it.
#![no_main]

use fetch::source::{Address, conceal};
use libfuzzer_sys::fuzz_target;

/// Letters that no fuzzer's text has by chance.
const SECRET: &str = "Zq7Xw9Kv";

fuzz_target!(|parts: (&str, &str, &str, u8)| {
    let (before, between, after, kind) = parts;
    let text = match kind % 4 {
        0 => format!("{before}://{between}:{SECRET}@{after}"),
        1 => format!("https://user:{SECRET}@{after}"),
        2 => format!("https://{before}/{between}?token={SECRET}&{after}"),
        _ => format!("https://{before}?{between}&X-Amz-Signature={SECRET}"),
    };
    // Behind these the secret is no longer where a user or a query stands, but in a path or a fragment.
    let moved = match kind % 4 {
        0 => before.contains(['/', '?', '#', '\\', ':']) || between.contains(['/', '?', '#', '\\']),
        1 => false,
        _ => [before, between].iter().any(|part| part.contains(['?', '#'])),
    };
    // The fuzzer learns the secret and writes it elsewhere, in pieces or encoded: without its first letter it cannot.
    let first_letter = |part: &&str| part.contains('Z') || part.contains("%5");
    if moved || [before, between, after].iter().any(first_letter) {
        return;
    }
    let shown = match Address::parse(&text) {
        Ok(address) => format!("{address} {address:?}"),
        Err(bad) => format!("{bad} {bad:?}"),
    };
    let shown = shown + &conceal(std::slice::from_ref(&text)).concat();
    assert!(!shown.contains(SECRET), "{text:?} is shown as {shown}");
});
