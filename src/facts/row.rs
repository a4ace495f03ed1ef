// SPDX-License-Identifier: MIT OR Apache-2.0
//! The grammar of a row: how the tokens behind a function's name are read and written.

use std::collections::BTreeSet;
use std::fmt;

use super::Row;

/// A token that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenError {
    /// Its first byte in the row's text.
    pub at: usize,
    pub what: String,
    pub help: &'static str,
}

/// A system call's name as libseccomp spells it.
pub fn is_call(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.as_bytes()[0].is_ascii_digit()
}

/// A function's name: an ELF symbol, perhaps with `@VERSION`.
pub fn is_function(name: &str) -> bool {
    let (symbol, version) = name.split_once('@').unwrap_or((name, "_"));
    is_word(symbol) && !symbol.as_bytes()[0].is_ascii_digit() && is_word(version)
}

fn is_word(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.$".contains(&b))
}

/// An effect's name: lower case, words joined by hyphens.
pub fn is_effect(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.as_bytes()[0].is_ascii_lowercase()
}

/// The value that a function's caller passes.
pub const ASKED: &str = "*";

/// A value of an argument: names of constants and hexadecimal numbers joined by `|`, sorted.
pub fn is_value(text: &str) -> bool {
    let mut before = "";
    text.split('|').all(|term| {
        let sorted = before < term;
        before = term;
        sorted && is_term(term)
    })
}

fn is_term(term: &str) -> bool {
    if let Some(digits) = term.strip_prefix("0x") {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        return (1..=16).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(hex);
    }
    let name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    term == "0" || term.bytes().all(name) && term.starts_with(|c: char| c.is_ascii_uppercase())
}

impl Row {
    /// Adds a system call: with these values of the argument that selects, or
    /// with any. What is added to a call that is there already widens it.
    pub fn add(&mut self, call: &str, values: Option<&BTreeSet<String>>) {
        let new = self.calls.insert(call.to_owned());
        match (values, self.values.get_mut(call)) {
            (None, _) => drop(self.values.remove(call)),
            (Some(more), Some(known)) => known.extend(more.iter().cloned()),
            (Some(more), None) if new => drop(self.values.insert(call.to_owned(), more.clone())),
            (Some(_), None) => {}
        }
    }

    /// Takes a system call away, whatever its values.
    pub fn remove(&mut self, call: &str) {
        self.calls.remove(call);
        self.values.remove(call);
    }

    /// Reads a row's tokens in any order, however spaced: `check` insists on
    /// the canonical form.
    pub fn parse(text: &str) -> Result<Row, Vec<TokenError>> {
        let mut row = Row::default();
        let mut errors = Vec::new();
        let mut at = 0;
        for token in text.split(' ') {
            if !token.is_empty()
                && let Err((what, help)) = row.take(token)
            {
                errors.push(TokenError { at, what, help });
            }
            at += token.len() + 1;
        }
        if let Some(target) = &row.alias
            && row
                != (Row {
                    alias: Some(target.clone()),
                    ..Row::default()
                })
        {
            errors.push(TokenError {
                at: 0,
                what: format!("\"={target}\" stands beside other tokens"),
                help: "an alias is the same code: write nothing else",
            });
        }
        if errors.is_empty() {
            Ok(row)
        } else {
            Err(errors)
        }
    }

    fn take(&mut self, token: &str) -> Result<(), (String, &'static str)> {
        let named = |known: bool, kind: &str, help| {
            if known {
                Ok(())
            } else {
                Err((format!("\"{token}\" is not {kind}"), help))
            }
        };
        if let Some(name) = token.strip_prefix('=') {
            named(
                is_function(name),
                "an alias",
                "write \"=\" and a function's name",
            )?;
            if self.alias.as_deref().is_some_and(|other| other != name) {
                return Err((
                    format!("\"{token}\" is a second alias"),
                    "a row has one at most",
                ));
            }
            self.alias = Some(name.to_owned());
        } else if let Some(name) = token.strip_prefix('+') {
            named(
                is_function(name),
                "a callee",
                "write \"+\" and a function's name",
            )?;
            self.callees.insert(name.to_owned());
        } else if let Some(name) = token.strip_prefix('!') {
            named(
                is_effect(name),
                "an effect",
                "write \"!\" and a name in lower case",
            )?;
            self.effects.insert(name.to_owned());
        } else if token == "~" {
            self.callback = true;
        } else if token == "*" {
            self.any = true;
        } else {
            self.take_call(token)?;
        }
        Ok(())
    }

