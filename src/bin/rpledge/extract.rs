// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge data extract`: the files of a libc package to a snapshot on standard output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rpledge::extract::{self, Input, Options};
use rpledge::facts::version::Version;
use rpledge::facts::{libcs, print};

use crate::report::{self, Failure};
use crate::store::Store;

#[derive(clap::Args)]
pub struct Args {
    /// Distribution, package and version, as in "debian libc6 2.36-9+deb12u14"
    #[arg(long, default_value = "")]
    package: String,
    /// Data directory, for system calls and quirks [default: the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What an archive is that does not say it, as in "klibc-2.0.12"
    #[arg(long, value_name = "NAME-VERSION", value_parser = libc)]
    libc: Option<(String, String)>,
    /// Explain instead: the shortest way from a function to a system call, as in "fgets wait4"
    #[arg(long, num_args = 2, value_names = ["FUNCTION", "CALL"])]
    why: Option<Vec<String>>,
    /// The libc, then its loader and what else belongs to it
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Longest file that is read; glibc's libc.so.6 has 2 MB.
const FILE_MAX: u64 = 256 << 20;

pub fn main(args: Args) -> Result<ExitCode, Failure> {
    let store = Store::open(args.data.as_deref())?;
    let contents = args.files.iter().map(|path| read(path));
    let contents = contents.collect::<Result<Vec<_>, _>>()?;
    let inputs: Vec<Input> = contents
        .iter()
        .map(|(name, bytes)| Input {
            name: name.clone(),
            bytes,
        })
        .collect();
    let mut words = args.package.split_whitespace().map(str::to_owned);
    let syscalls = store.syscalls(&store.arches()?)?;
    let failed = |why: extract::Error| Failure::data(format!("rpledge: {why}"));
    let arch = inputs.first().map(extract::arch).transpose();
    let arch = arch.map_err(failed)?.unwrap_or_default();
    let names = syscalls.table(arch).into_iter();
    let options = Options {
        distribution: words.next().unwrap_or_default(),
        package: words.next().unwrap_or_default(),
        package_version: words.next().unwrap_or_default(),
        libc: args.libc,
        names: names.map(|(nr, name)| (nr, name.to_owned())).collect(),
        quirks: store.quirks()?,
    };
    let extraction = extract::extract(&inputs, &options).map_err(failed)?;
    for (name, count) in extraction.undefined() {
        eprintln!("rpledge: {name} is defined nowhere; functions that call it: {count}");
    }
    report::print(&match args.why.as_deref() {
        Some([function, call]) => extraction.why(function, call, &options.names),
        _ => print::snapshot(&extraction.snapshot),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// "klibc-2.0.12" as name and version.
fn libc(text: &str) -> Result<(String, String), String> {
    let known = |name: &str| libcs::names().any(|libc| libc == name);
    match text.rsplit_once('-') {
        Some((name, version)) if known(name) && Version::parse(version).is_some() => {
            Ok((name.to_owned(), version.to_owned()))
        }
        _ => {
            let names: Vec<&str> = libcs::names().collect();
            Err(format!(
                "write a name and a version, as in klibc-2.0.12; the names are {}",
                names.join(" ")
            ))
        }
    }
}

/// A file's name without its directory, and its bytes.
fn read(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let shown = path.display();
    let failed = |why: String| Failure::data(format!("rpledge: {shown}: {why}"));
    let about = fs::metadata(path).map_err(|why| failed(why.to_string()))?;
    if !about.is_file() || about.len() > FILE_MAX {
        return Err(failed(
            "not a file, or too long to be a C library".to_owned(),
        ));
    }
    let bytes = fs::read(path).map_err(|why| failed(why.to_string()))?;
    let name = path.file_name().unwrap_or_default();
    Ok((name.to_string_lossy().into_owned(), bytes))
}
