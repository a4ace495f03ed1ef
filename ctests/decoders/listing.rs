// SPDX-License-Identifier: MIT OR Apache-2.0
//! What objdump prints, line by line.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use object::{Object, ObjectSection};

use super::seconds::Second;

/// One line of a disassembly.
#[derive(Debug)]
pub struct Line {
    pub address: u64,
    /// Bytes up to the next line; 0 for a section's last.
    pub length: u64,
    pub mnemonic: String,
    /// Without objdump's remarks.
    pub operands: String,
}

impl Line {
    /// Not an instruction, in objdump's view.
    pub fn data(&self) -> bool {
        self.mnemonic.starts_with('.')
            || self.operands.contains("(bad)")
            || ["(bad)", ""].contains(&self.mnemonic.as_str())
    }

    /// The address that it names: objdump adds the nearest symbol.
    pub fn target(&self, second: &Second) -> Option<u64> {
        if second.addresses.contains(&self.mnemonic.as_str()) {
            return None;
        }
        let (before, _) = self.operands.split_once('<')?;
        let last = before.trim_end().rsplit([',', ' ']).next()?;
        let to = u64::from_str_radix(last.trim_start_matches("0x"), 16).ok()?;
        // A call of what follows is how code asks for its own address.
        let own = self.mnemonic == "call" && to == self.address + self.length;
        (!own).then_some(to)
    }

    pub fn operands(&self) -> impl Iterator<Item = &str> {
        self.operands.split(',').map(str::trim)
    }
}

/// What objdump's remarks begin with.
const REMARKS: [&str; 6] = ["//", ";", " # ", "\t# ", " @ ", "\t@ "];

/// A copy of a 32-bit Arm library whose dynamic symbols do not say T32: objdump then reads
/// all of it as A32, be a function known by no symbol.
pub fn unmarked(path: &Path, bytes: &[u8]) -> Result<PathBuf, String> {
    let mut copy = bytes.to_vec();
    let file = object::File::parse(bytes).map_err(|why| why.to_string())?;
    let table = file.section_by_name(".dynsym").and_then(|s| s.file_range());
    if let Some((start, size)) = table {
        // st_value stands behind st_name.
        for entry in (start..start + size).step_by(16) {
            copy[entry as usize + 4] &= !1;
        }
    }
    // Names of libraries repeat, and so do the lengths of their paths.
    static COPIES: AtomicUsize = AtomicUsize::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = COPIES.fetch_add(1, Ordering::Relaxed);
    let name = format!("rpledge-{}-{number}-{name}", std::process::id());
    let place = std::env::temp_dir().join(name);
    std::fs::write(&place, copy).map_err(|why| format!("{}: {why}", place.display()))?;
    Ok(place)
}

/// Are copies of two libraries two files, though their paths are of one length?
pub fn keeps_apart(bytes: &[u8]) -> bool {
    let copies = ["/a/libc.so.6", "/b/libc.so.6"].map(|path| unmarked(Path::new(path), bytes));
    let [Ok(one), Ok(other)] = copies else {
        return false;
    };
    let both = one.exists() && other.exists();
    one != other
        && both
        && [one, other]
            .iter()
            .all(|copy| std::fs::remove_file(copy).is_ok())
}

/// The disassembly of a file, or why there is none.
pub fn read(second: &Second, path: &Path) -> Result<Vec<Line>, String> {
    let output = Command::new(second.objdump)
        .args(["-d", "-z", "-w", "--no-show-raw-insn"])
        .args(second.options)
        .arg(path)
        .env("LC_ALL", "C")
        .output()
        .map_err(|why| format!("{}: {why}", second.objdump))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", second.objdump, why.trim()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<Line> = Vec::new();
    let mut section = 0;
    for text in text.lines() {
        if text.starts_with("Disassembly of section") {
            section = lines.len();
        }
        let Some(line) = line(text) else { continue };
        if let Some(last) = lines[section..].last_mut() {
            last.length = line.address.wrapping_sub(last.address);
        }
        lines.push(line);
    }
    Ok(lines)
}

fn line(text: &str) -> Option<Line> {
    let (address, text) = text.split_once(":\t")?;
    let address = u64::from_str_radix(address.trim(), 16).ok()?;
    let text = REMARKS.iter().fold(text, |text, remark| {
        text.split_once(remark).map_or(text, |(before, _)| before)
    });
    let (mnemonic, operands) = text.split_once(['\t', ' ']).unwrap_or((text, ""));
    Some(Line {
        address,
        length: 0,
        mnemonic: mnemonic.trim().to_owned(),
        operands: operands.trim().to_owned(),
    })
}
