// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge data extract`: the files of a libc package to a snapshot on standard output.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rpledge::extract::{self, Input, Options, Quirk};

#[derive(clap::Args)]
pub struct Args {
    /// Distribution, package and version, as in "debian libc6 2.36-9+deb12u14"
    #[arg(long, default_value = "")]
    package: String,
    /// Directory of the data files
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Explain instead: the shortest way from a function to a system call, as in "fgets wait4"
    #[arg(long, num_args = 2, value_names = ["FUNCTION", "CALL"])]
    why: Option<Vec<String>>,
    /// The libc, then its loader and what else belongs to it
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub fn main(args: Args) -> Result<ExitCode, String> {
    let mut contents = Vec::new();
    for path in &args.files {
        contents.push((
            file_name(path),
            fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?,
        ));
    }
    let inputs: Vec<Input> = contents
        .iter()
        .map(|(name, bytes)| Input {
            name: name.clone(),
            bytes,
        })
        .collect();
    let mut words = args.package.split_whitespace().map(str::to_string);
    let options = Options {
        distribution: words.next().unwrap_or_default(),
        package: words.next().unwrap_or_default(),
        package_version: words.next().unwrap_or_default(),
        names: names(&args.data.join("syscalls.toml"), "x86_64")?,
        quirks: quirks(&args.data.join("quirks.toml"))?,
    };
    let extraction = extract::extract(&inputs, &options).map_err(|e| e.to_string())?;
    match &args.why {
        Some(question) => print!(
            "{}",
            extraction.why(&question[0], &question[1], &options.names)
        ),
        None => print!("{}", extract::print(&extraction.snapshot)),
    }
    Ok(ExitCode::SUCCESS)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn table(path: &Path) -> Result<toml::Table, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    text.parse().map_err(|e| format!("{}: {e}", path.display()))
}

/// The system calls of an architecture by number.
fn names(path: &Path, arch: &str) -> Result<BTreeMap<u32, String>, String> {
    let table = table(path)?;
    let calls = table.get("syscalls").and_then(toml::Value::as_table);
    let mut names = BTreeMap::new();
    for (name, numbers) in calls.into_iter().flatten() {
        let mut words = numbers.as_str().unwrap_or_default().split_whitespace();
        let most = words.next().unwrap_or("none");
        let mut own = words.filter_map(|word| word.split_once(':'));
        let own = own.rfind(|(arches, _)| arches.split(',').any(|a| a == arch));
        if let Ok(number) = own.map_or(most, |(_, number)| number).parse() {
            names.insert(number, name.clone());
        }
    }
    Ok(names)
}

fn quirks(path: &Path) -> Result<Vec<Quirk>, String> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let table = table(path)?;
    let rows = table.get("quirk").and_then(toml::Value::as_array);
    let text = |row: &toml::Value, key: &str| {
        row.get(key)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
            .to_string()
    };
    Ok(rows
        .into_iter()
        .flatten()
        .map(|row| Quirk {
            libc: text(row, "libc"),
            versions: text(row, "versions"),
            arch: text(row, "arch"),
            function: text(row, "function"),
            calls: text(row, "calls")
                .split_whitespace()
                .map(str::to_string)
                .collect(),
        })
        .collect())
}
