// SPDX-License-Identifier: MIT OR Apache-2.0
//! The build script: what data/ says, as constants.
//!
//! `RPLEDGE_DATA` names another directory to read instead: a distribution's own
//! data, or a test's with something taken out.

#[allow(dead_code)]
#[path = "facts/mod.rs"]
mod facts;
#[allow(dead_code)]
#[path = "letters.rs"]
mod letters;
#[allow(dead_code)]
#[path = "promise.rs"]
mod promise;
#[path = "build/table.rs"]
mod table;
#[path = "build/veil.rs"]
mod veil;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use facts::arches::{self, Arches, Endian};
use facts::finding::{Finding, Source};
use facts::{libcs, parse, promises, quirks, reduce, sockets, syscalls};

/// Words in the bit sets of src/table.rs.
const CALL_WORDS: usize = 8;
const LIMIT_WORDS: usize = 6;

fn main() {
    println!("cargo::rerun-if-env-changed=RPLEDGE_DATA");
    if let Err(why) = make() {
        // Cargo shows what a failed build script wrote, and nothing else.
        eprintln!("{why}");
        std::process::exit(1);
    }
}

fn make() -> Result<(), String> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let data = match env::var_os("RPLEDGE_DATA") {
        Some(data) => PathBuf::from(data),
        None => PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("data"),
    };
    println!("cargo::rerun-if-changed={}", data.display());
    let arches = place(&data, "arches.toml", arches::read)?;
    write(&out.join("arches.rs"), &arches_rs(&arches)?)?;
    write(&out.join("table.rs"), &table_rs(&data, &arches)?)?;
    write(&out.join("veil.rs"), &veil_rs(&data, &arches)?)?;
    write(&out.join("data_files.rs"), &data_files_rs(&data)?)
}

/// `TABLE` and `BUILDS` of src/table.rs.
fn table_rs(data: &Path, arches: &Arches) -> Result<String, String> {
    let (name, arch) = target(arches)?;
    let syscalls = place(data, "syscalls.toml", |source| {
        syscalls::read(source, arches)
    })?;
    let promises = place(data, "promises.toml", promises::read)?;
    let quirks = place(data, "quirks.toml", quirks::read)?;
    let classes = place(data, "sockets.toml", sockets::read)?;
    let classes = sockets::numbered(&classes, &promises.constants(name))?;
    let mut files = Vec::new();
    collect(data, "", &mut files)?;
    files.sort();
    let here = format!("/{name}.toml");
    let snapshots = files.iter().filter(|file| file.ends_with(&here));
    let snapshots = snapshots.map(|file| place(data, file, parse::snapshot));
    let mut snapshots = snapshots.collect::<Result<Vec<_>, _>>()?;
    if env::var_os("CARGO_FEATURE_CAPI").is_some() {
        snapshots.retain(|snapshot| libcs::is_host(&snapshot.libc));
    }
    let reduced = reduce::reduce(name, &syscalls, &promises, &quirks, &snapshots)?;
    if reduced.calls.len() > 64 * CALL_WORDS || reduced.limits.len() > 64 * LIMIT_WORDS {
        return Err("more system calls or limits than the sets of src/table.rs hold: widen them, there and in src/build.rs".to_owned());
    }
    let frame = table::Frame {
        audit: arch.audit,
        big_endian: arch.endian == Endian::Big,
        foreign_from: arches.foreign_from(arch),
        release: promises.release.clone(),
        broker: promises.broker(),
        covered: promises.covered(),
        partial: promises.partial(),
        classes,
    };
    Ok(table::print(&reduced, &frame))
}

/// `RIGHTS` and the like of src/needs.rs.
fn veil_rs(data: &Path, arches: &Arches) -> Result<String, String> {
    let (name, _) = target(arches)?;
    let syscalls = place(data, "syscalls.toml", |source| {
        syscalls::read(source, arches)
    })?;
    let asked = place(data, "unveil.toml", facts::veil::read)?;
    Ok(veil::print(&asked, &syscalls, name))
}

/// Read a data file and what it says.
fn place<T>(
    data: &Path,
    file: &str,
    reader: impl Fn(&Source) -> Result<T, Vec<Finding>>,
) -> Result<T, String> {
    let text = read(&data.join(file))?;
    let name = format!("data/{file}");
    reader(&Source {
        file: &name,
        text: &text,
    })
    .map_err(|findings| list(&findings))
}

/// The architecture that is built for.
fn target(arches: &Arches) -> Result<(&str, &arches::Arch), String> {
    let target = variable("CARGO_CFG_TARGET_ARCH")?;
    let endian = match variable("CARGO_CFG_TARGET_ENDIAN")?.as_str() {
        "little" => Endian::Little,
        _ => Endian::Big,
    };
    let bits = variable("CARGO_CFG_TARGET_POINTER_WIDTH")?
        .parse()
        .unwrap_or(0);
    arches.target(&target, endian, bits).ok_or_else(|| {
        format!("the target {target} is not in data/arches.toml: add it, or build for one that is")
    })
}

/// `ALL` and `HOST` of src/arch.rs.
fn arches_rs(arches: &Arches) -> Result<String, String> {
    let (host, _) = target(arches)?;
    let mut out = format!("const ALL: [Arch; {}] = [\n", arches.0.len());
    for (name, arch) in &arches.0 {
        let arches::Arch {
            aliases,
            audit,
            elf,
            bits,
            endian,
            base,
            numbers: _,
        } = arch;
        let foreign_from = arches.foreign_from(arch);
        let _ = writeln!(
            out,
            "    Arch {{ name: {name:?}, aliases: &{aliases:?}, audit: {audit:#x}, elf: {elf}, \
             bits: {bits}, endian: Endian::{endian:?}, base: {base:#x}, \
             foreign_from: {foreign_from:#x} }},"
        );
    }
    let place = arches.names().position(|name| name == host).unwrap_or(0);
    let _ = writeln!(out, "];\nconst HOST: usize = {place};");
    Ok(out)
}

/// Every file below data/ that the command reads when it is given no other.
fn data_files_rs(data: &Path) -> Result<String, String> {
    let mut found = Vec::new();
    collect(data, "", &mut found)?;
    found.sort();
    let mut out = String::from("pub const FILES: &[(&str, &str)] = &[\n");
    for name in found {
        let path = data.join(&name);
        let _ = writeln!(out, "    ({name:?}, include_str!({path:?})),");
    }
    out.push_str("];\n");
    Ok(out)
}

fn collect(directory: &Path, prefix: &str, found: &mut Vec<String>) -> Result<(), String> {
    let failed = |why| format!("{}: {why}", directory.display());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(failed)?.is_dir() {
            // The linter's fixtures are no data.
            if name != "lint" {
                collect(&entry.path(), &format!("{name}/"), found)?;
            }
        } else if name.ends_with(".toml") {
            found.push(name);
        }
    }
    Ok(())
}

fn list(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(Finding::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set: run this through cargo"))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|why| format!("{}: {why}", path.display()))
}
