// SPDX-License-Identifier: MIT OR Apache-2.0
//! TOML text to typed, placed values: what is the same for every data file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, Deserializer, Error};

use super::finding::{Finding, Source};
use super::near;

/// Not TOML.
pub const SYNTAX: &str = "syntax";
/// A key that stands twice in its table.
pub const DUPLICATE: &str = "duplicate";
/// A key that this table does not have.
pub const UNKNOWN_KEY: &str = "unknown-key";
/// A key that this table must have.
pub const MISSING_KEY: &str = "missing-key";
/// A value of the wrong type or form.
pub const VALUE: &str = "value";

/// A string and where it stands.
pub type Text = Spanned<String>;

/// A table of strings.
pub type Lines = BTreeMap<Text, Text>;

/// A line of a table, in the order of the file.
pub fn in_file_order<V>(table: &BTreeMap<Text, V>) -> Vec<(&Text, &V)> {
    let mut lines: Vec<_> = table.iter().collect();
    lines.sort_by_key(|(key, _)| key.span().start);
    lines
}

/// The words of a text, in no order.
pub fn words(text: &Text) -> BTreeSet<String> {
    text.as_ref()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// The lines of a table with the places of their keys, in the order of the file.
pub fn placed(lines: &Lines) -> Vec<(String, String, usize)> {
    let line = |(key, value): (&Text, &Text)| {
        let at = key.span().start;
        (key.get_ref().clone(), value.get_ref().clone(), at)
    };
    in_file_order(lines).into_iter().map(line).collect()
}

/// Reads TOML into a type whose fields are the file's keys.
pub fn read<T: DeserializeOwned>(source: &Source) -> Result<T, Vec<Finding>> {
    let (table, errors) = DeTable::parse_recoverable(source.text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| syntax(source, error)).collect());
    }
    T::deserialize(Deserializer::from(table)).map_err(|error| vec![shape(source, &error)])
}

fn start(error: &Error) -> usize {
    error.span().map_or(0, |Range { start, .. }| start)
}

fn syntax(source: &Source, error: &Error) -> Finding {
    if error.message().starts_with("duplicate key") {
        let line = source
            .text
            .get(start(error)..)
            .unwrap_or("")
            .lines()
            .next()
            .unwrap_or("");
        let key = line
            .split([' ', '=', ']'])
            .next()
            .unwrap_or("")
            .trim_matches(['"', '[']);
        let help = "keep one of the two";
        return source.finding(
            DUPLICATE,
            start(error),
            format!("{key:?} stands twice"),
            help,
        );
    }
    let what = format!("this is not TOML: {}", error.message());
    source.finding(
        SYNTAX,
        start(error),
        what,
        "see data/README.md for the grammar",
    )
}

/// serde says what it missed in words; these have been the same since 1.0.
fn shape(source: &Source, error: &Error) -> Finding {
    let message = error.message();
    let mut words = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field") {
        let key = words.next().unwrap_or("");
        let known: Vec<&str> = words.collect();
        let otherwise = format!("known here: {}", known.join(" "));
        let help = near::advice(key, known.iter().copied(), &otherwise);
        return source.finding(
            UNKNOWN_KEY,
            start(error),
            format!("unknown key {key:?}"),
            help,
        );
    }
    if message.starts_with("missing field") {
        let key = words.next().unwrap_or("");
        let help = "add it: see data/README.md for the grammar";
        return source.finding(
            MISSING_KEY,
            start(error),
            format!("the key {key:?} is missing"),
            help,
        );
    }
    let what = message.lines().next().unwrap_or("").to_owned();
    source.finding(
        VALUE,
        start(error),
        what,
        "see data/README.md for the grammar",
    )
}

/// A TOML key: bare if it can be.
pub fn key(name: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !name.is_empty() && name.bytes().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A TOML basic string.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The comments at the top of a file with the empty lines among them: the
/// only comments that the formatter keeps.
pub fn head(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if !line.starts_with('#') && line != "\n" {
            break;
        }
        end += line.len();
    }
    &text[..end]
}

/// Where comments stand that the formatter would drop.
pub fn lost_comments(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut quote = None;
    let mut escaped = false;
    let mut comment = false;
    for (at, b) in text.bytes().enumerate().skip(head(text).len()) {
        match (b, quote) {
            (b'\n', _) => (quote, comment) = (None, false),
            _ if comment => {}
            (_, Some(b'"')) if escaped => escaped = false,
            (b'\\', Some(b'"')) => escaped = true,
            (_, Some(mark)) if b == mark => quote = None,
            (_, Some(_)) => {}
            (b'"' | b'\'', None) => quote = Some(b),
            (b'#', None) => {
                comment = true;
                found.push(at);
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        libc: Text,
        functions: Lines,
    }

    fn findings(text: &str) -> Vec<String> {
        let source = Source { file: "f", text };
        match read::<Sample>(&source) {
            Ok(sample) => panic!("{text:?} was read as {sample:?}"),
            Err(findings) => findings.iter().map(Finding::to_string).collect(),
        }
    }

    #[test]
    fn lines_keep_their_places() {
        let text = "libc = \"x\"\n[functions]\nb = \"1\"\na = \"2\"\n";
        let sample: Sample = read(&Source { file: "f", text }).expect("a sample");
        assert_eq!(
            (sample.libc.get_ref().as_str(), sample.libc.span()),
            ("x", 7..10)
        );
        let lines = in_file_order(&sample.functions).into_iter();
        let lines: Vec<_> = lines
            .map(|(key, value)| (key.get_ref().as_str(), value.span()))
            .collect();
        assert_eq!(lines, [("b", 27..30), ("a", 35..38)]);
    }

    #[test]
    fn shapes_are_explained() {
        let grammar = "see data/README.md for the grammar";
        assert_eq!(
            findings("libc = \"x\"\nfuctions = 1\n"),
            ["f:2:1: unknown key \"fuctions\"; did you mean \"functions\"? [unknown-key]"]
        );
        assert_eq!(
            findings("libc = \"x\"\n[functions]\na = \"\"\nb = \"\"\na = \"\"\n"),
            ["f:5:1: \"a\" stands twice; keep one of the two [duplicate]"]
        );
        assert_eq!(
            findings("libc = \"x\"\n"),
            [format!(
                "f:1:1: the key \"functions\" is missing; add it: {grammar} [missing-key]"
            )]
        );
        assert_eq!(
            findings("libc = 1\n[functions]\n"),
            [format!(
                "f:1:8: invalid type: integer `1`, expected a string; {grammar} [value]"
            )]
        );
        assert!(findings("libc = \"x\n[functions\n").len() > 1);
    }

    #[test]
    fn strings_survive() {
        for text in ["", "a b", "q\"u\\o", "\u{1}\u{7f}\t\n", "\u{e9}"] {
            let line = format!("{} = {}\n", key(text), quoted(text));
            let table: BTreeMap<String, String> = toml::from_str(&line).expect("own output");
            assert_eq!(table.get(text).map(String::as_str), Some(text));
        }
    }

    #[test]
    fn comments_that_would_be_lost_are_found() {
        assert_eq!(head("# a\n\n# b\nx = 1\n# c\n"), "# a\n\n# b\n");
        assert_eq!(
            lost_comments("# a\nx = \"# \\\" #\" # b\n# c #\n"),
            [17, 21]
        );
        assert_eq!(lost_comments("x = '# \\'\n"), [] as [usize; 0]);
    }
}
