// SPDX-License-Identifier: MIT OR Apache-2.0
//! What pledge() costs, and what each call costs under it, as ratios to doing without.

#[path = "../machine.rs"]
mod machine;

mod calls;
mod child;
mod data;
mod narrow;
mod seccomp;
mod unwinder;

use rpledge::bpf::{self, Insn, Program};
use rpledge::host;
use rpledge::pledge::{Flags, Request, pledge};
use rpledge::policy::Policy;
use rpledge::promise::{Promise, Set};
use rpledge::table::TABLE;

const PROMISES: &str = "stdio rpath inet";
const ROUNDS: usize = 300;

/// What this program, which opens files, has a broker for.
const BROKERED: &str = "stdio inet";

fn request_of(words: &str) -> Request {
    let set = Set::parse(words).expect("known words");
    Request {
        promises: Some(set),
        exec: None,
    }
}

fn request() -> Request {
    request_of(PROMISES)
}

fn promise_of(words: &str) {
    let flags = Flags::from_bits(0).expect("no flags");
    pledge(request_of(words), flags).expect("pledge");
}

fn promise() {
    promise_of(PROMISES);
}

/// The policy that pledge() makes here. In a child, so that this process never
/// looked for its libc and its children look first.
fn ready() -> Vec<Insn> {
    let words = child::run(|| {
        let rows = host::host().libcs();
        let policy = Policy::of(
            host::host().table,
            rows,
            request().promises.unwrap_or_default(),
        );
        let mut program = Box::new(Program::new());
        bpf::compile(&policy, &mut program).expect("the filter fits");
        let word = |insn: &Insn| {
            let head = u64::from(insn.code) << 16 | u64::from(insn.jt) << 8 | u64::from(insn.jf);
            head << 32 | u64::from(insn.k)
        };
        program.insns().iter().map(word).collect()
    });
    let insn = |word: &u64| Insn {
        code: (word >> 48) as u16,
        jt: (word >> 40) as u8,
        jf: (word >> 32) as u8,
        k: *word as u32,
    };
    words.iter().map(insn).collect()
}

/// libseccomp's rules of the policy on the newest glibc.
fn rules() -> Vec<seccomp::Rule> {
    let mut rows = TABLE.libcs.iter().filter(|libc| libc.name == "glibc");
    let newest = rows.next_back().copied().unwrap_or(TABLE.libcs[0]);
    let promises = request().promises.unwrap_or_default();
    let policy = Policy::of(&TABLE, std::slice::from_ref(&newest), promises);
    seccomp::rules(&policy)
}

/// tzset(3), found by its name: a program that refers to it has pledge() call it.
fn read_zone() {
    // SAFETY: `void tzset(void)`, which every libc here has.
    unsafe {
        let function = libc::dlsym(libc::RTLD_DEFAULT, c"tzset".as_ptr());
        assert!(!function.is_null(), "tzset");
        let function: extern "C" fn() = std::mem::transmute(function);
        function();
    }
}

/// A name, what a child does first, and what is then timed.
type Way<'a> = (&'static str, &'a dyn Fn(), &'a dyn Fn());

/// Places in the list of ways.
const RAW: usize = 0;
const FIRST: usize = 1;
const LIBSECCOMP: usize = 2;

fn whole() {
    let (ready, rules) = (ready(), rules());
    println!(
        "\npledge({PROMISES:?}), whole: {} instructions; {} rules of libseccomp's",
        ready.len(),
        rules.len()
    );
    let load = || seccomp::load(&ready);
    let build = || seccomp::build(&rules);
    let know = || _ = host::host();
    let prepare = || host::prepare(Set::EMPTY.with(Promise::Stdio));
    let zone = || read_zone();
    let unwinder = unwinder::Unwinder::copy();
    let open = || unwinder.iter().for_each(unwinder::Unwinder::open);
    let open_and_promise = || {
        open();
        promise();
    };
    let promise_files = || promise_of(BROKERED);
    let nothing = || {};
    let mut ways: Vec<Way> = vec![
        ("the same program, ready, by seccomp(2)", &nothing, &load),
        ("pledge(), first call", &nothing, &promise),
        ("libseccomp, built and loaded", &nothing, &build),
        ("pledge(), libc known", &know, &promise),
        ("pledge(), libc known, and prepared", &prepare, &promise),
        (
            "pledge(), first call, with a broker",
            &nothing,
            &promise_files,
        ),
        ("looking for what must be opened first", &know, &prepare),
        ("the time zone, if something reads it", &know, &zone),
    ];
    if unwinder.is_some() {
        ways.extend::<[Way; 2]>([
            ("an unwinder, if threads are cancelled", &know, &open),
            (
                "pledge(), first call, with unwinder",
                &nothing,
                &open_and_promise,
            ),
        ]);
    }
    let figures = measure(&ways);
    let raw = figures[RAW];
    for ((name, ..), (min, median)) in ways.iter().zip(&figures) {
        println!(
            "  {name:<40} {:>7.1} us, median {:>7.1}; ratio {:.2}, median {:.2}",
            min / 1e3,
            median / 1e3,
            min / raw.0,
            median / raw.1
        );
    }
    let (ours, theirs) = (figures[FIRST], figures[LIBSECCOMP]);
    println!(
        "  aims: first <= 2, known <= 1.5; libseccomp takes {:.1} times pledge()'s first call (median {:.1}; aim >= 3)",
        theirs.0 / ours.0,
        theirs.1 / ours.1
    );
}

/// The ways take turns, so that what else the machine does befalls all alike;
/// each goes twice and the second counts, so that none finds another's caches.
fn measure(ways: &[Way]) -> Vec<(f64, f64)> {
    let mut seen = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for ((_, before, timed), list) in ways.iter().zip(&mut seen) {
            child::time(before, timed);
            list.push(child::time(before, timed));
        }
    }
    let figures = seen.iter_mut().map(|list| machine::min_and_median(list));
    figures.collect()
}

fn main() {
    machine::describe();
    whole();
    data::compare();
    calls::compare(promise);
    narrow::compare();
}
