//! The translated module does what V8 does with the original, and is valid for every engine.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::{Untranslatable, translate};
use crate::headless::tests::Page;

const MODULE: &str = include_str!("testdata/exceptions.wat");
const CALLS: &str = include_str!("testdata/calls.js");
const V8: &str = include_str!("testdata/v8.txt");

#[test]
fn every_shape_ends_as_it_does_in_v8() {
    let page = Page::new().wasm("http://localhost/exceptions.wasm", MODULE).run(&format!(
        "{CALLS}; __native.print('info', calls(__native.read('http://localhost/exceptions.wasm')));"
    ));
    assert_eq!(page.text(), V8.trim_end());
}

#[test]
fn the_translation_is_valid_and_uses_no_legacy_instruction() {
    let translated = translate(&wat::parse_str(MODULE).unwrap()).unwrap().unwrap();
    let mut features = wasmparser::WasmFeatures::default();
    features.set(wasmparser::WasmFeatures::EXCEPTIONS, true);
    features.set(wasmparser::WasmFeatures::LEGACY_EXCEPTIONS, false);
    wasmparser::Validator::new_with_features(features).validate_all(&translated).unwrap();
    assert!(translate(&translated).unwrap().is_none(), "nothing is left to translate");
}

#[test]
fn a_module_without_exceptions_is_left_alone() {
    let plain = wat::parse_str("(module (func (export \"f\") (result i32) i32.const 1))").unwrap();
    assert!(translate(&plain).unwrap().is_none());
}

#[test]
fn damaged_modules_are_refused_without_panic() {
    let whole = wat::parse_str(MODULE).unwrap();
    for length in 0..whole.len() {
        let _: Result<_, Untranslatable> = translate(&whole[..length]);
    }
    for index in 8..whole.len() {
        let mut damaged = whole.clone();
        damaged[index] ^= 0x1f;
        let _: Result<_, Untranslatable> = translate(&damaged);
    }
}