    fn take_call(&mut self, token: &str) -> Result<(), (String, &'static str)> {
        let wrong = |kind: &str, help| Err((format!("\"{token}\" is not {kind}"), help));
        let (name, values) = match token.split_once('[') {
            Some((name, rest)) => (name, Some(rest)),
            None => (token, None),
        };
        if !is_call(name) {
            let help = "a row holds =function, calls, +function, !effect, ~ and *";
            return wrong("a token", help);
        }
        let Some(rest) = values else {
            self.add(name, None);
            return Ok(());
        };
        let values: Option<BTreeSet<String>> = rest.strip_suffix(']').and_then(|list| {
            let one = |value: &str| (value == ASKED || is_value(value)).then(|| value.to_owned());
            list.split(',').map(one).collect()
        });
        let Some(values) = values else {
            let help =
                "write name[VALUE,VALUE], a value being * or names and 0x... joined by |, sorted";
            return wrong("a call with values", help);
        };
        self.add(name, Some(&values));
        Ok(())
    }

    /// A call as the row has it, values included.
    pub fn call(&self, name: &str) -> String {
        call(name, self.values.get(name))
    }
}

/// A system call with its values.
pub fn call(name: &str, values: Option<&BTreeSet<String>>) -> String {
    let Some(values) = values else {
        return name.to_owned();
    };
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    format!("{name}[{}]", values.join(","))
}

/// The canonical form.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alias = self.alias.iter().map(|name| ("=", name.clone()));
        let calls = self.calls.iter().map(|name| ("", self.call(name)));
        let callees = self.callees.iter().map(|name| ("+", name.clone()));
        let effects = self.effects.iter().map(|name| ("!", name.clone()));
        let callback = self.callback.then_some(("~", String::new()));
        let any = self.any.then_some(("*", String::new()));
        let tokens = alias
            .chain(calls)
            .chain(callees)
            .chain(effects)
            .chain(callback)
            .chain(any);
        for (n, (sigil, name)) in tokens.enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{sigil}{name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_rows_survive() {
        for text in [
            "",
            "=open",
            "=memcpy@GLIBC_2.14",
            "openat !cancel",
            "accept4 fcntl +accept +memcpy@GLIBC_2.2.5 !cancel !fatal ~ *",
            "_llseek mmap2",
            "fcntl fcntl64[*,F_GETFL,F_SETFL] ioctl[0x5401,TCGETS] openat[0,O_CREAT|O_RDWR] +a",
            "~",
            "*",
        ] {
            assert_eq!(Row::parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn order_and_repetition_do_not_matter_to_the_value() {
        let row = Row::parse("* !fatal read  +b +a close read ~").expect("tokens in disorder");
        assert_eq!(row.to_string(), "close read +a +b !fatal ~ *");
    }

    #[test]
    fn a_call_of_any_value_wins_over_one_of_some() {
        let row = |text| Row::parse(text).expect(text).to_string();
        assert_eq!(row("ioctl[B] ioctl[A,A]"), "ioctl[A,B]");
        assert_eq!(row("ioctl[B] ioctl"), "ioctl");
        assert_eq!(row("ioctl ioctl[B]"), "ioctl");
        let mut row = Row::parse("ioctl[B] read").expect("a row");
        row.remove("ioctl");
        assert_eq!(row, Row::parse("read").expect("a row"));
    }

    #[test]
    fn malformed_tokens_are_named_and_placed() {
        for (text, at) in [
            ("read +", 5),
            ("read !Fatal", 5),
            ("=", 0),
            ("read 9p", 5),
            ("read -x", 5),
            ("~~", 0),
            ("read\tclose", 0),
            ("read ioctl[TCGETS", 5),
            ("ioctl[]", 0),
            ("ioctl[A,]", 0),
            ("ioctl[*|A]", 0),
            ("ioctl[B|A]", 0),
            ("ioctl[0x05]", 0),
            ("ioctl[0X5]", 0),
            ("ioctl[a]", 0),
            ("ioctl[1]", 0),
            ("[A]", 0),
            ("+ioctl[A]", 0),
            ("+a@b@c", 0),
            ("=open read", 0),
            ("=open =close", 6),
            ("caf\u{e9}", 0),
        ] {
            let errors = Row::parse(text).expect_err(text);
            assert_eq!(errors[0].at, at, "{text}: {errors:?}");
        }
        assert_eq!(Row::parse("+ ! =").expect_err("three").len(), 3);
    }
}
