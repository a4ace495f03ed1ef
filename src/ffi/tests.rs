// SPDX-License-Identifier: MIT OR Apache-2.0
//! The face's numbers are those of the layers below, and its texts fit.

use super::*;

#[test]
fn version_is_the_package_s() {
    let parts = [
        RPLEDGE_VERSION_MAJOR,
        RPLEDGE_VERSION_MINOR,
        RPLEDGE_VERSION_PATCH,
    ];
    let text = parts.map(|n| n.to_string()).join(".");
    assert_eq!(text, env!("CARGO_PKG_VERSION"));
}

#[test]
fn codes_are_the_header_s() {
    let pairs = [
        (Code::Word, RPLEDGE_E_WORD),
        (Code::Regain, RPLEDGE_E_REGAIN),
        (Code::Path, paths::RPLEDGE_E_PATH),
        (Code::Libc, RPLEDGE_E_LIBC),
        (Code::Kernel, RPLEDGE_E_KERNEL),
        (Code::Thread, RPLEDGE_E_THREAD),
        (Code::Broker, RPLEDGE_E_BROKER),
        (Code::Argument, RPLEDGE_E_ARGUMENT),
    ];
    assert!(pairs.iter().all(|(code, c)| *code as i32 == *c));
    assert_eq!(
        [
            Flags::MODE_MASK,
            Flags::THREAD,
            Flags::STRICT,
            Flags::DRY_RUN
        ],
        [
            RPLEDGE_MODE_MASK,
            RPLEDGE_THREAD,
            RPLEDGE_STRICT,
            RPLEDGE_DRYRUN
        ]
    );
}

#[test]
fn flags_of_unveil_are_the_header_s() {
    assert_eq!(
        [
            unveil::Flags::STRICT,
            unveil::Flags::NOW,
            unveil::Flags::LESS
        ],
        [
            RPLEDGE_STRICT,
            paths::RPLEDGE_UNVEIL_NOW,
            paths::RPLEDGE_UNVEIL_LESS
        ]
    );
}

/// Of whichever file they are.
#[test]
fn state_bits_are_told_apart() {
    let header = include_str!("../../include/rpledge.h");
    let bits = header
        .split("/*")
        .filter(|part| part.contains("State bit:"));
    let mut seen = std::collections::HashSet::new();
    for text in bits {
        let define = text.split("#define ").nth(1).expect("a name and a value");
        let value = define
            .split("(1 << ")
            .nth(1)
            .and_then(|n| n.split(')').next());
        assert!(seen.insert(value.expect("a bit")), "{define}");
    }
    assert!(seen.len() > 10);
}

#[test]
fn names_fit_and_end() {
    for promise in Promise::all() {
        assert!(promise.name().len() < size_of::<Name>());
    }
    assert!(rpledge_promise_name(Promise::COUNT as c_int).is_null());
    assert!(rpledge_promise_name(-1).is_null());
}
