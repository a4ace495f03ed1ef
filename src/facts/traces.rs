// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records of traces: which functions ran on a libc, and what the kernel was asked for.
//!
//! A line is a word and what it says:
//!
//! ```text
//! libc NAME-VERSION              whose functions ran
//! kernel RELEASE
//! audit TOKEN                    AUDIT_ARCH_* of the program
//! import SYMBOL[@VERSION]        what the program is linked to
//! untraced FUNCTION REASON       a function that no case can run
//! case NUMBER FUNCTION...        called between two marks
//! last NUMBER FUNCTION...        likewise; ends the process, so there is one mark
//! seen NUMBER MARKS END CALL...  the numbers of the system calls; END is exit:N or signal:N
//! plugin NUMBER PATH             an NSS plug-in that the case loaded
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::document::VALUE;
use super::finding::{Finding, Source};

/// What was traced of one libc on one machine.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Record {
    pub libc: String,
    pub version: String,
    pub kernel: String,
    /// `AUDIT_ARCH_*`.
    pub audit: u32,
    /// Symbol to its version, which is empty if it has none.
    pub imports: BTreeMap<String, String>,
    /// Function to the reason why no case runs it.
    pub untraced: BTreeMap<String, String>,
    /// By number.
    pub cases: BTreeMap<u32, Case>,
}

/// A few functions, called one after the other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Case {
    pub functions: Vec<String>,
    /// The process ends in it.
    pub last: bool,
    /// None if nothing is recorded of it.
    pub seen: Option<Seen>,
    /// Path of the NSS plug-in that it loaded.
    pub plugin: Option<String>,
}

/// What came of a case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Marks that its processes passed.
    pub marks: u32,
    /// How its process ended: `exit:0`, `signal:6`.
    pub end: String,
    pub calls: BTreeSet<u32>,
}

/// The status of a case whose functions the libc lacks.
pub const LACKING: &str = "exit:77";

/// Reads a record; everything that is wrong with it otherwise.
pub fn read(source: &Source) -> Result<Record, Vec<Finding>> {
    let mut record = Record::default();
    let mut findings = Vec::new();
    let mut at = 0;
    for line in source.text.split_inclusive('\n') {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !words.is_empty()
            && let Err(what) = record.take(&words)
        {
            let help = "see rpledge-data(5); scripts/check-traces writes records";
            findings.push(source.finding(VALUE, at, what, help));
        }
        at += line.len();
    }
    if findings.is_empty() {
        for (missing, key) in [
            (record.libc.is_empty(), "libc"),
            (record.audit == 0, "audit"),
        ] {
            if missing {
                let what = format!("a record without the line {key:?}");
                findings.push(source.finding(VALUE, at, what, "is it cut off? make it again"));
            }
        }
    }
    if findings.is_empty() {
        Ok(record)
    } else {
        Err(findings)
    }
}

impl Record {
    fn take(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["libc", word] => {
                let (libc, version) = word
                    .rsplit_once('-')
                    .ok_or_else(|| format!("{word:?} is not a libc and a version"))?;
                (self.libc, self.version) = (libc.to_owned(), version.to_owned());
            }
            ["kernel", release] => self.kernel = (*release).to_owned(),
            ["audit", token] => {
                let digits = token.strip_prefix("0x").unwrap_or("");
                self.audit = u32::from_str_radix(digits, 16)
                    .map_err(|_| format!("{token:?} is not a number like 0xc000003e"))?;
            }
            ["import", symbol] => {
                let (name, version) = symbol.split_once('@').unwrap_or((symbol, ""));
                let version = version.trim_start_matches('@').to_owned();
                self.imports.insert(name.to_owned(), version);
            }
            ["untraced", function, reason @ ..] if !reason.is_empty() => {
                let (function, reason) = ((*function).to_owned(), reason.join(" "));
                self.untraced.insert(function, reason);
            }
            [kind @ ("case" | "last"), place, functions @ ..] if !functions.is_empty() => {
                let case = self.case(place)?;
                case.last = *kind == "last";
                case.functions = functions.iter().map(|word| (*word).to_owned()).collect();
            }
            ["seen", place, marks, end, calls @ ..] => {
                let seen = Seen {
                    marks: number(marks)?,
                    end: (*end).to_owned(),
                    calls: calls
                        .iter()
                        .map(|word| number(word))
                        .collect::<Result<_, _>>()?,
                };
                self.case(place)?.seen = Some(seen);
            }
            ["plugin", place, path] => self.case(place)?.plugin = Some((*path).to_owned()),
            [word, ..] => return Err(format!("a line {word:?} cannot be understood")),
            [] => {}
        }
        Ok(())
    }

    fn case(&mut self, place: &str) -> Result<&mut Case, String> {
        Ok(self.cases.entry(number(place)?).or_default())
    }
}

fn number(word: &str) -> Result<u32, String> {
    word.parse()
        .map_err(|_| format!("{word:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Record, Vec<Finding>> {
        super::read(&Source { file: "r", text })
    }

    #[test]
    fn a_record_is_read() {
        let record = read(
            "libc glibc-2.36\nkernel 6.1.0\naudit 0xc000003e\nimport open@GLIBC_2.2.5\nimport close\n\
             untraced gets is gone\ncase 0 open close\nlast 1 exit\n\nseen 0 2 exit:0 257 3\n\
             seen 1 1 exit:0\nplugin 0 /lib/libnss_x.so.2\n",
        )
        .expect("a record");
        assert_eq!(
            (record.libc.as_str(), record.version.as_str()),
            ("glibc", "2.36")
        );
        assert_eq!(record.imports["open"], "GLIBC_2.2.5");
        assert_eq!(record.imports["close"], "");
        assert_eq!(record.untraced["gets"], "is gone");
        let case = &record.cases[&0];
        assert_eq!(case.functions, ["open", "close"]);
        assert_eq!(case.plugin.as_deref(), Some("/lib/libnss_x.so.2"));
        let seen = case.seen.as_ref().expect("what was seen");
        assert_eq!((seen.marks, seen.end.as_str()), (2, "exit:0"));
        assert_eq!(seen.calls, BTreeSet::from([3, 257]));
        assert!(record.cases[&1].last && !case.last);
    }

    #[test]
    fn what_is_wrong_is_placed() {
        let head = "libc glibc-2.36\naudit 0xc000003e\n";
        for (line, what) in [
            ("seen 0 2 exit:0 x", "\"x\" is not a number"),
            ("seen 0", "a line \"seen\" cannot be understood"),
            ("case 0", "a line \"case\" cannot be understood"),
            ("case -1 open", "\"-1\" is not a number"),
            ("audit 12", "\"12\" is not a number like 0xc000003e"),
            ("libc glibc", "\"glibc\" is not a libc and a version"),
            ("untraced gets", "a line \"untraced\" cannot be understood"),
            ("kernel", "a line \"kernel\" cannot be understood"),
        ] {
            let findings = read(&format!("{head}{line}\n")).expect_err(line);
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert_eq!((findings[0].line, findings[0].what.as_str()), (3, what));
        }
        let findings = read("kernel 6\n").expect_err("cut off");
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(read("").is_err());
    }
}
