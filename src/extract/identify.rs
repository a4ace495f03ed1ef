// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which libc and which version a file is: by the banner that each carries, or its symbols.

use std::collections::HashSet;

use super::elf::Image;
use super::error::{Error, Kind};
use crate::facts::libcs;

/// Name and version.
type Libc = (String, String);

/// The name and the version of a libc; of an archive's only what is `named` may be missing.
pub fn identify(image: &Image, named: Option<&(String, String)>) -> Result<Libc, Error> {
    let file = &image.objects[0].name;
    let fail = |what: String, advice: &str| {
        let mut error = Error::new(Kind::Libc, file, what);
        error.advice = advice.to_string();
        Err(error)
    };
    let (seen, version) = match (banner(image), symbols(image)) {
        (Some((name, version)), _) => (name, Some(version)),
        (None, Some(seen)) => seen,
        (None, None) => {
            let what = "no libc's banner or symbol is in it".to_string();
            return Err(Error::new(Kind::Libc, file, what));
        }
    };
    match (named, version) {
        (Some((name, _)), _) if name != seen => fail(
            format!("it is {seen}, not {name}"),
            "name what it is: --libc NAME-VERSION",
        ),
        (Some((_, said)), Some(version)) if *said != version => fail(
            format!("its version is {version}, not {said}"),
            "name what it is: --libc NAME-VERSION",
        ),
        (_, Some(version)) => Ok((seen.to_string(), version)),
        (Some((_, said)), None) => Ok((seen.to_string(), said.clone())),
        (None, None) => fail(
            format!("{seen} does not say its version"),
            "name it, as the package does: --libc NAME-VERSION",
        ),
    }
}

fn banner(image: &Image) -> Option<(&'static str, String)> {
    let constants: Vec<&[u8]> = image
        .sections
        .iter()
        .filter(|section| image.object(section.start) == 0 && section.constant && !section.code)
        .map(|section| section.data.as_slice())
        .collect();
    let glibc = constants.iter().find_map(|data| glibc(data));
    if let Some(version) = glibc {
        return Some(("glibc", version));
    }
    let musl = constants
        .iter()
        .any(|data| position(data, b"musl libc").is_some());
    let version = constants.iter().find_map(|data| musl_version(data));
    version.filter(|_| musl).map(|version| ("musl", version))
}

/// An archive's libc by its symbols, and the version if they tell it.
fn symbols(image: &Image) -> Option<(&'static str, Option<String>)> {
    if image.members.is_empty() {
        return None;
    }
    let llvm = image.names.values().find_map(|name| llvm_version(name));
    if let Some(version) = llvm {
        return Some(("llvm-libc", Some(version)));
    }
    let exports: HashSet<&str> = image.exports.iter().map(|e| e.name.as_str()).collect();
    let hidden: HashSet<&str> = image.names.values().map(String::as_str).collect();
    let has = |name: &str| exports.contains(name) || hidden.contains(name);
    Some((libcs::of_symbols(has)?, None))
}

/// LLVM's libc has its version in the name of its C++ namespace: __llvm_libc_19_1_7_.
fn llvm_version(name: &str) -> Option<String> {
    let (_, rest) = name.split_once("__llvm_libc_")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '_');
    let parts: Vec<&str> = rest[..end.unwrap_or(rest.len())].splitn(4, '_').collect();
    match parts[..] {
        [major, minor, patch, _] if parts[..3].iter().all(|part| !part.is_empty()) => {
            Some(format!("{major}.{minor}.{patch}"))
        }
        _ => None,
    }
}

/// The libc whose banner is anywhere in a file: of a program that holds it.
pub fn version_in(bytes: &[u8]) -> Option<(&'static str, String)> {
    if let Some(version) = glibc(bytes) {
        return Some(("glibc", version));
    }
    position(bytes, b"musl libc")?;
    musl_version(bytes).map(|version| ("musl", version))
}

fn position(data: &[u8], text: &[u8]) -> Option<usize> {
    data.windows(text.len()).position(|window| window == text)
}

fn glibc(data: &[u8]) -> Option<String> {
    let start = position(data, b"GNU C Library ")?;
    let banner = &data[start..data.len().min(start + 200)];
    let at = position(banner, b"release version ")? + b"release version ".len();
    version(&banner[at..])
}

/// musl's loader prints its version; the text is a string of its own. Constants without
/// an end of their own may lie before it: it begins where a word does.
fn musl_version(data: &[u8]) -> Option<String> {
    let mut end = 0;
    let strings = data.split(|byte| *byte == 0).map(|text| {
        end += text.len() + 1;
        (end - 1 - text.len(), text)
    });
    let mut behind = None;
    for (start, text) in strings {
        let number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let before = text.len() - text.iter().rev().take_while(|byte| number(byte)).count();
        let Some(version) = version(&text[before..]).filter(|v| v.matches('.').count() == 2) else {
            continue;
        };
        match before {
            0 if version.len() == text.len() => return Some(version),
            _ if (start + before).is_multiple_of(4) => behind = behind.or(Some(version)),
            _ => {}
        }
    }
    behind
}

fn version(text: &[u8]) -> Option<String> {
    let end = text
        .iter()
        .position(|b| !b.is_ascii_digit() && *b != b'.')
        .unwrap_or(text.len());
    let version = std::str::from_utf8(&text[..end])
        .ok()?
        .trim_end_matches('.');
    (version.contains('.') && version.len() < 16).then(|| version.to_string())
}
