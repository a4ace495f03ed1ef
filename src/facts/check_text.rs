// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules for the text of any data file.

use super::document;
use super::finding::{Finding, Source};

pub const ASCII: &str = "ascii";
pub const LINE_ENDING: &str = "line-ending";
pub const LINE_LENGTH: &str = "line-length";
pub const COMMENT: &str = "comment";

/// The longest line, in bytes. The longest rows, those of stdio functions that
/// can reach every stream type, have come near 3000.
pub const LINE_MAX: usize = 4096;

/// Names are bytes to every tool only if they are ASCII.
pub fn ascii(source: &Source) -> Vec<Finding> {
    let wrong = |c: char| !(c.is_ascii_graphic() || c == ' ' || c == '\n' || c == '\r');
    let mut findings = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        // One a line is enough.
        if let Some((at, c)) = line.char_indices().find(|(_, c)| wrong(*c)) {
            let what = format!("{c:?} is not printable ASCII");
            findings.push(source.finding(ASCII, start + at, what, "spell it in ASCII"));
        }
        start += line.len();
    }
    findings
}

/// One finding a file: who has one carriage return has many.
pub fn line_ending(source: &Source) -> Vec<Finding> {
    let help = "write LF: git config core.autocrlf input, or dos2unix";
    let cr = source.text.find('\r');
    let cr = cr.map(|at| source.finding(LINE_ENDING, at, "a line ends with CR", help));
    let cut = !source.text.is_empty() && !source.text.ends_with('\n');
    let end = source.text.len();
    let cut = cut.then(|| {
        let help = "end it with LF: was it cut short?";
        source.finding(LINE_ENDING, end, "the last line does not end", help)
    });
    cr.into_iter().chain(cut).collect()
}

/// Nothing that an extractor makes is so long.
pub fn line_length(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        if line.len() > LINE_MAX {
            let what = format!("a line of {} bytes, {LINE_MAX} are the most", line.len());
            findings.push(source.finding(LINE_LENGTH, start, what, "is this a data file?"));
        }
        start += line.len();
    }
    findings
}

/// The formatter would drop it.
pub fn comment(source: &Source) -> Vec<Finding> {
    let help = "move it to the top of the file, or into a quirk's why";
    let finding = |at| source.finding(COMMENT, at, "a comment that fmt would drop", help);
    document::lost_comments(source.text)
        .into_iter()
        .map(finding)
        .collect()
}
