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
    kind(
        "musl-static-pie",
        "gcc",
        RELOCATES_ITSELF,
        "musl-static-pie",
        false,
    ),
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

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ctests/launch")
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
    link(kind, "program.c", directory().join(kind.name))
}

/// The same of the one that asks for what a broker has.
pub fn build_asks(kind: &Kind) -> Result<PathBuf, String> {
    link(
        kind,
        "asks.c",
        directory().join(format!("asks-{}", kind.name)),
    )
}

fn link(kind: &Kind, source: &str, output: PathBuf) -> Result<PathBuf, String> {
    let source = sources().join(source);
    let source = source.to_str().expect("a path in UTF-8");
    let mut arguments = vec!["-O2", "-Wall", "-Wextra", "-pthread", source];
    arguments.extend(kind.flags);
    let missing = kind
        .flags
        .iter()
        .find(|flag| flag.starts_with('/') && !Path::new(flag).exists());
    if let Some(missing) = missing {
        return Err(format!("no {missing}"));
    }
    match compile(kind.compiler, &arguments, &output) {
        None => Err(format!("no {}", kind.compiler)),
        Some(false) => Err(format!("{} {} fails", kind.compiler, kind.flags.join(" "))),
        Some(true) => Ok(output),
    }
}

/// A program with a start of its own: getppid, then exit with 42.
pub fn without_libc() -> Result<PathBuf, String> {
    let source = directory().join("own-start.c");
    let text = "__asm__(\".globl _start\\n.type _start, @function\\n_start:\\n\"\n\
        \"mov $110, %eax\\n syscall\\n mov $231, %eax\\n mov $42, %edi\\n syscall\\n\"\n\
        \".size _start, . - _start\");\n";
    std::fs::write(&source, text).map_err(|error| error.to_string())?;
    let output = directory().join("own-start");
    let source = source.to_str().expect("a path in UTF-8");
    match compile("gcc", &["-static", "-nostdlib", source], &output) {
        Some(true) => Ok(output),
        _ => Err("gcc fails".into()),
    }
}

/// A 32-bit program, by hand: one loaded page, exit(42) by int 0x80.
pub fn foreign() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let code = [0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80];
    let base = 0x0804_8000u32;
    let head = 52 + 32;
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([2u16, 3].iter().flat_map(|half| half.to_le_bytes()));
    let header = [1, base + head, 52, 0, 0];
    file.extend(header.iter().flat_map(|word: &u32| word.to_le_bytes()));
    file.extend(
        [52u16, 32, 1, 40, 0, 0]
            .iter()
            .flat_map(|half| half.to_le_bytes()),
    );
    let size = head + code.len() as u32;
    let load = [1, 0, base, base, size, size, 5, 4096];
    file.extend(load.iter().flat_map(|word: &u32| word.to_le_bytes()));
    file.extend(code);
    let path = directory().join("foreign");
    std::fs::write(&path, file)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}
