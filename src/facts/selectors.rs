// SPDX-License-Identifier: MIT OR Apache-2.0
//! The argument that selects what a system call does: which it is, and how its values are written.

use std::collections::BTreeMap;

use super::limits::{Arguments, Constants, parse_number};

/// A line of `[selectors]`: `ioctl = "request TIOC* FIONREAD"`; with `&`
/// behind the argument where its bits count one by one, and with `-arch` where
/// an architecture has it behind a pointer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selector {
    pub argument: String,
    bits: bool,
    /// The constants that may stand for its values, the preferred first.
    names: Vec<String>,
    except: Vec<String>,
}

/// A selector on one architecture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Named {
    /// Place of the argument.
    argument: usize,
    bits: bool,
    names: Vec<(String, u64)>,
}

/// The selectors of one architecture, by call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selectors(BTreeMap<String, Named>);

impl Selector {
    pub fn parse<'a>(
        text: &str,
        arguments: &Arguments,
        constants: impl Iterator<Item = &'a String> + Clone,
    ) -> Result<Selector, String> {
        let mut words = text.split_whitespace().peekable();
        let argument = words.next().unwrap_or("").to_owned();
        match arguments.0.iter().find(|(name, _)| *name == argument) {
            None => {
                return Err(format!(
                    "\"{argument}\": the call has no argument of that name"
                ));
            }
            // The addresses of objects are no facts: they differ from build to build.
            Some((_, true)) => return Err(format!("\"{argument}\" is no int")),
            Some((_, false)) => {}
        }
        let bits = words.next_if(|word| *word == "&").is_some();
        let mut names: Vec<String> = Vec::new();
        let mut except = Vec::new();
        for word in words {
            if let Some(arch) = word.strip_prefix('-') {
                except.push(arch.to_owned());
                continue;
            }
            let is = |name: &str| match word.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == word,
            };
            let found: Vec<String> = constants.clone().filter(|c| is(c)).cloned().collect();
            if found.is_empty() {
                return Err(format!("\"{word}\": no such name in [constants]"));
            }
            names.extend(found);
        }
        Ok(Selector {
            argument,
            bits,
            names,
            except,
        })
    }

    /// Can it be seen on that architecture?
    pub fn is_for(&self, arch: &str) -> bool {
        !self.except.iter().any(|other| other == arch)
    }

    /// With the values of one architecture.
    pub fn on(&self, argument: usize, constants: &Constants) -> Named {
        let value = |name: &String| Some((name.clone(), *constants.get(name)?));
        let mut names: Vec<_> = self.names.iter().filter_map(value).collect();
        if self.bits {
            // What stands for several bits before those that stand for one of them.
            names.sort_by_key(|(_, value)| std::cmp::Reverse(value.count_ones()));
        }
        Named {
            argument,
            bits: self.bits,
            names,
        }
    }
}

impl Selectors {
    pub fn new(calls: impl Iterator<Item = (String, Named)>) -> Selectors {
        Selectors(calls.collect())
    }

    /// Which argument of a call selects.
    pub fn argument(&self, call: &str) -> Option<usize> {
        self.0.get(call).map(|named| named.argument)
    }

    /// How a value is written: by names where there are such, else in hexadecimal.
    pub fn write(&self, call: &str, value: u64) -> String {
        let value = value & u64::from(u32::MAX);
        let number = |value: u64| match value {
            0 => "0".to_owned(),
            value => format!("{value:#x}"),
        };
        let Some(named) = self.0.get(call) else {
            return number(value);
        };
        if let Some((name, _)) = named.names.iter().find(|(_, n)| *n == value) {
            return name.clone();
        }
        if !named.bits {
            return number(value);
        }
        let mut left = value;
        let mut terms = Vec::new();
        for (name, bits) in &named.names {
            if *bits != 0 && left & bits == *bits {
                left &= !bits;
                terms.push(name.clone());
            }
        }
        if left != 0 || terms.is_empty() {
            terms.push(number(left));
        }
        terms.sort();
        terms.join("|")
    }

    /// The number that was written so; none if a name in it is not one of the call's.
    pub fn read(&self, call: &str, text: &str) -> Option<u64> {
        let named = self.0.get(call)?;
        text.split('|').try_fold(0, |all, term| {
            let known = named.names.iter().find(|(name, _)| name == term);
            Some(all | known.map(|(_, n)| *n).or_else(|| parse_number(term))?)
        })
    }

    /// The names that a call's values may have.
    pub fn names(&self, call: &str) -> impl Iterator<Item = &str> {
        let named = self.0.get(call).into_iter();
        named.flat_map(|named| named.names.iter().map(|(name, _)| name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selectors() -> Selectors {
        let values = [
            ("F_GETFL", 3),
            ("F_SETFL", 4),
            ("O_ACCMODE", 3),
            ("O_CREAT", 0x40),
            ("O_DSYNC", 0x1000),
            ("O_RDONLY", 0),
            ("O_RDWR", 2),
            ("O_SYNC", 0x10_1000),
        ];
        let constants: Constants = values.map(|(name, n)| (name.to_owned(), n)).into();
        let arguments = Arguments::parse("int fd, int cmd, long arg").expect("arguments");
        let read = |text: &str| Selector::parse(text, &arguments, constants.keys());
        let calls = [
            ("fcntl", "cmd F_*"),
            ("open", "fd & O_CREAT O_DSYNC O_RD* O_SYNC"),
        ];
        assert!(read("arg F_*").is_err() && read("cmb F_*").is_err() && read("cmd G_*").is_err());
        Selectors::new(calls.into_iter().map(|(call, text)| {
            let selector = read(text).expect(text);
            let at = arguments.place(&selector.argument).expect("a place");
            (call.to_owned(), selector.on(at, &constants))
        }))
    }

    #[test]
    fn values_are_written_and_read_back() {
        let selectors = selectors();
        assert_eq!(selectors.argument("fcntl"), Some(1));
        assert_eq!(selectors.argument("read"), None);
        for (call, value, text) in [
            ("fcntl", 3, "F_GETFL"),
            ("fcntl", 7, "0x7"),
            ("fcntl", 0xffff_ffff, "0xffffffff"),
            ("open", 0, "O_RDONLY"),
            ("open", 0x42, "O_CREAT|O_RDWR"),
            ("open", 0x10_1042, "O_CREAT|O_RDWR|O_SYNC"),
            ("open", 0x1080, "0x80|O_DSYNC"),
        ] {
            assert_eq!(selectors.write(call, value), text);
            assert!(super::super::row::is_value(text), "{text}");
            assert_eq!(selectors.read(call, text), Some(value), "{text}");
        }
        assert_eq!(selectors.write("fcntl", u64::MAX), "0xffffffff");
        assert_eq!(selectors.read("fcntl", "O_CREAT"), None);
    }
}
