// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which libc and which version a file is: by the banner that each carries.

use super::elf::Image;
use super::error::{Error, Kind};

/// Which libc, by the banner that each carries.
pub fn identify(image: &Image) -> Result<(String, String), Error> {
    let name = &image.objects[0].name;
    let constants: Vec<&[u8]> = image
        .sections
        .iter()
        .filter(|section| image.object(section.start) == 0 && section.constant && !section.code)
        .map(|section| section.data.as_slice())
        .collect();
    let found = constants
        .iter()
        .find_map(|data| glibc(data).map(|v| ("glibc", v)))
        .or_else(|| {
            let musl = constants
                .iter()
                .any(|data| position(data, b"musl libc").is_some());
            let version = musl.then(|| constants.iter().find_map(|data| musl_version(data)));
            version.flatten().map(|v| ("musl", v))
        });
    match found {
        Some((libc, version)) => Ok((libc.to_string(), version)),
        None => Err(Error::new(
            Kind::Libc,
            name,
            "neither glibc's nor musl's banner is in it",
        )),
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
