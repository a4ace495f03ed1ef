// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the sources say of each other, and the data of the kernel's headers.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use rpledge::arch::Arch;
use rpledge::facts::finding::Source;
use rpledge::facts::promises;
use rpledge::policy::QUERY;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Every Rust file below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut list = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            list.push(path);
        }
    }
    list.sort();
    list
}

/// The module of a file: "sys" for src/sys/tls.rs, "bin/rpledge" for a command's.
fn module(path: &Path) -> String {
    let path = path.strip_prefix(root().join("src")).expect("a source");
    let text = path.to_string_lossy();
    let mut parts = text.trim_end_matches(".rs").split('/');
    match parts.next() {
        Some("bin") => format!("bin/{}", parts.next().unwrap_or_default()),
        Some(name) => name.to_owned(),
        None => String::new(),
    }
}

/// The levels of the map at the head of src/lib.rs.
fn levels() -> BTreeMap<String, u32> {
    let text = read(&root().join("src/lib.rs"));
    let map = text.split("```").nth(1).expect("a map");
    let mut levels = BTreeMap::new();
    for line in map.lines() {
        // Names stand before the first gap, what they are for behind it.
        let line = line.trim_start_matches("//!").trim();
        let Some((level, rest)) = line.split_once("  ") else {
            continue;
        };
        let level = level.parse().expect("a level");
        let names = rest.split("   ").next().unwrap_or_default();
        levels.extend(
            names
                .split_whitespace()
                .map(|name| (name.to_owned(), level)),
        );
    }
    levels
}

