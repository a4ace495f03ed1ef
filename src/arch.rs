// SPDX-License-Identifier: MIT OR Apache-2.0
//! Architectures at run time: data/arches.toml as constants, and which one this is.

/// The order of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endian {
    Little,
    Big,
}

/// An architecture as the kernel, ELF and file names know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arch {
    /// "x86_64".
    pub name: &'static str,
    /// Other names, understood wherever the name is: "amd64".
    pub aliases: &'static [&'static str],
    /// `AUDIT_ARCH_*`: what a seccomp filter sees.
    pub audit: u32,
    /// `e_machine`.
    pub elf: u16,
    /// Of a pointer.
    pub bits: u8,
    pub endian: Endian,
    /// Where its system call numbers begin: not 0 on x32 and MIPS.
    pub base: u32,
    /// Where those of another ABI with the same audit token begin.
    pub foreign_from: u32,
}

// ALL, sorted by name, and HOST, made by the build script.
include!(concat!(env!("OUT_DIR"), "/arches.rs"));

impl Arch {
    /// Every architecture, sorted by name.
    pub fn all() -> &'static [Arch] {
        &ALL
    }

    /// The one that this code runs on.
    pub fn host() -> &'static Arch {
        &ALL[HOST]
    }

    /// The architecture of that name or alias.
    pub fn find(word: &str) -> Option<&'static Arch> {
        ALL.iter()
            .find(|arch| arch.name == word || arch.aliases.contains(&word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_what_it_was_compiled_for() {
        let host = Arch::host();
        assert_eq!(usize::from(host.bits), usize::BITS as usize);
        let endian = if cfg!(target_endian = "little") {
            Endian::Little
        } else {
            Endian::Big
        };
        assert_eq!(host.endian, endian);
        assert_eq!(Arch::find(host.name), Some(host));
    }

    #[test]
    fn tokens_are_the_kernels() {
        for (word, audit, base) in [
            ("amd64", 0xc000_003e, 0),
            ("aarch64", 0xc000_00b7, 0),
            ("i386", 0x4000_0003, 0),
            ("x32", 0xc000_003e, 0x4000_0000),
            ("s390x", 0x8000_0016, 0),
        ] {
            let arch = Arch::find(word).expect(word);
            assert_eq!((arch.audit, arch.base), (audit, base), "{word}");
        }
        assert_eq!(Arch::find("vax"), None);
        assert!(Arch::all().is_sorted_by_key(|arch| arch.name));
    }

    #[cfg(feature = "facts")]
    #[test]
    fn it_is_the_data() {
        use crate::facts::{arches, finding::Source};
        let text = include_str!("../data/arches.toml");
        let data = arches::read(&Source {
            file: "data/arches.toml",
            text,
        })
        .expect("ours");
        assert_eq!(Arch::all().len(), data.0.len());
        for arch in Arch::all() {
            let (name, same) = data.find(arch.name).expect(arch.name);
            assert_eq!(name, arch.name);
            assert_eq!(
                (arch.audit, arch.elf, arch.bits),
                (same.audit, same.elf, same.bits)
            );
            assert_eq!(
                (arch.base, arch.aliases),
                (
                    same.base,
                    same.aliases
                        .iter()
                        .map(String::as_str)
                        .collect::<Vec<_>>()
                        .as_slice()
                )
            );
            assert_eq!(
                arch.endian == Endian::Little,
                same.endian == arches::Endian::Little
            );
        }
    }
}
