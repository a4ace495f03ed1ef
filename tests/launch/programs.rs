// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compiles the case program in every way that the machine's compilers offer.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A way of linking.
pub struct Kind {
    pub name: &'static str,
    compiler: &'static str,
    flags: &'static [&'static str],
    /// What the launcher must find.
    pub libc: &'static str,
    pub shared: bool,
}

pub const KINDS: [Kind; 7] = [
    kind("glibc-dynamic", "gcc", &[], "libc.so.6", true),
    kind("glibc-no-pie", "gcc", &["-no-pie", "-s"], "libc.so.6", true),
    kind("glibc-static", "gcc", &["-static"], "glibc-static", false),
    kind(
        "glibc-static-pie",
        "gcc",
        &["-static-pie"],
        "glibc-static-pie",
        false,
    ),
    kind("musl-dynamic", "musl-gcc", &[], "libc.so", true),
    kind(
        "musl-static",
        "musl-gcc",
        &["-static"],
        "musl-static",
        false,
    ),
    kind("musl-static-pie", "gcc", RELOCATES_ITSELF, "musl-static-pie", false),
];

/// What musl-gcc has no specs for.
const RELOCATES_ITSELF: &[&str] = &[
    "-fPIE",
    "-static-pie",
    "-nostdlib",
    "-nostdinc",
    "-isystem",
    "/usr/include/x86_64-linux-musl",
    "/usr/lib/x86_64-linux-musl/rcrt1.o",
    "/usr/lib/x86_64-linux-musl/crti.o",
    "/usr/lib/x86_64-linux-musl/libc.a",
    "/usr/lib/x86_64-linux-musl/crtn.o",
];

const fn kind(
    name: &'static str,
    compiler: &'static str,
    flags: &'static [&'static str],
    libc: &'static str,
    shared: bool,
) -> Kind {
    Kind {
        name,
        compiler,
        flags,
        libc,
        shared,
    }
}

pub fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/launch/program.c")
}

pub fn directory() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("launch");
    std::fs::create_dir_all(&directory).expect("a directory below target");
    directory
}

/// Runs a compiler; None when it is not there.
fn compile(compiler: &str, arguments: &[&str], output: &Path) -> Option<bool> {
    Command::new(compiler)
        .args(arguments)
        .arg("-o")
        .arg(output)
        .stdin(Stdio::null())
        .status()
        .ok()
        .map(|status| status.success())
}

/// The program linked this way; Err says why there is none.
pub fn build(kind: &Kind) -> Result<PathBuf, String> {
    let output = directory().join(kind.name);
    let source = source();
    let source = source.to_str().expect("a path in UTF-8");
    let mut arguments = vec!["-O2", "-Wall", "-Wextra", "-pthread", source];
    arguments.extend(kind.flags);
    let missing = kind.flags.iter().find(|flag| flag.starts_with('/') && !Path::new(flag).exists());
    if let Some(missing) = missing {
        return Err(format!("no {missing}"));
    }
    match compile(kind.compiler, &arguments, &output) {
        None => Err(format!("no {}", kind.compiler)),
        Some(false) => Err(format!("{} {} fails", kind.compiler, kind.flags.join(" "))),
        Some(true) => Ok(output),
    }
}
