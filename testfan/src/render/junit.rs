//! A report as XML, of the form that pytest gives `--junitxml` (`xunit2`), which CI servers read.
//! A run that was cut short, or failed as a whole, is an error there too, so that it is never taken for a good one.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use crate::reduce::{Report, RunHeard, TestHeard, headline, plain};
use common::outcome::Outcome;

/// The whole document.
pub fn document(report: &Report) -> String {
    let mut writer = Writer::new(Vec::new());
    // Writing to memory does not fail.
    let _ = suites(&mut writer, report);
    let body = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{body}\n")
}

type Xml = Writer<Vec<u8>>;

fn suites(xml: &mut Xml, report: &Report) -> io::Result<()> {
    let name = ("name", "snakepipe tests");
    xml.create_element("testsuites").with_attribute(name).write_inner_content(|xml| {
        for (index, run) in report.runs.iter().enumerate() {
            let tests: Vec<&TestHeard> = report.tests.iter().filter(|test| test.run == index).collect();
            suite(xml, run, &tests)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn suite(xml: &mut Xml, run: &RunHeard, tests: &[&TestHeard]) -> io::Result<()> {
    let count =
        |outcomes: &[Outcome]| tests.iter().filter(|test| outcomes.contains(&test.finished.outcome)).count();
    let trouble = trouble(run);
    let lost = usize::from(trouble.is_some());
    let errors = (count(&[Outcome::Error]) + lost).to_string();
    let failures = count(&[Outcome::Failed]).to_string();
    let skipped = count(&[Outcome::Skipped, Outcome::Xfailed]).to_string();
    let number = (tests.len() + lost).to_string();
    let time = seconds(run.took_us);
    let attributes = [
        // As pytest names its own, which servers may look for.
        ("name", if run.tool == "testfan" { "pytest" } else { &run.tool }),
        ("errors", &errors),
        ("failures", &failures),
        ("skipped", &skipped),
        ("tests", &number),
        ("time", &time),
        ("timestamp", &run.began),
    ];
    xml.create_element("testsuite").with_attributes(attributes).write_inner_content(|xml| {
        tests.iter().try_for_each(|test| case(xml, test))?;
        let Some(trouble) = trouble else { return Ok(()) };
        let attributes = [("classname", run.tool.as_str()), ("name", "the run itself"), ("time", "0.000")];
        xml.create_element("testcase").with_attributes(attributes).write_inner_content(|xml| {
            xml.create_element("error")
                .with_attribute(("message", legal(&trouble).as_str()))
                .write_empty()?;
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

/// Why a run as a whole is no good one.
fn trouble(run: &RunHeard) -> Option<String> {
    let cut_short = run.exit.is_none().then(|| "the run was cut short".to_owned());
    run.failure.clone().or(cut_short)
}

fn case(xml: &mut Xml, test: &TestHeard) -> io::Result<()> {
    let finished = &test.finished;
    let (classname, name) = address(&finished.id);
    let (classname, name, time) = (legal(&classname), legal(&name), seconds(finished.duration_us));
    let attributes = [("classname", classname.as_str()), ("name", &name), ("time", &time)];
    let case = xml.create_element("testcase").with_attributes(attributes);
    if finished.outcome == Outcome::Passed && test.attempts == 1 {
        case.write_empty()?;
        return Ok(());
    }
    case.write_inner_content(|xml| inner(xml, test))?;
    Ok(())
}

/// What there is to say of a test beyond that it passed.
fn inner(xml: &mut Xml, test: &TestHeard) -> io::Result<()> {
    if test.attempts > 1 {
        xml.create_element("properties").write_inner_content(|xml| {
            let attempts = test.attempts.to_string();
            let attributes = [("name", "attempts"), ("value", attempts.as_str())];
            xml.create_element("property").with_attributes(attributes).write_empty()?;
            Ok(())
        })?;
    }
    let message = legal(&plain(&test.finished.message));
    let (tag, kind) = match test.finished.outcome {
        Outcome::Failed => ("failure", None),
        Outcome::Error => ("error", None),
        Outcome::Skipped => ("skipped", Some("pytest.skip")),
        Outcome::Xfailed => ("skipped", Some("pytest.xfail")),
        Outcome::Passed | Outcome::Xpassed => return Ok(()),
    };
    let mut element = xml.create_element(tag).with_attribute(("message", headline(&message)));
    if let Some(kind) = kind {
        element = element.with_attribute(("type", kind));
    }
    element.write_text_content(BytesText::new(&message))?;
    if test.finished.outcome.is_bad() && !test.finished.output.is_empty() {
        let output = legal(&plain(&test.finished.output));
        xml.create_element("system-out").write_text_content(BytesText::new(&output))?;
    }
    Ok(())
}

/// `tests/test_a.py::TestB::test_c[x::y]` as class name `tests.test_a.TestB` and name `test_c[x::y]`, as pytest has it.
fn address(id: &str) -> (String, String) {
    let (path, parameters) = id.find('[').map_or((id, ""), |at| id.split_at(at));
    let mut names: Vec<String> = path.split("::").map(str::to_owned).collect();
    if let Some(file) = names.first_mut() {
        file.replace('/', ".").trim_end_matches(".py").clone_into(file);
    }
    let name = names.pop().unwrap_or_default() + parameters;
    (names.join("."), name)
}

/// XML has no way to write most control characters: they become `#x1B`.
fn legal(text: &str) -> String {
    let mut legal = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => legal.push(c),
            _ => legal += &format!("#x{:02X}", u32::from(c)),
        }
    }
    legal
}

fn seconds(us: u64) -> String {
    format!("{}.{:03}", us / 1_000_000, us / 1_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_is_split_as_pytest_does() {
        let split = |id| {
            let (classname, name) = address(id);
            format!("{classname} {name}")
        };
        assert_eq!(split("tests/test_a.py::TestB::test_c[x::y/z]"), "tests.test_a.TestB test_c[x::y/z]");
        assert_eq!(split("page/index.html::test_a"), "page.index.html test_a");
        assert_eq!(split("page"), " page");
    }

    #[test]
    fn what_xml_cannot_write_is_spelt_out() {
        assert_eq!(legal("a\u{0}\u{1b}[1m\n\u{ffff}é"), "a#x00#x1B[1m\n#xFFFFé");
    }
}
