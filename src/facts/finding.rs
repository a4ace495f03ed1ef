// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is wrong with a data file: where, what, what to do; and where an offset lies.

use std::fmt;
use std::ops::Range;

/// A file's name, as messages spell it, and its text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

/// One thing wrong with a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In bytes, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
    /// The rule that found it, a name of `check::RULES`.
    pub rule: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding {
            file,
            line,
            column,
            what,
            help,
            rule,
        } = self;
        write!(f, "{file}:{line}:{column}: {what}; {help} [{rule}]")
    }
}

impl Source<'_> {
    /// Line and column of a byte offset, both from 1; past the end counts as
    /// the end.
    pub fn place(&self, offset: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |n| n + 1);
        (line, before.len() - start + 1)
    }

    /// A finding at a byte offset.
    pub fn finding(
        &self,
        rule: &'static str,
        offset: usize,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        let (line, column) = self.place(offset);
        let (what, help) = (what.into(), help.into());
        Finding {
            file: self.file.to_owned(),
            line,
            column,
            what,
            help,
            rule,
        }
    }

    /// Where byte `at` of a string's value stands, given the span of its
    /// literal; the literal itself if escapes make that uncertain.
    pub fn inside(&self, literal: &Range<usize>, value: &str, at: usize) -> usize {
        if literal.len() == value.len() + 2 {
            literal.start + 1 + at
        } else {
            literal.start
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one() {
        let source = Source {
            file: "f",
            text: "ab\n\ncd",
        };
        assert_eq!(source.place(0), (1, 1));
        assert_eq!(source.place(2), (1, 3));
        assert_eq!(source.place(3), (2, 1));
        assert_eq!(source.place(5), (3, 2));
        assert_eq!(source.place(99), (3, 3));
        let finding = source.finding("rule", 5, "it is wrong", "do this");
        assert_eq!(finding.to_string(), "f:3:2: it is wrong; do this [rule]");
    }
}
