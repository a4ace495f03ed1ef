// SPDX-License-Identifier: MIT OR Apache-2.0
//! What unveil() costs, and what calls on paths cost under it, as ratios to doing without.

// They serve other benchmarks, too.
#[allow(dead_code)]
#[path = "../pledge/child.rs"]
mod child;
#[allow(dead_code)]
#[path = "../machine.rs"]
mod machine;

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rpledge::pledge::{self, Request, pledge};
use rpledge::promise::Set;
use rpledge::unveil::{self, Flags};

/// Calls in a batch; of many batches the shortest counts.
const CALLS: u32 = 2000;
const BATCHES: usize = 10;
/// How often all of that, in turns.
const ROUNDS: usize = 5;

/// A directory with as many others as there are rules, and one deeper file.
struct World {
    top: PathBuf,
    file: CString,
    directory: CString,
}

impl World {
    fn new() -> World {
        let top = std::env::temp_dir().join(format!("rpledge-bench-{}", std::process::id()));
        let deep = top.join("0/a/b/c/d");
        fs::create_dir_all(&deep).expect("directories");
        for n in 1..100 {
            fs::create_dir(top.join(n.to_string())).expect("a directory");
        }
        fs::write(deep.join("file"), "text").expect("a file");
        // What follows may be another user's.
        fs::set_permissions(&top, fs::Permissions::from_mode(0o755)).expect("a directory");
        let c = |path: &Path| CString::new(path.as_os_str().as_bytes()).expect("no NUL");
        World {
            file: c(&deep.join("file")),
            directory: c(&deep),
            top,
        }
    }

    fn add(&self, rules: usize, flags: Flags) {
        for n in 0..rules {
            let path = self.top.join(n.to_string());
            let bytes = path.as_os_str().as_bytes();
            let read = |into: &mut [u8]| {
                into[..bytes.len()].copy_from_slice(bytes);
                into[bytes.len()] = 0;
                Ok(bytes.len())
            };
            unveil::add(b"rwc", read, flags).expect("a rule");
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.top);
    }
}

/// Nanoseconds of one, at best.
fn best(mut once: impl FnMut()) -> f64 {
    let batch = || {
        let start = Instant::now();
        (0..CALLS).for_each(|_| once());
        start.elapsed().as_nanos() as f64 / f64::from(CALLS)
    };
    std::iter::repeat_with(batch)
        .take(BATCHES)
        .fold(f64::INFINITY, f64::min)
}

/// What is measured, as the last words of a line.
const CALL_NAMES: [&str; 4] = ["open and close", "stat", "read", "readdir"];

/// Picoseconds of each of those calls, for the parent to compare.
fn measure(world: &World) -> Vec<u64> {
    let file = world.file.as_ptr();
    // SAFETY: each call is given a C string or what the one before returned.
    unsafe {
        let kept = libc::open(file, libc::O_RDONLY);
        assert!(kept >= 0, "the file is within the rules");
        let list = libc::opendir(world.directory.as_ptr());
        assert!(!list.is_null(), "the directory is within the rules");
        let times = [
            best(|| {
                let fd = libc::open(file, libc::O_RDONLY);
                libc::close(fd);
            }),
            best(|| {
                let mut stat = std::mem::zeroed();
                libc::stat(file, &mut stat);
            }),
            best(|| {
                let mut byte = 0_u8;
                libc::pread(kept, (&raw mut byte).cast(), 1, 0);
            }),
            best(|| {
                libc::rewinddir(list);
                while !libc::readdir(list).is_null() {}
            }),
        ];
        times.map(|time| (time * 1000.0) as u64).to_vec()
    }
}

/// Who holds the rules: Landlock, or a broker that walks every path.
const WAYS: [(&str, u64); 2] = [("by default", 0), ("strict", Flags::STRICT)];

fn flags(bits: u64) -> Flags {
    Flags::from_bits(bits).expect("known flags")
}