/// Code without comments, texts and what only tests see.
fn code(text: &str) -> String {
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that a file names behind `crate::` (or, in the command, the
/// library's name), with what a group in braces names.
fn named(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(heads(group)),
            None => names.push(head(rest)),
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn head(text: &str) -> String {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}

/// The first names of a group's members, groups inside it skipped.
fn heads(group: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                names.push(head(group[start..at].trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

/// Beside the levels: who knows nobody, and what the build script compiles too.
fn may_name(from: &str, to: &str, levels: &BTreeMap<String, u32>) -> bool {
    if from == to {
        return true;
    }
    let level = |name: &str| levels.get(name).copied();
    match (level(from), level(to)) {
        (Some(0), Some(_)) => from == "error" && ["letters", "promise", "short"].contains(&to),
        (Some(1), Some(to_level)) if from == "facts" => to_level == 0 && to != "error",
        (Some(from), Some(to)) => to <= from,
        _ => false,
    }
}

/// The build script and the crate's root stand beside the layers.
const BESIDE: [&str; 2] = ["build", "lib"];

#[test]
fn nothing_points_up() {
    let levels = levels();
    let mut wrong = String::new();
    let mut seen = 0;
    for path in sources(&root().join("src")) {
        let from = module(&path);
        if BESIDE.contains(&from.as_str()) {
            continue;
        }
        let code = code(&read(&path));
        let prefix = if from.starts_with("bin/") {
            "rpledge::"
        } else {
            "crate::"
        };
        for to in named(&code, prefix) {
            seen += 1;
            if !may_name(&from, &to, &levels) {
                let _ = writeln!(wrong, "{}: {from} names {to}", path.display());
            }
        }
    }
    assert!(seen > 50, "{seen}");
    assert!(wrong.is_empty(), "see the map in src/lib.rs:\n{wrong}");
}

#[test]
fn every_module_has_its_level() {
    let levels = levels();
    let files = sources(&root().join("src"));
    for module in files.iter().map(|path| module(path)) {
        let beside = BESIDE.contains(&module.as_str());
        assert!(
            beside || levels.contains_key(&module),
            "{module}: put it on the map in src/lib.rs"
        );
    }
}

#[test]
fn names_are_read_from_groups() {
    let text = "use crate::a::B;\nuse crate::{b, c::{d, e},\n    f::G};\nfn x() { my_crate::y(); crate::z::w() }";
    assert_eq!(named(text, "crate::"), ["a", "b", "c", "f", "z"]);
    assert_eq!(
        code("a // crate::b\n#[cfg(test)]\nmod tests { crate::c }"),
        "a "
    );
    assert!(!may_name("bpf", "host", &levels()));
    assert!(!may_name("promise", "arch", &levels()));
    assert!(!may_name("facts", "sys", &levels()));
    assert!(may_name("pledge", "sys", &levels()));
}

/// The files that may hold `unsafe`.
const UNSAFE: [&str; 6] = [
    "src/sys/",
    "src/ffi.rs",
    "src/ffi/",
    "src/rt.rs",
    "src/bin/rpledge/bounds.rs",
    "src/bin/rpledge/launch/sys.rs",
];

#[test]
fn unsafe_code_has_its_places() {
    let mut wrong = Vec::new();
    for path in sources(&root().join("src")) {
        let name = path
            .strip_prefix(root())
            .expect("a source")
            .to_string_lossy()
            .into_owned();
        let code = code(&read(&path));
        let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        if words.into_iter().any(|word| word == "unsafe")
            && !UNSAFE.iter().any(|place| name.starts_with(place))
        {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The libc's headers, the kernel's, and those of devices and tables, which do
/// not go into one program.
const HEADERS: [&[&str]; 5] = [
    &[
        "fcntl.h",
        "netinet/in.h",
        "netinet/tcp.h",
        "sched.h",
        "signal.h",
        "stdio.h",
        "sys/ioctl.h",
        "sys/mman.h",
        "sys/prctl.h",
        "sys/resource.h",
        "sys/socket.h",
        "sys/stat.h",
        "termios.h",
    ],
    &[
        "stddef.h",
        "linux/fcntl.h",
        "linux/futex.h",
        "linux/in.h",
        "linux/in6.h",
        "linux/tcp.h",
        "linux/sched.h",
        "linux/signal.h",
        "linux/sockios.h",
        "asm/ioctls.h",
        "linux/mman.h",
        "linux/prctl.h",
        "linux/socket.h",
        "asm/socket.h",
        "linux/stat.h",
        "linux/fs.h",
        "linux/seccomp.h",
        "asm/prctl.h",
    ],
    &[
        "time.h",
        "linux/ioctl.h",
        "linux/videodev2.h",
        "sound/asound.h",
        "sound/asequencer.h",
        "linux/soundcard.h",
        "linux/mtio.h",
        "linux/kvm.h",
        "linux/fs.h",
        "linux/blkpg.h",
        "linux/hdreg.h",
        "linux/if_packet.h",
        "linux/netlink.h",
        "linux/rtnetlink.h",
        "linux/capability.h",
    ],
    &[
        "netinet/in.h",
        "linux/netfilter_ipv4.h",
        "linux/netfilter_ipv4/ip_tables.h",
        "linux/netfilter_ipv6/ip6_tables.h",
    ],
    // Debian's libdrm-dev has it.
    &["stddef.h", "libdrm/drm.h"],
];

/// What headers have within another: name, theirs, and how to have it of that.
const WITHIN: [(&str, &str, &str); 4] = [
    ("O_TMPFILE_BIT", "O_TMPFILE", "O_TMPFILE & ~O_DIRECTORY"),
    (
        "IOC_TYPE_MASK",
        "_IOC_TYPEMASK",
        "_IOC_TYPEMASK << _IOC_TYPESHIFT",
    ),
    ("IOC_CALL_MASK", "_IOC_SIZEMASK", CALL_MASK),
    (
        "IOC_DIR_MASK",
        "_IOC_DIRMASK",
        "(_IOC_READ | _IOC_WRITE) << _IOC_DIRSHIFT",
    ),
];

/// A request without the size of what is passed.
const CALL_MASK: &str = "~(_IOC_SIZEMASK << _IOC_SIZESHIFT)";

/// What the headers have for one of our names, and how to have it of that.
fn theirs(name: &str) -> (String, String) {
    if let Some((_, theirs, value)) = WITHIN.iter().find(|(ours, ..)| *ours == name) {
        return (theirs.to_string(), value.to_string());
    }
    let (theirs, value) = match (name.strip_prefix("TYPE_"), name.strip_prefix("CALL_")) {
        (Some(of), _) => (of, format!("_IOC_TYPE({of}) << _IOC_TYPESHIFT")),
        (_, Some(of)) => (of, format!("{of} & {CALL_MASK}")),
        _ => (name, name.to_owned()),
    };
    (theirs.to_owned(), value)
}

/// What no header has (SOCK_DNS is OpenBSD's), or only those of kernels newer than the oldest that
/// this is built on: SOCK_TYPE_MASK of the kernel's include/linux/net.h,
/// shadow stacks of arch/x86/include/uapi/asm/prctl.h (6.6; CET_STATUS is of
/// patches that glibc took up and the kernel did not), linux/pidfd.h since 6.13,
/// and our own word.
const NO_HEADER: [(&str, u64); 9] = [
    ("PR_GET_AUXV", 0x4155_5856),
    ("SOCK_TYPE_MASK", 0xf),
    ("SOCK_DNS", 0x1000),
    ("ARCH_CET_STATUS", 0x3001),
    ("ARCH_SHSTK_ENABLE", 0x5001),
    ("ARCH_SHSTK_LOCK", 0x5003),
    ("ARCH_SHSTK_STATUS", 0x5005),
    ("PIDFD_GET_INFO", 0xc058_ff0b),
    ("DOOR", QUERY as u64),
];

/// What the calls take that x86-64 lacks: socketcall(2), ipc(2), fcntl64(2); and
/// O_LARGEFILE, which its C library has as nothing. check-constants looks at
/// the headers of the architectures that have them.
const ELSEWHERE: [&str; 8] = [
    "SYS_",
    "SEM",
    "SHM",
    "MSGCTL MSGGET MSGRCV MSGSND",
    "F_GETLK64",
    "F_SETLK64",
    "F_SETLKW64",
    "O_LARGEFILE",
];

fn is_elsewhere(name: &str) -> bool {
    ELSEWHERE
        .iter()
        .flat_map(|list| list.split(' '))
        .any(|start| name.starts_with(start))
}

fn c_program(headers: &[&str], names: &[&String]) -> String {
    let mut text = String::from("#define _GNU_SOURCE\n");
    for header in headers {
        let _ = writeln!(text, "#include <{header}>");
    }
    // asm/termbits.h has it, which cannot stand beside termios.h.
    text.push_str(
        "struct termios2 { unsigned modes[4]; unsigned char line[20]; unsigned speeds[2]; };\n",
    );
    text.push_str("int printf(const char *, ...);\nint main(void) {\n");
    for name in names {
        let (theirs, value) = theirs(name);
        let _ = writeln!(
            text,
            "#ifdef {theirs}\n\tprintf(\"%s %llx\\n\", \"{name}\", (unsigned long long)(unsigned)({value}));\n#endif"
        );
    }
    text.push_str("\treturn 0;\n}\n");
    text
}

/// What a C compiler makes of the names that the headers have.
fn compiled(headers: &[&str], names: &[&String]) -> BTreeMap<String, u64> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, program) = (directory.join("constants.c"), directory.join("constants"));
    fs::write(&source, c_program(headers, names)).expect("a file");
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let made = Command::new(&compiler)
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .output();
    let made = made.unwrap_or_else(|why| panic!("{compiler}: {why}: scripts/setup installs one"));
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let told = Command::new(&program).output().expect("it was just made");
    let told = String::from_utf8(told.stdout).expect("ascii");
    let line = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), u64::from_str_radix(value, 16).ok()?))
    };
    told.lines().filter_map(line).collect()
}

#[test]
fn constants_are_the_compiler_s() {
    let text = read(&root().join("data/promises.toml"));
    let source = Source {
        file: "data/promises.toml",
        text: &text,
    };
    let promises = promises::read(&source).unwrap_or_else(|findings| panic!("{findings:?}"));
    let constants = promises.constants(Arch::host().name);
    let names: Vec<_> = constants.keys().collect();
    let none = NO_HEADER.map(|(name, value)| (name.to_owned(), value));
    let mut told = vec![BTreeMap::from(none)];
    told.extend(HEADERS.iter().map(|headers| compiled(headers, &names)));
    let mut wrong = String::new();
    for (name, value) in &constants {
        if is_elsewhere(name) {
            continue;
        }
        let seen: Vec<_> = told.iter().filter_map(|told| told.get(name)).collect();
        if seen.is_empty() || seen.iter().any(|seen| *seen != value) {
            let _ = writeln!(wrong, "{name}: {value:#x}, but {seen:x?} here");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let counts: Vec<_> = told.iter().skip(1).map(BTreeMap::len).collect();
    println!(
        "{} constants: in the headers of {HEADERS:?} {counts:?}; in none: {NO_HEADER:x?}",
        constants.len()
    );
}

/// Crates of a Cargo.lock, as "name version".
fn locked(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let crates = lines.windows(2).filter_map(|pair| {
        let (name, version) = (value(pair[0], "name = ")?, value(pair[1], "version = ")?);
        Some(format!("{name} {version}"))
    });
    crates.collect()
}

/// Crates that both have, `theirs` in a version that `ours` has not.
fn out_of_step(ours: &str, theirs: &str) -> Vec<String> {
    let ours = locked(ours);
    let name = |one: &str| one.split(' ').next().map(str::to_owned);
    let differs =
        |one: &String| !ours.contains(one) && ours.iter().any(|own| name(own) == name(one));
    locked(theirs).into_iter().filter(differs).collect()
}

/// What is fuzzed is built of the crates that it is tested with.
#[test]
fn the_fuzzers_lock_is_in_step() {
    let [ours, theirs] = ["Cargo.lock", "fuzz/Cargo.lock"].map(|file| read(&root().join(file)));
    let apart = out_of_step(&ours, &theirs);
    let help = "run cargo update --manifest-path fuzz/Cargo.toml --precise for each";
    assert!(apart.is_empty(), "fuzz/Cargo.lock: {apart:?}: {help}");
    // As it would be seen.
    let shared = locked(&theirs)
        .into_iter()
        .filter(|one| locked(&ours).contains(one));
    assert!(shared.count() > 10);
    let other = theirs.replacen("version = \"2.", "version = \"9.", 1);
    assert_eq!(out_of_step(&ours, &other).len(), 1, "{:?}", locked(&other));
}
