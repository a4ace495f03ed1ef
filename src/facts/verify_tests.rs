// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small records held to a small snapshot: what passes, what fails, and what is said.

use super::super::finding::Source;
use super::super::traces;
use super::*;

fn snapshot() -> Snapshot {
    let rows = |lines: &[(&str, &str)]| {
        let row = |text| Row::parse(text).expect("a row of the test");
        lines
            .iter()
            .map(|(name, text)| ((*name).to_owned(), row(text)))
            .collect()
    };
    Snapshot {
        effects: rows(&[("cancel", "+pthread_exit"), ("gconv", "openat")]),
        functions: rows(&[
            ("__xstat", "stat"),
            ("abort", "tgkill"),
            ("fopen", "+malloc !cancel !gconv"),
            ("malloc", "brk"),
            ("malloc@OLD", "mmap"),
            ("memcpy", "=memmove"),
            ("memmove", ""),
            ("pthread_exit", "futex"),
            ("sigaction", "rt_sigaction"),
            ("syscall", "*"),
        ]),
        ..Snapshot::default()
    }
}

const NUMBERS: [(u32, &str); 8] = [
    (4, "stat"),
    (9, "mmap"),
    (12, "brk"),
    (13, "rt_sigaction"),
    (15, "rt_sigreturn"),
    (202, "futex"),
    (257, "openat"),
    (270, "pselect6"),
];

fn verdict(lines: &str, promised: &[&str]) -> Verdict {
    let text = format!("libc glibc-2.36\naudit 0xc000003e\n{lines}\n");
    let record = traces::read(&Source {
        file: "r",
        text: &text,
    })
    .expect("a record of the test");
    let facts = Facts {
        snapshot: &snapshot(),
        numbers: NUMBERS.into(),
        promised: promised.iter().copied().collect(),
    };
    verify(&record, &facts)
}

fn outcome(lines: &str) -> Outcome {
    let mut verdict = verdict(lines, &[]);
    assert_eq!(verdict.cases.len(), 1);
    verdict.cases.remove(0).outcome
}

fn failed(lines: &str) -> String {
    match outcome(lines) {
        Outcome::Failed(wrong) => wrong.join("\n"),
        other => panic!("{lines}: {other:?}"),
    }
}

#[test]
fn what_the_closure_has_passes() {
    for lines in [
        "case 0 fopen\nseen 0 2 exit:0 12 257 15",
        "case 0 memcpy\nseen 0 2 exit:0",
        "case 0 syscall\nseen 0 2 exit:0 9 777",
        "last 0 abort\nseen 0 1 signal:6",
        "case 0 fopen pthread_exit\nseen 0 3 exit:0 202",
    ] {
        assert_eq!(outcome(lines), Outcome::Passed, "{lines}");
    }
}

#[test]
fn what_it_lacks_fails_and_is_explained() {
    assert_eq!(
        failed("case 0 fopen\nseen 0 2 exit:0 202"),
        "futex: only through an effect that it has no part in: fopen < !cancel < pthread_exit < futex"
    );
    assert_eq!(
        failed("case 0 malloc\nseen 0 2 exit:0 12 13"),
        "rt_sigaction: the data has it only for sigaction"
    );
    assert_eq!(
        failed("case 0 malloc\nseen 0 2 exit:0 270 800"),
        "800: no row of the data has it\npselect6: no row of the data has it"
    );
    assert_eq!(
        failed("case 0 mystery\nseen 0 2 exit:0"),
        "the data has no row \"mystery\""
    );
}

#[test]
fn a_case_must_have_run() {
    assert_eq!(
        failed("case 0 malloc\nseen 0 1 signal:11 12"),
        "ended by signal:11 before its last mark"
    );
    assert!(failed("case 0 malloc").starts_with("nothing is recorded"));
    assert!(failed("last 0 abort\nseen 0 0 exit:0").starts_with("ended by exit:0"));
    assert!(failed("case 0 malloc\nseen 0 0 exit:77").starts_with("left out"));
    assert_eq!(
        outcome("case 0 malloc stime\nseen 0 0 exit:77"),
        Outcome::Lacking
    );
}

#[test]
fn a_foreign_plug_in_excuses_what_it_does() {
    let lines = |plugin: &str, call| {
        format!("case 0 malloc\nseen 0 2 exit:0 {call}\nplugin 0 /lib/libnss_{plugin}.so.2")
    };
    assert!(matches!(outcome(&lines("systemd", 9)), Outcome::Skipped(_)));
    assert!(matches!(outcome(&lines("files", 9)), Outcome::Failed(_)));
    assert_eq!(outcome(&lines("systemd", 12)), Outcome::Passed);
}

#[test]
fn the_row_is_that_of_the_symbol_that_the_program_imports() {
    let case =
        |import, name, call| format!("import {import}\ncase 0 {name}\nseen 0 2 exit:0 {call}");
    assert_eq!(outcome(&case("malloc@OLD", "malloc", 9)), Outcome::Passed);
    assert!(failed(&case("malloc@NEW", "malloc", 9)).starts_with("mmap"));
    assert_eq!(outcome(&case("__xstat@OLD", "stat", 4)), Outcome::Passed);
    // Looked up by its name, so it is not among the imports.
    assert_eq!(outcome(&case("memcpy", "malloc", 12)), Outcome::Passed);
}

#[test]
fn promised_functions_are_called_or_excused() {
    let lines = "untraced abort ends the machine\ncase 0 malloc\nseen 0 2 exit:0 12\n\
                 case 1 stime\nseen 1 0 exit:77";
    let verdict = verdict(lines, &["abort", "fopen", "malloc", "nowhere"]);
    assert_eq!(verdict.untraced.len(), 1);
    assert_eq!(verdict.uncalled, BTreeSet::from(["fopen".to_owned()]));
    assert_eq!(verdict.lacking, BTreeSet::from(["stime".to_owned()]));
    assert_eq!(verdict.functions(), BTreeSet::from(["malloc"]));
    assert_eq!(verdict.tally(), (1, 1, 1));
    assert_eq!(verdict.means(), (1.0, 1.0));
}
