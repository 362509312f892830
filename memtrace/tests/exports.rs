//! Profiles for other programs: each holds what the run's own numbers say, and its reader takes it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::Folder;

const PROGRAM: &str = "\
def leaf(size):
    return bytearray(size - 1)

def hold(*sizes):
    return [leaf(size) for size in sizes]

kept = hold(3_000_000, 2_000_000)
passing = hold(9_000_000)
del passing
more = hold(1_000_000)
";

/// A capture, and what its numbers are.
fn recorded() -> Option<(Folder, Value)> {
    let python = kit::python("3.12").ok()?;
    let folder = Folder::new();
    folder.write("app.py", PROGRAM);
    let _ = folder.record(&python, &["app.py"]).exits(0);
    let stats = folder.stats();
    Some((folder, stats))
}

fn export(folder: &Folder, to: &str) -> Vec<u8> {
    let ran = folder.memtrace().args(["export", "--to", to, "-o", "-", "capture.mtr"]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

fn json(folder: &Folder, to: &str) -> Value {
    serde_json::from_slice(&export(folder, to)).unwrap()
}

fn sum(numbers: &Value) -> u64 {
    numbers.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).sum()
}

#[test]
fn a_folded_stack_a_line() {
    let Some((folder, stats)) = recorded() else { return };
    let text = String::from_utf8(export(&folder, "collapsed")).unwrap();
    let lines: Vec<(&str, u64)> = text
        .lines()
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(stack, bytes)| (stack, bytes.parse().unwrap()))
        .collect();
    assert_eq!(lines.iter().map(|(_, bytes)| bytes).sum::<u64>(), stats["peak_bytes"].as_u64().unwrap());
    let passing = lines.iter().find(|(stack, _)| stack.contains("app.py:8")).unwrap();
    assert!(passing.0.starts_with("<module> (") && passing.0.contains(";leaf ("), "{passing:?}");
    assert_eq!(passing.1, 9_000_000);
}

#[test]
fn speedscope_and_firefox_have_every_stack() {
    let Some((folder, stats)) = recorded() else { return };
    let peak = stats["peak_bytes"].as_u64().unwrap();
    let scope = json(&folder, "speedscope");
    let profile = &scope["profiles"][0];
    assert_eq!(sum(&profile["weights"]), peak);
    assert_eq!(profile["endValue"], peak);
    let frames = scope["shared"]["frames"].as_array().unwrap();
    let samples = profile["samples"].as_array().unwrap();
    assert_eq!(samples.len(), profile["weights"].as_array().unwrap().len());
    let largest = &samples[0].as_array().unwrap();
    let name = |index: &Value| frames[usize::try_from(index.as_u64().unwrap()).unwrap()]["name"].clone();
    assert_eq!((name(&largest[0]), name(largest.last().unwrap())), ("<module>".into(), "leaf".into()));

    let firefox = json(&folder, "firefox");
    let thread = &firefox["threads"][0];
    assert_eq!(sum(&thread["samples"]["weight"]), peak);
    // Every column of a table is as long as the table says.
    for table in
        ["samples", "stackTable", "frameTable", "funcTable", "markers", "resourceTable", "nativeSymbols"]
    {
        let table = thread[table].as_object().unwrap();
        for (name, column) in table.iter().filter(|(_, column)| column.is_array()) {
            assert_eq!(column.as_array().unwrap().len() as u64, table["length"].as_u64().unwrap(), "{name}");
        }
    }
    let at = |table: &str, column: &str, index: &Value| {
        thread[table][column][usize::try_from(index.as_u64().unwrap()).unwrap()].clone()
    };
    let frame = at("stackTable", "frame", &thread["samples"]["stack"][0]);
    let name = at("funcTable", "name", &at("frameTable", "func", &frame));
    assert_eq!(thread["stringArray"][usize::try_from(name.as_u64().unwrap()).unwrap()], "leaf");
}

#[test]
fn dhat_counts_what_was_given_kept_and_left() {
    let Some((folder, stats)) = recorded() else { return };
    let dhat = json(&folder, "dhat");
    let points = dhat["pps"].as_array().unwrap();
    for (field, total) in [
        ("tb", "total_bytes"),
        ("tbk", "allocations"),
        ("gb", "peak_bytes"),
        ("gbk", "peak_allocations"),
        ("eb", "leaked_bytes"),
    ] {
        let sum: u64 = points.iter().map(|point| point[field].as_u64().unwrap()).sum();
        assert_eq!(sum, stats[total].as_u64().unwrap(), "{field}");
    }
    let frames = dhat["ftbl"].as_array().unwrap();
    for point in points {
        assert!(point["mb"].as_u64() >= point["gb"].as_u64() && point["tb"].as_u64() >= point["mb"].as_u64());
        let known = |frame: &Value| usize::try_from(frame.as_u64().unwrap()).unwrap() < frames.len();
        assert!(point["fs"].as_array().unwrap().iter().all(known));
    }
    assert!(dhat["tg"].as_u64() <= dhat["te"].as_u64());
}