/// The least of several children of each kind, in turns: a machine that is busy
/// or slow is so for a while.
fn in_turns<const KINDS: usize>(measure: impl Fn(usize) -> Vec<u64>) -> [Vec<u64>; KINDS] {
    let mut all = [const { Vec::new() }; KINDS];
    for _ in 0..ROUNDS {
        for (kind, least) in all.iter_mut().enumerate() {
            let seen = child::run(|| measure(kind));
            least.resize(seen.len(), u64::MAX);
            for (least, seen) in least.iter_mut().zip(seen) {
                *least = seen.min(*least);
            }
        }
    }
    all
}

fn calls(world: &World, who: &str) {
    for rules in [1, 10, 100] {
        let [bare, ways @ ..] = in_turns::<3>(|kind| {
            if let Some((_, bits)) = kind.checked_sub(1).map(|way| WAYS[way]) {
                world.add(rules, flags(bits));
                unveil::lock(flags(bits)).expect("the lock");
            }
            measure(world)
        });
        for ((way, _), veiled) in WAYS.iter().zip(&ways) {
            for ((name, bare), veiled) in CALL_NAMES.iter().zip(&bare).zip(veiled) {
                let ratio = *veiled as f64 / *bare as f64;
                println!("{ratio:6.2}  {name} under {rules} rules {way}, against none, {who}");
            }
        }
    }
}

/// Root's credentials can change, and a broker reads them for each call, until
/// promises settle them.
fn settled(world: &World) {
    let [free, pledged] = in_turns::<2>(|kind| {
        world.add(10, flags(Flags::STRICT));
        unveil::lock(flags(Flags::STRICT)).expect("the lock");
        if kind == 1 {
            promise("stdio rpath");
        }
        measure(world)
    });
    for ((name, free), pledged) in CALL_NAMES.iter().zip(&free).zip(&pledged).take(2) {
        let ratio = *pledged as f64 / *free as f64;
        println!("{ratio:6.2}  {name}, strict, root that promised stdio and rpath, against root");
    }
}

fn promise(words: &str) {
    let request = Request {
        promises: Some(Set::parse(words).expect("known words")),
        exec: None,
    };
    pledge(request, pledge::Flags::from_bits(0).expect("no flags")).expect("pledge");
}

fn costs(world: &World) {
    for rules in [1, 10, 100] {
        for (way, bits) in WAYS {
            let costs = (0..30).map(|_| {
                child::run(|| {
                    let start = Instant::now();
                    world.add(rules, flags(bits));
                    let given = start.elapsed().as_nanos() as u64;
                    unveil::lock(flags(bits)).expect("the lock");
                    vec![given, start.elapsed().as_nanos() as u64 - given]
                })
            });
            let costs: Vec<Vec<u64>> = costs.collect();
            let least = |n: usize| costs.iter().map(|c| c[n]).min().unwrap_or(0) as f64 / 1e6;
            let (give, lock) = (least(0), least(1));
            println!("{give:6.2}  ms to give {rules} rules {way}, {lock:.2} ms to lock them");
        }
    }
}

/// In a child of another user.
fn as_ordinary_user(act: impl FnOnce()) {
    child::run(|| {
        // SAFETY: take no pointer but to an empty list.
        let is_other = unsafe {
            libc::setgroups(0, std::ptr::null()) == 0
                && libc::setgid(65534) == 0
                && libc::setuid(65534) == 0
                && libc::prctl(libc::PR_SET_DUMPABLE, 1) == 0
        };
        assert!(is_other, "root can be another user");
        act();
        Vec::new()
    });
}

fn main() {
    machine::describe();
    let world = World::new();
    // SAFETY: takes no pointer.
    if unsafe { libc::geteuid() } == 0 {
        calls(&world, "root");
        settled(&world);
        as_ordinary_user(|| calls(&world, "an ordinary user"));
    } else {
        calls(&world, "an ordinary user");
    }
    costs(&world);
}
