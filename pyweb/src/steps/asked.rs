//! What the page has asked the test and waits for: each answer finds its question, whichever comes first. Must not know
//! what either means.

use std::collections::VecDeque;

use serde_json::Value;

/// The steps that are answers, each with the field that has the question's number.
const ANSWERS: [(&str, &str); 2] = [("dialog_answer", "dialog"), ("route_answer", "request")];

/// Whether the step of this name is an answer.
pub fn is_answer(name: &str) -> bool {
    ANSWERS.iter().any(|(answer, _)| *answer == name)
}

/// The questions of one page.
#[derive(Debug, Default)]
pub struct Asked(Vec<(&'static str, u64)>);

impl Asked {
    /// The page asks; the answer, if it is among the `lines` that have come already.
    pub fn ask(
        &mut self,
        answer: &'static str,
        number: u64,
        lines: &mut VecDeque<Option<String>>,
    ) -> Option<Value> {
        self.0.push((answer, number));
        let found = lines.iter().flatten().position(|line| self.answers(line).is_some())?;
        let line = lines.remove(found)??;
        self.answer(&line)
    }

    /// The answer that `line` is, to something that the page waits for.
    pub fn answer(&mut self, line: &str) -> Option<Value> {
        let (index, answer) = self.answers(line)?;
        self.0.swap_remove(index);
        Some(answer)
    }

    fn answers(&self, line: &str) -> Option<(usize, Value)> {
        if !ANSWERS.iter().any(|(answer, _)| line.contains(answer)) {
            return None;
        }
        let step: Value = serde_json::from_str(line).ok()?;
        let (name, field) = ANSWERS.iter().find(|(answer, _)| step["step"] == *answer)?;
        let index = self.0.iter().position(|(answer, number)| answer == name && step[field] == *number)?;
        Some((index, step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_finds_its_question_whichever_comes_first() {
        let line =
            |step: &str, field: &str, number: u64| format!(r#"{{"step":"{step}","{field}":{number}}}"#);
        let mut lines: VecDeque<Option<String>> = [
            Some(r#"{"step":"title"}"#.to_owned()),
            Some(line("dialog_answer", "dialog", 2)),
            Some(line("dialog_answer", "dialog", 1)),
            None,
        ]
        .into();
        let mut asked = Asked::default();
        assert_eq!(asked.answer(&line("dialog_answer", "dialog", 1)), None, "nothing was asked yet");
        let found = asked.ask("dialog_answer", 1, &mut lines);
        assert_eq!(found.map(|answer| answer["dialog"].clone()), Some(1.into()));
        assert_eq!(lines.len(), 3);
        assert_eq!(asked.ask("route_answer", 2, &mut lines), None);
        assert_eq!(asked.answer(&line("dialog_answer", "dialog", 2)), None, "another question");
        assert!(asked.answer(&line("route_answer", "request", 2)).is_some());
        assert_eq!(asked.answer(&line("route_answer", "request", 2)), None, "it was answered");
    }
}
