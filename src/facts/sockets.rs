// SPDX-License-Identifier: MIT OR Apache-2.0
//! data/sockets.toml: which sockets a promise has beside those of its limits, and what they may be used for.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::document::{self, Text, VALUE, quoted};
use super::finding::{Finding, Source};
use super::limits::{self, Constants};
use super::print::line;
use super::promises::PROMISE;
use super::{near, parse};
use crate::promise::{Promise, Set};

/// One row of a class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Class {
    /// "dns".
    pub name: String,
    /// A name of [`super::libcs::LIBCS`], or "*".
    pub libc: String,
    /// Any of these has it.
    pub promises: Set,
    /// Names of constants, or numbers; so are the next two.
    pub families: BTreeSet<String>,
    pub types: BTreeSet<String>,
    pub protocols: BTreeSet<String>,
    /// Of AF_INET and AF_INET6: that may be sent and connected to.
    pub ports: BTreeSet<u16>,
    /// Bit in socket(2)'s type that asks for this class and no other; 0: none.
    pub mark: u32,
    /// A datagram socket that connects to another port is connected to the
    /// first of `ports`.
    pub rewrites: bool,
    /// Of AF_UNIX: that may be connected to.
    pub paths: BTreeSet<String>,
    /// Of AF_UNIX: that are not there, whether they are or not.
    pub absent: BTreeSet<String>,
    /// Of AF_NETLINK: names of constants, or numbers, of the requests.
    pub messages: BTreeSet<String>,
    pub why: String,
}

/// The same with the numbers of one architecture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Numbered {
    pub name: String,
    pub libc: Option<String>,
    pub promises: Set,
    pub families: Vec<u16>,
    pub types: Vec<u16>,
    pub protocols: Vec<u16>,
    pub ports: Vec<u16>,
    pub mark: u32,
    pub rewrites: bool,
    pub paths: Vec<String>,
    pub absent: Vec<String>,
    pub messages: Vec<u16>,
}

/// The rows, and their keys as they stand in the file.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub classes: Vec<Class>,
    pub keys: Vec<Keys>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub name: Text,
    pub libc: Text,
    pub promises: Text,
    pub families: Text,
    pub types: Text,
    pub protocols: Text,
    pub ports: Option<Text>,
    pub mark: Option<Text>,
    pub elsewhere: Option<Text>,
    pub paths: Option<Text>,
    pub absent: Option<Text>,
    pub messages: Option<Text>,
    pub why: Text,
}

/// Reads data/sockets.toml.
pub fn read(source: &Source) -> Result<Vec<Class>, Vec<Finding>> {
    sheet(source).map(|sheet| sheet.classes)
}

/// Like [`read`], and keeps where everything stands.
pub fn sheet(source: &Source) -> Result<Sheet, Vec<Finding>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        class: Vec<Keys>,
    }
    let File { class: keys } = document::read(source)?;
    let (mut classes, mut findings) = (Vec::new(), Vec::new());
    for keys in &keys {
        match class(source, keys) {
            Ok(class) => classes.push(class),
            Err(finding) => findings.push(finding),
        }
    }
    match findings.is_empty() {
        true => Ok(Sheet { classes, keys }),
        false => Err(findings),
    }
}

fn wrong(source: &Source, text: &Text, what: &str, help: &str) -> Finding {
    let what = format!("{:?} is not {what}", text.get_ref());
    source.finding(VALUE, text.span().start, what, help)
}

fn class(source: &Source, keys: &Keys) -> Result<Class, Finding> {
    let words = |text: &Text| -> Result<BTreeSet<String>, Finding> {
        let words = parse::words(source, text)?;
        let help = "write at least one, or leave the key out";
        match words.is_empty() {
            true => Err(wrong(source, text, "a list", help)),
            false => Ok(words.into_iter().map(str::to_owned).collect()),
        }
    };
    let some = |text: &Option<Text>| text.as_ref().map_or(Ok(BTreeSet::new()), words);
    let is_lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let name = keys.name.get_ref();
    if name.is_empty() || !name.bytes().all(is_lower) {
        let help = "write lower-case letters, digits and _";
        return Err(wrong(source, &keys.name, "the name of a class", help));
    }
    if keys.why.get_ref().trim().is_empty() {
        let help = "say what asks for such sockets";
        return Err(wrong(source, &keys.why, "a reason", help));
    }
    Ok(Class {
        name: name.clone(),
        libc: keys.libc.get_ref().clone(),
        promises: promises(source, &keys.promises)?,
        families: words(&keys.families)?,
        types: words(&keys.types)?,
        protocols: words(&keys.protocols)?,
        ports: match &keys.ports {
            Some(text) => ports(source, text)?,
            None => BTreeSet::new(),
        },
        mark: mark(source, keys)?,
        rewrites: rewrites(source, keys)?,
        paths: some(&keys.paths)?,
        absent: some(&keys.absent)?,
        messages: some(&keys.messages)?,
        why: keys.why.get_ref().clone(),
    })
}

