// SPDX-License-Identifier: MIT OR Apache-2.0
//! Corrections by hand that apply to a libc: what its own code does not show.

/// One `[[quirk]]` of data/quirks.toml.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Quirk {
    pub libc: String,
    /// `*`, one version, or `first-last`.
    pub versions: String,
    /// `*` or one architecture.
    pub arch: String,
    /// An exported function, or `!effect`.
    pub function: String,
    /// System calls that it may make.
    pub calls: Vec<String>,
}

/// Those for this libc.
pub fn applying<'a>(quirks: &'a [Quirk], libc: &str, version: &str, arch: &str) -> Vec<&'a Quirk> {
    quirks
        .iter()
        .filter(|quirk| quirk.libc == libc && covers(&quirk.versions, version))
        .filter(|quirk| quirk.arch == "*" || quirk.arch == arch)
        .collect()
}

fn covers(versions: &str, version: &str) -> bool {
    match versions.split_once('-') {
        None => versions == "*" || versions == version,
        Some((first, last)) => {
            let version = parts(version);
            parts(first) <= version && version <= parts(last)
        }
    }
}

fn parts(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(covers("*", "2.36"));
        assert!(covers("2.36", "2.36"));
        assert!(covers("2.4-2.36", "2.31"));
        assert!(!covers("2.4-2.36", "2.41"));
        assert!(!covers("1.2.3", "1.2.5"));
    }
}
