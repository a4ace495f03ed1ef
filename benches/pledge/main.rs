// SPDX-License-Identifier: MIT OR Apache-2.0
//! What pledge() costs, and what each call costs under it, as ratios to doing without.

#[path = "../machine.rs"]
mod machine;

mod calls;
mod child;
mod seccomp;

use rpledge::bpf::{self, Insn, Program};
use rpledge::host;
use rpledge::pledge::{Flags, Request, pledge};
use rpledge::policy::Policy;
use rpledge::promise::Set;
use rpledge::table::TABLE;

const PROMISES: &str = "stdio rpath inet";
const ROUNDS: usize = 300;

fn request() -> Request {
    let set = Set::parse(PROMISES).expect("known words");
    Request {
        promises: Some(set),
        exec: None,
    }
}

fn promise() {
    let flags = Flags::from_bits(0).expect("no flags");
    pledge(request(), flags).expect("pledge");
}

/// The policy that pledge() makes here. In a child, so that this process never
/// looked for its libc and its children look first.
fn ready() -> Vec<Insn> {
    let words = child::run(|| {
        let rows = host::host().rows.of(&TABLE);
        let policy = Policy::of(&TABLE, rows, request().promises.unwrap_or_default());
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

fn whole() {
    let ready = ready();
    let rows = TABLE
        .libcs
        .iter()
        .filter(|libc| libc.name == "glibc")
        .collect::<Vec<_>>();
    let newest = rows.last().copied().copied().unwrap_or(TABLE.libcs[0]);
    let policy = Policy::of(
        &TABLE,
        std::slice::from_ref(&newest),
        request().promises.unwrap_or_default(),
    );
    let rules = seccomp::rules(&policy);
    println!(
        "\npledge({PROMISES:?}), whole: {} instructions; {} rules of libseccomp's",
        ready.len(),
        rules.len()
    );
    let ways: [(&str, &dyn Fn()); 4] = [
        ("the same program, ready, by seccomp(2)", &|| {
            seccomp::load(&ready)
        }),
        ("pledge(), first call", &promise),
        ("pledge(), libc known", &|| {}),
        ("libseccomp, built and loaded", &|| seccomp::build(&rules)),
    ];
    let mut seen = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for (n, (_, way)) in ways.iter().enumerate() {
            let taken = match n {
                2 => child::time(|| _ = host::host(), promise),
                _ => child::time(|| {}, way),
            };
            seen[n].push(taken);
        }
    }
    let figures = seen.map(|mut list| machine::min_and_median(&mut list));
    let raw = figures[0];
    for ((name, _), (min, median)) in ways.iter().zip(figures) {
        println!(
            "  {name:<40} {:>7.1} us, median {:>7.1}; ratio {:.2}, median {:.2}",
            min / 1e3,
            median / 1e3,
            min / raw.0,
            median / raw.1
        );
    }
    let (ours, theirs) = (figures[1], figures[3]);
    println!(
        "  aims: first <= 2, known <= 1.5; libseccomp takes {:.1} times pledge()'s first call (median {:.1}; aim >= 3)",
        theirs.0 / ours.0,
        theirs.1 / ours.1
    );
}

fn main() {
    machine::describe();
    whole();
    calls::compare(promise);
}
