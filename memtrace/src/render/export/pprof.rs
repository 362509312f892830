//! pprof's `profile.proto`, gzipped: <https://github.com/google/pprof/blob/main/proto/profile.proto>. The four
//! values of a sample are those of Go's heap profiles, "in use" being what was in use at the peak.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Exported, Table};

/// What the values of a sample are, and in which unit.
const VALUES: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// The fields of the messages, by their numbers in the description.
mod field {
    pub const SAMPLE_TYPE: u64 = 1;
    pub const SAMPLE: u64 = 2;
    pub const LOCATION: u64 = 4;
    pub const FUNCTION: u64 = 5;
    pub const STRING_TABLE: u64 = 6;
    pub const DEFAULT_SAMPLE_TYPE: u64 = 14;
    pub mod value_type {
        pub const TYPE: u64 = 1;
        pub const UNIT: u64 = 2;
    }
    pub mod sample {
        pub const LOCATION_ID: u64 = 1;
        pub const VALUE: u64 = 2;
        pub const LABEL: u64 = 3;
    }
    pub mod label {
        pub const KEY: u64 = 1;
        pub const STR: u64 = 2;
    }
    pub mod location {
        pub const ID: u64 = 1;
        pub const LINE: u64 = 4;
    }
    pub mod line {
        pub const FUNCTION_ID: u64 = 1;
        pub const LINE: u64 = 2;
    }
    pub mod function {
        pub const ID: u64 = 1;
        pub const NAME: u64 = 2;
        pub const SYSTEM_NAME: u64 = 3;
        pub const FILENAME: u64 = 4;
    }
}

pub fn pprof(exported: &Exported) -> io::Result<Vec<u8>> {
    let mut profile = Message::default();
    // The first string is the empty one; the others get their numbers as they are met.
    let mut all_strings = vec![String::new()];
    let mut numbers = Table::from(1);
    let mut string = |text: &str| {
        if text.is_empty() {
            return 0;
        }
        numbers.number(text.to_owned(), |_| all_strings.push(text.to_owned()))
    };
    for (kind, unit) in VALUES {
        let mut value_type = Message::default();
        value_type.number(field::value_type::TYPE, string(kind));
        value_type.number(field::value_type::UNIT, string(unit));
        profile.message(field::SAMPLE_TYPE, &value_type);
    }
    let (mut locations, mut functions) = (Table::from(1), Table::from(1));
    for usage in exported.usage {
        let mut ids = Vec::new();
        for frame in exported.frames(usage) {
            let words = exported.words(frame);
            ids.push(locations.number(frame, |location_id| {
                let (name, file) = (string(&words.function), string(&words.file));
                let function_id = functions.number((name, file), |id| {
                    let mut function = Message::default();
                    function.number(field::function::ID, id);
                    function.number(field::function::NAME, name);
                    function.number(field::function::SYSTEM_NAME, name);
                    function.number(field::function::FILENAME, file);
                    profile.message(field::FUNCTION, &function);
                });
                let (mut location, mut line) = (Message::default(), Message::default());
                line.number(field::line::FUNCTION_ID, function_id);
                line.number(field::line::LINE, words.line.into());
                location.number(field::location::ID, location_id);
                location.message(field::location::LINE, &line);
                profile.message(field::LOCATION, &location);
            }));
        }
        let (given, peak) = (usage.given, usage.peak);
        let mut sample = Message::default();
        sample.packed(field::sample::LOCATION_ID, &ids);
        sample.packed(field::sample::VALUE, &[given.allocations, given.bytes, peak.allocations, peak.bytes]);
        let labels = [
            ("thread", exported.thread(usage.site.thread)),
            ("allocator", exported.symbols.allocator_name(usage.site.allocator.index()).to_owned()),
        ];
        for (key, value) in labels {
            let mut label = Message::default();
            label.number(field::label::KEY, string(key));
            label.number(field::label::STR, string(&value));
            sample.message(field::sample::LABEL, &label);
        }
        profile.message(field::SAMPLE, &sample);
    }
    profile.number(field::DEFAULT_SAMPLE_TYPE, string(VALUES[3].0));
    for text in &all_strings {
        profile.bytes(field::STRING_TABLE, text.as_bytes());
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&profile.0)?;
    packed.finish()
}

/// A protocol buffer's message: <https://protobuf.dev/programming-guides/encoding/>.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    fn number(&mut self, field: u64, number: u64) {
        self.varint(field << 3);
        self.varint(number);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u64, message: &Message) {
        self.bytes(field, &message.0);
    }

    fn packed(&mut self, field: u64, numbers: &[u64]) {
        let mut packed = Message::default();
        for &number in numbers {
            packed.varint(number);
        }
        self.message(field, &packed);
    }
}
