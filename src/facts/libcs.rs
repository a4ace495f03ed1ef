// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C libraries: the one list of them, and a symbol by which each is known.

/// A C library.
pub struct Known {
    /// As snapshots, quirks and the command name it.
    pub name: &'static str,
    /// In every program that it is linked into, and in no other libc.
    pub symbol: &'static str,
}

/// All of them. LLVM's has no such symbol of a fixed name: its C++ names hold the version.
pub const LIBCS: [Known; 5] = [
    Known {
        name: "dietlibc",
        symbol: "__you_tried_to_link_a_dietlibc_object_against_glibc",
    },
    Known {
        name: "glibc",
        symbol: "__libc_setup_tls",
    },
    Known {
        name: "klibc",
        symbol: "__auxval",
    },
    Known {
        name: "llvm-libc",
        symbol: "__llvm_libc",
    },
    Known {
        name: "musl",
        symbol: "__init_libc",
    },
];

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    LIBCS.iter().map(|libc| libc.name)
}

/// The libc of which these are symbols.
pub fn of_symbols(has: impl Fn(&str) -> bool) -> Option<&'static str> {
    let found = LIBCS.iter().find(|libc| has(libc.symbol));
    found.map(|libc| libc.name)
}
