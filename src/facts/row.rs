// SPDX-License-Identifier: MIT OR Apache-2.0
//! The grammar of a row: how the tokens behind a function's name are read and written.

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

impl Row {
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
            let help = "a row holds =function, calls, +function, !effect, ~ and *";
            named(is_call(token), "a token", help)?;
            self.calls.insert(token.to_owned());
        }
        Ok(())
    }
}

/// The canonical form.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alias = self.alias.iter().map(|name| ("=", name.as_str()));
        let calls = self.calls.iter().map(|name| ("", name.as_str()));
        let callees = self.callees.iter().map(|name| ("+", name.as_str()));
        let effects = self.effects.iter().map(|name| ("!", name.as_str()));
        let callback = self.callback.then_some(("~", ""));
        let any = self.any.then_some(("*", ""));
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
    fn malformed_tokens_are_named_and_placed() {
        for (text, at) in [
            ("read +", 5),
            ("read !Fatal", 5),
            ("=", 0),
            ("read 9p", 5),
            ("read -x", 5),
            ("~~", 0),
            ("read\tclose", 0),
            ("ioctl[TCGETS]", 0),
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
