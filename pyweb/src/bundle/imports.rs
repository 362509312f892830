//! Which modules Python code imports, read from its text. Must not run it.

use std::collections::BTreeSet;

/// Which of its imports count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Those that happen when the module is imported: not those inside functions.
    Top,
    /// All.
    All,
}

/// A module, as far as its relative imports need to know.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// Its dotted name.
    pub name: &'a str,
    /// Whether it is the `__init__` of a package.
    pub package: bool,
}

/// The modules that `text` names in its `import` statements, as dotted names; what is imported from a package may be a
/// module of it, so that is named too. What merely looks like a statement, in a text of many lines, counts as well.
pub fn imports(text: &str, module: Module, depth: Depth) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut lines = text.lines();
    // How far the functions around a line are indented.
    let mut functions: Vec<usize> = Vec::new();
    while let Some(line) = lines.next() {
        let statement = line.trim_start();
        if statement.is_empty() || statement.starts_with('#') {
            continue;
        }
        let indent = line.len() - statement.len();
        functions.retain(|function| *function < indent);
        if ["def ", "async def "].iter().any(|start| statement.starts_with(start)) {
            functions.push(indent);
        }
        if depth == Depth::Top && !functions.is_empty() {
            continue;
        }
        if let Some(names) = statement.strip_prefix("import ") {
            found.extend(listed(names).map(str::to_owned));
        } else if let Some((from, names)) =
            statement.strip_prefix("from ").and_then(|rest| rest.split_once(" import"))
        {
            let mut names = code(names).to_owned();
            while (names.contains('(') && !names.contains(')')) || names.ends_with('\\') {
                let Some(next) = lines.next() else { break };
                names = format!("{} {}", names.trim_end_matches('\\'), code(next));
            }
            let Some(from) = absolute(from.trim(), module) else { continue };
            found.extend(listed(&names).map(|name| format!("{from}.{name}")));
            found.insert(from);
        }
    }
    found
}

/// A line without its comment.
fn code(line: &str) -> &str {
    line.split('#').next().unwrap_or(line).trim_end()
}

/// The names in `a.b as c, d`.
fn listed(names: &str) -> impl Iterator<Item = &str> {
    let names = code(names).split(';').next().unwrap_or_default();
    let names = names.split([',', '(', ')', ' ']).scan(false, |after_as, word| {
        let skip = std::mem::replace(after_as, word == "as");
        Some(if skip || word == "as" { "" } else { word.trim() })
    });
    names.filter(|name| !name.is_empty() && *name != "*" && *name != "\\")
}

/// `..a` in the module that says it.
fn absolute(from: &str, module: Module) -> Option<String> {
    let bare = from.trim_start_matches('.');
    let dots = from.len() - bare.len();
    if dots == 0 {
        return Some(bare.to_owned());
    }
    let parts: Vec<&str> = module.name.split('.').collect();
    let up = dots - usize::from(module.package);
    let mut parts = parts.get(..parts.len().checked_sub(up)?)?.to_vec();
    parts.extend((!bare.is_empty()).then_some(bare));
    Some(parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, name: &str, package: bool, depth: Depth) -> Vec<String> {
        imports(text, Module { name, package }, depth).into_iter().collect()
    }

    #[test]
    fn all_ways_to_write_an_import() {
        let text = "import a, b.c as d  # import x\nfrom e import f as g, h\nfrom i import (\n  j,  # why\n  k,\n)\n\
            from l import m, \\\n    n\nif 1:\n    import o\n";
        let expected = ["a", "b.c", "e", "e.f", "e.h", "i", "i.j", "i.k", "l", "l.m", "l.n", "o"];
        assert_eq!(found(text, "x", false, Depth::All), expected);
    }

    #[test]
    fn relative_imports_are_those_of_the_package() {
        let text = "from . import a\nfrom ..b import c\nfrom .d import *";
        assert_eq!(found(text, "p.q.r", false, Depth::All), ["p.b", "p.b.c", "p.q", "p.q.a", "p.q.d"]);
        assert_eq!(found("from .a import b", "p", true, Depth::All), ["p.a", "p.a.b"]);
        assert_eq!(found("from ... import b", "p", true, Depth::All), Vec::<String>::new());
    }

    #[test]
    fn what_functions_import_can_be_left_out() {
        let text = "def f():\n    import a\n\n    def g():\n        import b\n    import c\nimport d\nclass E:\n    import e\n\
            async def h(): pass\nif x:\n    import i\n";
        assert_eq!(found(text, "x", false, Depth::Top), ["d", "e", "i"]);
    }
}