#[test]
fn ms_print_reads_massif() {
    let Some((folder, stats)) = recorded() else { return };
    let text = String::from_utf8(export(&folder, "massif")).unwrap();
    let peak =
        format!("mem_heap_B={}\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=peak\n", stats["peak_bytes"]);
    assert_eq!(text.matches(&peak).count(), 1);
    // Every call has what those below it have, as the format wants it.
    let tree =
        text.split_once("heap_tree=peak\n").unwrap().1.lines().take_while(|line| !line.starts_with('#'));
    let nodes: Vec<(usize, u64)> = tree
        .map(|line| {
            let depth = line.len() - line.trim_start().len();
            (depth, line.split(' ').nth(depth + 1).unwrap().parse().unwrap())
        })
        .collect();
    for (index, &(depth, bytes)) in nodes.iter().enumerate() {
        let below = nodes[index + 1..].iter().take_while(|(other, _)| *other > depth);
        let callers: u64 = below.filter(|(other, _)| *other == depth + 1).map(|(_, bytes)| bytes).sum();
        assert!(callers <= bytes && (depth > 0 || callers == bytes), "{depth} {bytes} {callers}");
    }
    let Ok(ms_print) = kit::tool("ms_print", "valgrind") else { return };
    std::fs::write(folder.path("massif.out"), &text).unwrap();
    let shown = kit::run(Command::new(ms_print).arg(folder.path("massif.out"))).exits(0);
    assert!(shown.stdout.contains("->") && shown.stdout.contains("leaf"), "{}", shown.stdout);
}

#[test]
fn a_row_for_each_stack_thread_and_allocator() {
    let Some((folder, stats)) = recorded() else { return };
    let text = String::from_utf8(export(&folder, "csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("allocator,num_allocations,size,tid,thread_name,stack_trace"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.splitn(6, ',').collect()).collect();
    let total: u64 = rows.iter().map(|row| row[2].parse::<u64>().unwrap()).sum();
    assert_eq!(total, stats["peak_bytes"].as_u64().unwrap());
    assert!(rows[0][5].starts_with("leaf;") && rows[0][5].contains(";2|"), "{:?}", rows[0]);
}

#[test]
fn gprof2dots_chains_begin_with_who_asked() {
    let Some((folder, stats)) = recorded() else { return };
    let profile = json(&folder, "gprof2dot");
    let events = profile["events"].as_array().unwrap();
    let total: u64 = events.iter().map(|event| event["cost"][0].as_u64().unwrap()).sum();
    assert_eq!(total, stats["peak_bytes"].as_u64().unwrap());
    let first = usize::try_from(events[0]["callchain"][0].as_u64().unwrap()).unwrap();
    assert_eq!(profile["functions"][first]["name"], "leaf");
}

/// The fields of a protocol buffer's message: numbers and bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                return number;
            }
        }
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let number = varint(&mut bytes);
        let (inside, rest) = if key & 7 == 2 {
            bytes.split_at(usize::try_from(number).unwrap())
        } else {
            (&bytes[..0], bytes)
        };
        found.push((key >> 3, number, inside));
        bytes = rest;
    }
    found
}

#[test]
fn pprof_has_all_four_values() {
    let Some((folder, stats)) = recorded() else { return };
    std::fs::write(folder.path("profile.gz"), export(&folder, "pprof")).unwrap();
    let unzipped = Command::new("gzip").args(["-dc"]).arg(folder.path("profile.gz")).output().unwrap();
    assert!(unzipped.status.success());
    let profile = fields(&unzipped.stdout);
    let strings: Vec<&[u8]> = profile.iter().filter(|field| field.0 == 6).map(|field| field.2).collect();
    assert_eq!(strings[0], b"");
    let mut sums = [0; 4];
    let locations = profile.iter().filter(|field| field.0 == 4).count() as u64;
    for (_, _, sample) in profile.iter().filter(|field| field.0 == 2) {
        let packed = |wanted: u64| {
            let inside = fields(sample).into_iter().find(|field| field.0 == wanted).unwrap().2;
            // A key of 0 before each makes fields of bare numbers.
            let keyed: Vec<u8> = inside
                .split_inclusive(|byte| byte & 128 == 0)
                .flat_map(|number| [&[0], number].concat())
                .collect();
            fields(&keyed).iter().map(|field| field.1).collect::<Vec<u64>>()
        };
        assert!(packed(1).iter().all(|id| (1..=locations).contains(id)));
        for (sum, value) in sums.iter_mut().zip(packed(2)) {
            *sum += value;
        }
    }
    let expected = ["allocations", "total_bytes", "peak_allocations", "peak_bytes"]
        .map(|key| stats[key].as_u64().unwrap());
    assert_eq!(sums, expected);
    assert!(strings.contains(&b"leaf".as_slice()) && strings.contains(&b"inuse_space".as_slice()));
}

#[test]
fn a_report_is_named_after_the_capture_and_not_written_over_another() {
    let Some((folder, _)) = recorded() else { return };
    for (to, name) in
        [("pprof", "capture.pb.gz"), ("speedscope", "capture.speedscope.json"), ("csv", "capture.csv")]
    {
        let ran = kit::run(folder.memtrace().args(["export", "--to", to, "capture.mtr"])).exits(0);
        let records = kit::records("memtrace", &ran.stdout);
        assert_eq!(kit::of_type(&records, "memtrace.report.written")[0]["path"], name);
        let again = kit::run(folder.memtrace().args(["export", "--to", to, "capture.mtr"])).exits(2);
        assert!(again.stderr.contains("exists already"), "{}", again.stderr);
    }
}
