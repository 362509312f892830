//! Settings in sections, as AWS and boto write them. Must not know what they mean.

/// The settings of a file, in its order.
#[derive(Debug, Default)]
pub struct Ini {
    settings: Vec<(String, String, String)>,
}

impl Ini {
    /// Reads a file's text; a line that is no setting says nothing.
    ///
    /// An indented line belongs to the nested setting above it, of which nothing here is looked at.
    pub fn parse(text: &str) -> Ini {
        let mut settings = Vec::new();
        let mut section = String::new();
        for line in text.lines() {
            if line.starts_with([' ', '\t', '#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                let name = name.split(']').next().unwrap_or_default();
                section = name.split_whitespace().collect::<Vec<_>>().join(" ").replace(['"', '\''], "");
            } else if let Some((key, value)) = line.split_once(['=', ':']) {
                settings.push((section.clone(), key.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Ini { settings }
    }

    /// The value of `key`, in lower case, in a section, when there is one; of several the last.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let here =
            |(of, name, value): &&(String, String, String)| of == section && name == key && !value.is_empty();
        self.settings.iter().rfind(here).map(|(_, _, value)| value.as_str())
    }

    /// Whether anything is set in a section.
    pub fn has(&self, section: &str) -> bool {
        self.settings.iter().any(|(of, _, _)| of == section)
    }
}

#[cfg(test)]
mod tests {
    use super::Ini;

    #[test]
    fn settings_are_found_in_their_section() {
        let text = "# c\n[default]\nregion = a\n[ profile  \"my one\" ]\nREGION=b=c\ns3 =\n  region = d\n;region = e\n\nempty=\n";
        let ini = Ini::parse(text);
        assert_eq!(ini.get("default", "region"), Some("a"));
        assert_eq!(ini.get("profile my one", "region"), Some("b=c"));
        assert_eq!(ini.get("profile my one", "empty"), None);
        assert!(ini.has("default") && !ini.has("other"));
    }
}