fn mark(source: &Source, keys: &Keys) -> Result<u32, Finding> {
    let Some(text) = &keys.mark else {
        return Ok(0);
    };
    let number = limits::parse_number(text.get_ref()).and_then(|n| u32::try_from(n).ok());
    number.filter(|n| n.is_power_of_two()).ok_or_else(|| {
        let help = "write a power of two, as in \"0x1000\"";
        wrong(source, text, "one bit", help)
    })
}

fn rewrites(source: &Source, keys: &Keys) -> Result<bool, Finding> {
    match &keys.elsewhere {
        None => Ok(false),
        Some(text) if text.get_ref() == "rewrite" => Ok(true),
        Some(text) => {
            let help = "write \"rewrite\", or leave it out: then it is a violation";
            Err(wrong(source, text, "what becomes of other ports", help))
        }
    }
}

fn promises(source: &Source, text: &Text) -> Result<Set, Finding> {
    let mut set = Set::EMPTY;
    for word in parse::words(source, text)? {
        let Some(promise) = Promise::from_name(word) else {
            let known = Promise::all().map(Promise::name);
            let help = near::advice(word, known, "see pledge(3) for the words");
            let what = format!("{word:?} is no promise");
            return Err(source.finding(PROMISE, text.span().start, what, help));
        };
        set = set.with(promise);
    }
    if set.is_empty() {
        let help = "write at least one: a class that nothing has is for nothing";
        return Err(source.finding(VALUE, text.span().start, "no promise", help));
    }
    Ok(set)
}

fn ports(source: &Source, text: &Text) -> Result<BTreeSet<u16>, Finding> {
    let port = |word: &str| {
        let port = word.parse().ok().filter(|port| *port != 0);
        port.ok_or_else(|| {
            let what = format!("{word:?} is no port");
            source.finding(VALUE, text.span().start, what, "write 1 to 65535")
        })
    };
    let words = text.get_ref().split_ascii_whitespace();
    let ports = words.map(port).collect::<Result<BTreeSet<u16>, _>>()?;
    if list(&ports) != *text.get_ref() || ports.is_empty() {
        let what = format!("{:?} is not a sorted list of ports", text.get_ref());
        let help = format!("write {:?}", list(&ports));
        return Err(source.finding(VALUE, text.span().start, what, help));
    }
    Ok(ports)
}

fn list<T: ToString>(items: &BTreeSet<T>) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(" ")
}

/// The names of promises, sorted by bytes as every list of words is.
fn names(set: Set) -> BTreeSet<&'static str> {
    set.iter().map(Promise::name).collect()
}

impl Class {
    /// With the numbers of an architecture.
    pub fn numbered(&self, constants: &Constants) -> Result<Numbered, String> {
        let numbers = |words: &BTreeSet<String>| -> Result<Vec<u16>, String> {
            let number = |word: &String| {
                let found = constants.get(word).copied();
                found
                    .or_else(|| limits::parse_number(word))
                    .and_then(|n| u16::try_from(n).ok())
                    .ok_or_else(|| format!("data/sockets.toml: class {:?}: {word:?} is neither a number of 16 bits nor in [constants] of data/promises.toml", self.name))
            };
            words.iter().map(number).collect()
        };
        Ok(Numbered {
            name: self.name.clone(),
            libc: (self.libc != "*").then(|| self.libc.clone()),
            promises: self.promises,
            families: numbers(&self.families)?,
            types: numbers(&self.types)?,
            protocols: numbers(&self.protocols)?,
            ports: self.ports.iter().copied().collect(),
            mark: self.mark,
            rewrites: self.rewrites,
            paths: self.paths.iter().cloned().collect(),
            absent: self.absent.iter().cloned().collect(),
            messages: numbers(&self.messages)?,
        })
    }
}

