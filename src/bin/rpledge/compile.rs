// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge data compile`: the data of a libc in the form that programs read when they start to pledge.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rpledge::arch::Arch;
use rpledge::bpf::{self, Program};
use rpledge::compiled;
use rpledge::facts::finding::Source;
use rpledge::facts::{Snapshot, parse};
use rpledge::installed;
use rpledge::policy::Policy;
use rpledge::promise::Set;
use rpledge::table::Table;

use crate::report::Failure;
use crate::show;
use crate::store::{self, Store};
use crate::tables;

#[derive(clap::Args)]
pub struct Args {
    /// A file for all of the libcs, or a directory like /usr/share/rpledge for a tree of files
    #[arg(short, value_name = "FILE")]
    output: PathBuf,
    /// Architecture of the libcs [default: this machine's]
    #[arg(long)]
    arch: Option<String>,
    /// Data directory [default: the data that the command carries]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Libcs like glibc-2.36, or files of snapshots
    #[arg(required = true)]
    libcs: Vec<String>,
}

pub fn main(args: &Args) -> Result<(), Failure> {
    let store = Store::open(args.data.as_deref())?;
    let arch = match &args.arch {
        None => Arch::host(),
        Some(word) => show::arch_named(word)?,
    };
    let snapshot = |word: &String| snapshot(&store, word, arch);
    let snapshots = args.libcs.iter().map(snapshot);
    let snapshots = snapshots.collect::<Result<Vec<_>, _>>()?;
    if !args.output.is_dir() {
        let (_, bytes) = compile(&store, arch, &snapshots)?;
        return replace(&args.output, &bytes);
    }
    for snapshot in &snapshots {
        let (table, bytes) = compile(&store, arch, std::slice::from_ref(snapshot))?;
        place(&args.output, table, &bytes)?;
    }
    Ok(())
}

/// The snapshot of "glibc-2.36", or in a file.
pub fn snapshot(store: &Store, word: &str, arch: &Arch) -> Result<Snapshot, Failure> {
    if !word.contains('/') && !word.ends_with(".toml") {
        return store.snapshot(word, arch.name);
    }
    let text = store::read(Path::new(word))?;
    let snapshot = parse::snapshot(&Source {
        file: word,
        text: &text,
    })?;
    if snapshot.arch != arch.name {
        let what = format!("rpledge: {word}: is for {}: see --arch", snapshot.arch);
        return Err(Failure::usage(what));
    }
    Ok(snapshot)
}

/// The table of some snapshots, and its bytes, which were read back: what the
/// library would refuse is not handed out.
pub fn compile(
    store: &Store,
    arch: &Arch,
    snapshots: &[Snapshot],
) -> Result<(&'static Table<'static>, Vec<u8>), Failure> {
    let table = tables::of(store, arch, snapshots)?;
    let bytes = compiled::write(table);
    let refused = |why: String| Failure::data(format!("rpledge: what was compiled {why}"));
    let back = compiled::load(&bytes, table).map_err(|why| refused(why.to_string()))?;
    if format!("{back:?}") != format!("{table:?}") {
        return Err(refused("is read as something else".to_owned()));
    }
    let mut program = Box::new(Program::new());
    for libc in back.libcs {
        let everything = Set::from_bits(u64::MAX);
        let policy = Policy::of(back, std::slice::from_ref(libc), everything);
        bpf::compile(&policy, &mut program)
            .map_err(|_| refused("makes a filter that is too long".to_owned()))?;
    }
    Ok((table, bytes))
}

/// Below a directory that programs look into: under the version, and under
/// each build.
pub fn place(directory: &Path, table: &Table, bytes: &[u8]) -> Result<(), Failure> {
    for libc in table.libcs.iter().filter(|libc| !libc.is_later()) {
        let builds = libc.builds.iter();
        let builds = builds.map(|id| installed::build_path(table.arch, id));
        let version = installed::version_path(table.arch, libc.name, libc.version);
        for path in builds.chain([version]) {
            let path = directory.join(path.as_str());
            let parent = path.parent().unwrap_or(directory);
            let failed = |why| Failure::data(format!("rpledge: {}: {why}", parent.display()));
            fs::create_dir_all(parent).map_err(failed)?;
            replace(&path, bytes)?;
        }
    }
    Ok(())
}

/// The whole new file or the whole old one, whatever happens; readable by all.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || {
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(parent)?.sync_all()
    };
    write().map_err(|why| {
        // What was written is of no use; that it stays is no second failure.
        let _ = fs::remove_file(&new);
        Failure::data(format!("rpledge: {}: {why}", path.display()))
    })
}
