// SPDX-License-Identifier: MIT OR Apache-2.0
//! Versions of libcs and kernels: dotted numbers, their order, and ranges of them.

use std::fmt;

/// "2.36", "1.2.5", "7.1": compared number by number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version(Vec<u32>);

impl Version {
    /// Numbers joined by dots, no zeros in front; else nothing.
    pub fn parse(text: &str) -> Option<Version> {
        let number = |part: &str| {
            let canonical = part == "0" || !part.starts_with(['0', '+']);
            if canonical { part.parse().ok() } else { None }
        };
        text.split('.')
            .map(number)
            .collect::<Option<_>>()
            .map(Version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// `*`, `2.36`, `2.34-2.36`, `-2.32`, `2.34-`: both ends are inside.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Versions {
    pub from: Option<Version>,
    pub to: Option<Version>,
}

impl Versions {
    /// Reads a range; nothing if it is none, or holds nothing.
    pub fn parse(text: &str) -> Option<Versions> {
        if text == "*" {
            return Some(Versions::default());
        }
        let end = |end: &str| match end {
            "" => Some(None),
            end => Version::parse(end).map(Some),
        };
        let Some((from, to)) = text.split_once('-') else {
            let one = Version::parse(text)?;
            return Some(Versions {
                from: Some(one.clone()),
                to: Some(one),
            });
        };
        let range = Versions {
            from: end(from)?,
            to: end(to)?,
        };
        match (&range.from, &range.to) {
            (None, None) => None,
            // One version is written once.
            (Some(from), Some(to)) if from >= to => None,
            _ => Some(range),
        }
    }

    /// Is it in the range?
    pub fn contains(&self, version: &Version) -> bool {
        self.from.as_ref().is_none_or(|from| from <= version)
            && self.to.as_ref().is_none_or(|to| version <= to)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (None, None) => f.write_str("*"),
            (Some(from), Some(to)) if from == to => write!(f, "{from}"),
            (Some(from), Some(to)) => write!(f, "{from}-{to}"),
            (Some(from), None) => write!(f, "{from}-"),
            (None, Some(to)) => write!(f, "-{to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).expect(text)
    }

    #[test]
    fn order_is_by_number() {
        assert!(version("2.4") < version("2.36"));
        assert!(version("1.2.5") < version("1.2.10"));
        assert!(version("1.2") < version("1.2.0"));
        for bad in [
            "",
            ".",
            "2.",
            "2..3",
            "02.3",
            "+2",
            "2.x",
            "4294967296",
            "-1",
            "2 ",
        ] {
            assert_eq!(Version::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn ranges_hold_their_ends() {
        for (text, inside, outside) in [
            ("2.36", "2.36", "2.35"),
            ("2.34-2.36", "2.34", "2.37"),
            ("2.34-", "3.0", "2.33"),
            ("-2.32", "2.32", "2.33"),
        ] {
            let range = Versions::parse(text).expect(text);
            assert_eq!(range.to_string(), text);
            assert!(range.contains(&version(inside)), "{text} {inside}");
            assert!(!range.contains(&version(outside)), "{text} {outside}");
        }
        assert!(Versions::parse("*").expect("any").contains(&version("0")));
        for bad in ["", "-", "2.36-2.34", "2.36-2.36", "a", "*-", "2.3-2.4-2.5"] {
            assert_eq!(Versions::parse(bad), None, "{bad:?}");
        }
    }
}