/// All rows with the numbers of an architecture.
pub fn numbered(classes: &[Class], constants: &Constants) -> Result<Vec<Numbered>, String> {
    classes.iter().map(|c| c.numbered(constants)).collect()
}

/// The canonical text, without the file's comments; the order is the file's.
pub fn print(classes: &[Class]) -> String {
    let mut out = String::new();
    for (n, class) in classes.iter().enumerate() {
        out.push_str(if n == 0 {
            "[[class]]\n"
        } else {
            "\n[[class]]\n"
        });
        line(&mut out, "name", quoted(&class.name));
        line(&mut out, "libc", quoted(&class.libc));
        line(&mut out, "promises", quoted(&list(&names(class.promises))));
        line(&mut out, "families", quoted(&list(&class.families)));
        line(&mut out, "types", quoted(&list(&class.types)));
        line(&mut out, "protocols", quoted(&list(&class.protocols)));
        if !class.ports.is_empty() {
            line(&mut out, "ports", quoted(&list(&class.ports)));
        }
        if class.mark != 0 {
            line(&mut out, "mark", quoted(&format!("{:#x}", class.mark)));
        }
        if class.rewrites {
            line(&mut out, "elsewhere", quoted("rewrite"));
        }
        for (key, words) in [
            ("paths", &class.paths),
            ("absent", &class.absent),
            ("messages", &class.messages),
        ] {
            if !words.is_empty() {
                line(&mut out, key, quoted(&list(words)));
            }
        }
        line(&mut out, "why", quoted(&class.why));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTP: &str = "[[class]]\nname = \"ntp\"\nlibc = \"*\"\npromises = \"settime\"\n\
        families = \"AF_INET AF_INET6\"\ntypes = \"SOCK_DGRAM\"\nprotocols = \"0 IPPROTO_UDP\"\n\
        ports = \"123\"\nwhy = \"asks time servers\"\n";

    fn found(text: &str) -> String {
        match read(&Source { file: "f", text }) {
            Ok(classes) => panic!("{text:?} was read as {classes:?}"),
            Err(findings) => findings.iter().map(Finding::to_string).collect(),
        }
    }

    #[test]
    fn a_class_is_data_alone() {
        let source = Source {
            file: "f",
            text: NTP,
        };
        let classes = read(&source).expect("ntp");
        assert_eq!(print(&classes), NTP);
        let constants: Constants = [
            ("AF_INET", 2),
            ("AF_INET6", 10),
            ("SOCK_DGRAM", 2),
            ("IPPROTO_UDP", 17),
        ]
        .map(|(name, n)| (name.to_owned(), n))
        .into();
        let ntp = classes[0].numbered(&constants).expect("numbers");
        assert_eq!(
            (ntp.families, ntp.protocols, ntp.ports),
            (vec![2, 10], vec![0, 17], vec![123])
        );
        let why = classes[0].numbered(&Constants::new()).expect_err("none");
        assert!(why.contains("\"AF_INET\""), "{why}");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (old, new, part) in [
            ("123", "0", "\"0\" is no port; write 1 to 65535"),
            ("123", "123 53", "write \"53 123\""),
            ("settime", "setime", "did you mean \"settime\"?"),
            ("settime", "", "no promise"),
            (
                "AF_INET AF_INET6",
                "AF_INET6 AF_INET",
                "write \"AF_INET AF_INET6\"",
            ),
            ("AF_INET AF_INET6", "", "is not a list"),
            (
                "ports = \"123\"",
                "port = \"123\"",
                "did you mean \"ports\"?",
            ),
            ("ports = \"123\"", "mark = \"3\"", "is not one bit"),
            ("ports = \"123\"", "elsewhere = \"ok\"", "write \"rewrite\""),
            ("\"ntp\"", "\"N\"", "is not the name of a class"),
            ("asks time servers", " ", "is not a reason"),
        ] {
            let found = found(&NTP.replace(old, new));
            assert!(found.contains(part), "{new}: {found}");
        }
    }

    #[test]
    fn ours_is_as_the_formatter_writes_it() {
        let text = include_str!("../../data/sockets.toml");
        let source = Source {
            file: "sockets.toml",
            text,
        };
        let classes = read(&source).expect("ours");
        assert_eq!(document::head(text).to_owned() + &print(&classes), text);
    }
}
