// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge data` as it is typed: words in, text and exit code out.

use std::sync::atomic::{AtomicU32, Ordering};

use clap::Parser;

use std::fs;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(subcommand)]
    ask: Ask,
}

/// A data directory of its own for each test, gone with it.
struct Directory(PathBuf);

const SNAPSHOT: &str = include_str!("../../facts/testdata/glibc-2.36.toml");

impl Directory {
    fn new() -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rpledge-data-{}-{count}", std::process::id());
        let directory = Directory(std::env::temp_dir().join(name));
        for name in ["arches.toml", "syscalls.toml"] {
            let ours = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("data")
                .join(name);
            directory.write(name, fs::read_to_string(ours).expect(name));
        }
        directory.write("glibc/2.36/x86_64.toml", SNAPSHOT);
        let newer = SNAPSHOT
            .replace("version = \"2.36\"", "version = \"2.41\"")
            .replace("qsort = \"sysinfo +malloc ~\"", "qsort = \"+malloc ~\"")
            .replace("syscall = \"*\"\n", "");
        directory.write("glibc/2.41/x86_64.toml", &newer);
        directory
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("below the directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).expect(name)
    }

    /// `rpledge data <line> --data <here>`: text, or the failure, and code.
    fn run(&self, line: &str) -> (String, u8) {
        run(&format!("{line} --data {}", self.path("")))
    }

    /// The same without that option, file names completed.
    fn run_on(&self, line: &str, names: &[&str]) -> (String, u8) {
        let paths: Vec<String> = names.iter().map(|name| self.path(name)).collect();
        run(&format!("{line} {}", paths.join(" ")))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What stays behind in /tmp fails no test.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(line: &str) -> (String, u8) {
    let words = std::iter::once("data").chain(line.split_whitespace());
    let line = Line::try_parse_from(words).expect(line);
    match answer(&line.ask) {
        Ok(answer) => (answer.text, answer.code),
        Err(failure) => (failure.text, failure.code),
    }
}

#[test]
fn calls_has_two_tabs_whatever_is_empty() {
    let here = Directory::new();
    let (text, code) = here.run("calls glibc-2.36 amd64");
    assert_eq!(code, code::OK);
    assert_eq!(text.lines().count(), 16);
    assert!(
        text.lines().all(|line| line.matches('\t').count() == 2),
        "{text}"
    );
    let (text, _) = here.run("calls glibc-2.36 x86_64 tcgetattr");
    assert_eq!(text, "tcgetattr\tioctl[TCGETS]\t\n");
    let (text, _) = here.run("calls glibc-2.36 x86_64 memcpy malloc open64");
    let fatal = "fatal:getpid fatal:gettid fatal:rt_sigaction fatal:rt_sigprocmask fatal:tgkill";
    let expected = format!(
        "memcpy\t\t\nmalloc\tbrk futex mmap munmap\t{fatal}\n\
         open64\topenat\tcancel:exit cancel:futex {fatal}\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn calls_as_json() {
    let here = Directory::new();
    let (text, code) = here.run("calls glibc-2.36 x86_64 --json free abort open");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(code, code::OK);
    assert_eq!(
        value["free"],
        serde_json::json!({ "calls": ["munmap"], "values": {}, "effects": {} })
    );
    assert_eq!(
        value["open"]["effects"]["cancel"],
        serde_json::json!(["exit", "futex"])
    );
    assert_eq!(value.as_object().map(serde_json::Map::len), Some(3));
}

#[test]
fn history_folds_what_is_equal() {
    let here = Directory::new();
    let (text, code) = here.run("history free");
    assert_eq!(code, code::OK, "{text}");
    assert_eq!(text, "libc\tx86_64\nglibc-2.36..2.41\tmunmap\n");
    let newer = SNAPSHOT
        .replace("version = \"2.36\"", "version = \"2.42\"")
        .replace("free = \"munmap\"\n", "")
        .replace(" +free", "");
    here.write("glibc/2.42/x86_64.toml", &newer);
    let other = SNAPSHOT
        .replace("arch = \"x86_64\"", "arch = \"aarch64\"")
        .replace("free = \"munmap\"", "free = \"munmap +memcpy !fatal\"");
    here.write("glibc/2.36/aarch64.toml", &other);
    let (text, _) = here.run("history free");
    let expected = "libc\taarch64\tx86_64\nglibc-2.36\tmunmap !fatal\tmunmap\n\
                    glibc-2.41\t?\tmunmap\nglibc-2.42\t?\t-\n";
    assert_eq!(text, expected);
    let (text, _) = here.run("history --own --arch arm64 free");
    assert_eq!(text, "libc\taarch64\nglibc-2.36\tmunmap +memcpy !fatal\n");
    let (text, _) = here.run("history !fatal --arch aarch64");
    let words = "getpid gettid rt_sigaction rt_sigprocmask tgkill";
    assert_eq!(text, format!("libc\taarch64\nglibc-2.36\t{words}\n"));
    let (text, _) = here.run("history free --json --arch x86_64");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["glibc-2.41"]["x86_64"], serde_json::json!(["munmap"]));
    assert!(value["glibc-2.42"]["x86_64"].is_null());
}

#[test]
fn history_of_nothing_is_usage() {
    let here = Directory::new();
    for (line, part) in [
        (
            "history fre",
            "no snapshot has the function \"fre\"; did you mean \"free\"?",
        ),
        (
            "history free --libc musl",
            "no snapshot is of that C library",
        ),
        ("history free --arch x86_63", "did you mean \"x86_64\"?"),
    ] {
        let (text, code) = here.run(line);
        assert_eq!(code, code::USAGE, "{line}: {text}");
        assert!(text.contains(part), "{line}: {text}");
    }
}

#[test]
fn what_there_is_not_is_usage() {
    let here = Directory::new();
    for (line, text) in [
        (
            "calls glibc-2.36 x86_64 opne",
            "has no function \"opne\"; did you mean \"open\"?",
        ),
        (
            "calls glbc-2.36 x86_64",
            "no snapshot of \"glbc-2.36\" for x86_64; did you mean \"glibc-2.36\"?",
        ),
        ("calls glibc-2.37 x86_64", "there are glibc-2.36 glibc-2.41"),
        ("calls glibc x86_64", "there are glibc-2.36 glibc-2.41"),
        ("calls ../glibc-2.36 x86_64", "did you mean \"glibc-2.36\"?"),
        ("calls glibc-2.36 arm64", "there is none for aarch64"),
        (
            "calls glibc-2.36 x86_63",
            "unknown architecture \"x86_63\"; did you mean \"x86_64\"?",
        ),
    ] {
        let (said, code) = here.run(line);
        assert_eq!(code, code::USAGE, "{line}: {said}");
        assert!(said.contains(text), "{line}: {said}");
    }
}

#[test]
fn quirks_are_applied() {
    let here = Directory::new();
    let quirk = "[[quirk]]\nlibc = \"glibc\"\nversions = \"-2.36\"\narch = \"*\"\n\
                 function = \"free\"\ncalls = \"madvise\"\nwho = \"J. Doe\"\n\
                 when = \"2026-11-22\"\nsource = \"malloc/arena.c\"\nwhy = \"a test\"\n";
    here.write("quirks.toml", quirk);
    assert_eq!(here.run("check"), (String::new(), code::OK));
    let (old, _) = here.run("calls glibc-2.36 x86_64 free");
    let (new, _) = here.run("calls glibc-2.41 x86_64 free");
    assert_eq!(
        (old.as_str(), new.as_str()),
        ("free\tmadvise munmap\t\n", "free\tmunmap\t\n")
    );
}

#[test]
fn check_says_what_is_wrong_and_where() {
    let here = Directory::new();
    assert_eq!(here.run("check"), (String::new(), code::OK));
    here.write(
        "glibc/2.36/x86_64.toml",
        SNAPSHOT.replace("munmap\"", "munmup\""),
    );
    here.write("glibc/notes.toml", "");
    let (text, code) = here.run("check");
    let (snapshot, notes) = (
        here.path("glibc/2.36/x86_64.toml"),
        here.path("glibc/notes.toml"),
    );
    let expected = format!(
        "{snapshot}:35:9: x86_64 has no system call \"munmup\"; did you mean \"munmap\"? [unknown-call]\n\
         {notes}:1:1: not a data file; name it <libc>/<version>/<arch>.toml, or move it away [place]\n"
    );
    assert_eq!((text, code), (expected, code::FOUND));
    here.write("arches.toml", "x86_64 = {}\n");
    let (text, code) = here.run("check");
    assert_eq!((text.lines().count(), code), (1, code::FOUND), "{text}");
}

#[test]
fn files_that_cannot_be_read_are_data_errors() {
    let here = Directory::new();
    let bad: &[u8] = b"# \xff\nformat = 1\n";
    here.write("glibc/2.36/x86_64.toml", bad);
    for line in ["check", "calls glibc-2.41 x86_64"] {
        let (text, code) = here.run(line);
        assert!(
            text.contains("x86_64.toml:1:3: this is not UTF-8"),
            "{text}"
        );
        assert_eq!(code, code::DATA);
    }
    for (line, names) in [
        ("fmt", ["absent/2.36/x86_64.toml"].as_slice()),
        ("fmt", &["glibc"]),
        ("fmt", &["glibc/2.36/x86_64.toml"]),
        ("diff", &["absent.toml", "absent.toml"]),
        ("check --data", &["absent"]),
    ] {
        let (text, code) = here.run_on(line, names);
        assert_eq!(code, code::DATA, "{line} {names:?}: {text}");
        assert!(!text.is_empty());
    }
}

#[test]
fn fmt_writes_the_canonical_form_or_nothing() {
    let here = Directory::new();
    let name = "glibc/2.36/x86_64.toml";
    let untidy = SNAPSHOT
        .replace("free = \"munmap\"\n", "")
        .replace("[functions]\n", "\n[functions]\nfree   = 'munmap'\n");
    here.write(name, &untidy);
    let listed = format!("{}\n", here.path(name));
    assert_eq!(here.run_on("fmt --check", &[name]), (listed, code::FOUND));
    assert_eq!(here.read(name), untidy);
    assert_eq!(here.run_on("fmt", &[name]), (String::new(), code::OK));
    assert_eq!(here.read(name), SNAPSHOT);
    let all = [name, "arches.toml", "syscalls.toml"];
    assert_eq!(here.run_on("fmt --check", &all), (String::new(), code::OK));
    // A comment has nowhere to go; a broken file has no form; both stay.
    for broken in [
        SNAPSHOT.replace("[functions]", "# why\n[functions]"),
        SNAPSHOT.replace("+free", "+"),
    ] {
        here.write(name, &broken);
        let (text, code) = here.run_on("fmt", &[name]);
        assert_eq!(code, code::DATA, "{text}");
        assert_eq!(here.read(name), broken);
    }
    // Fresh from the extractor, under any name.
    here.write("new.toml", &untidy);
    assert_eq!(here.run_on("fmt", &["new.toml"]).1, code::OK);
    assert_eq!(here.read("new.toml"), SNAPSHOT);
    here.write("other.toml", "x = 1\n");
    assert_eq!(here.run_on("fmt", &["other.toml"]).1, code::DATA);
}

#[test]
fn diff_takes_names_and_files() {
    let here = Directory::new();
    let expected =
        "[functions]\n-qsort = \"sysinfo +malloc ~\"\n+qsort = \"+malloc ~\"\n-syscall = \"*\"\n";
    let (text, code) = here.run("diff --arch x86_64 glibc-2.36 glibc-2.41");
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(code, code::FOUND);
    let files = ["glibc/2.36/x86_64.toml", "glibc/2.41/x86_64.toml"].map(|name| here.path(name));
    let (text, code) = here.run(&format!("diff {}", files.join(" ")));
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(code, code::FOUND);
    let (text, code) = here.run("diff --arch x86_64 glibc-2.36 glibc-2.36");
    assert_eq!((text.contains('='), code), (false, code::OK), "{text}");
}

#[test]
fn table_has_a_line_a_snapshot() {
    let here = Directory::new();
    let verdict = "glibc-2.41 x86_64: 230 passed, 4 failed, 3 skipped\n";
    here.write("verdict", verdict);
    let (text, code) = here.run(&format!("table --verdict {}", here.path("verdict")));
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!((lines.len(), code), (3, code::OK), "{text}");
    assert_eq!(
        lines[1],
        [
            "glibc-2.36",
            "x86_64",
            "1",
            "16",
            "571",
            "0",
            "1.8",
            "5.9",
            "-"
        ]
    );
    assert_eq!(
        (lines[2][0], lines[2][3], lines[2][8]),
        ("glibc-2.41", "15", "230/234")
    );
}

#[test]
fn merged_snapshots_go_to_their_place() {
    let here = Directory::new();
    let other = SNAPSHOT
        .replace("deb12u14", "deb12u7")
        .replace("free = \"munmap\"", "free = \"madvise\"");
    here.write("other.toml", other);
    let files = ["glibc/2.36/x86_64.toml", "other.toml"].map(|name| here.0.join(name));
    let output = Some(here.0.join("new"));
    let args = MergeArgs {
        output,
        files: files.to_vec(),
    };
    merge(&args).expect("two builds of one version");
    let text = here.read("new/glibc/2.36/x86_64.toml");
    assert!(text.contains("\nfree = \"madvise munmap\"\n"), "{text}");
    let args = MergeArgs {
        output: None,
        files: ["2.36", "2.41"]
            .map(|version| here.0.join(format!("glibc/{version}/x86_64.toml")))
            .to_vec(),
    };
    let failure = merge(&args).expect_err("two versions");
    assert!(failure.text.contains("version is"), "{}", failure.text);
}

#[test]
fn verify_counts_explains_and_filters() {
    let here = Directory::new();
    let head = "libc glibc-2.36\nkernel 6.1\naudit 0xc000003e\n";
    let good = format!("{head}case 0 open malloc\nseen 0 2 exit:0 257 12\n");
    here.write("good.record", &good);
    here.write(
        "bad.record",
        format!("{good}case 1 free\nseen 1 2 exit:0 257\n"),
    );
    here.write("other.record", good.replace("2.36", "1.0"));
    let run = |options: &str, names: &[&str]| {
        let paths: Vec<String> = names.iter().map(|name| here.path(name)).collect();
        here.run(&format!("verify {options} {}", paths.join(" ")))
    };
    let expected = "glibc-2.36 x86_64, Linux 6.1: 1 cases of 2 functions; \
                    a case may make 5.0 calls and was seen to make 2.0\n\
                    glibc-2.36 x86_64: 1 passed, 0 failed, 0 skipped\n\
                    1 passed, 0 failed, 0 skipped\n";
    assert_eq!(run("", &["good.record"]), (expected.to_owned(), code::OK));
    let (text, code) = run("", &["good.record", "bad.record", "other.record"]);
    assert_eq!(code, code::FOUND, "{text}");
    assert!(
        text.contains("glibc-2.36 x86_64: free: openat: the data has it only for open\n"),
        "{text}"
    );
    assert!(
        text.contains("skip glibc-1.0 x86_64: the data has no snapshot of it\n"),
        "{text}"
    );
    assert!(text.ends_with("2 passed, 1 failed, 1 skipped\n"), "{text}");
    let none = ("0 passed, 0 failed, 0 skipped\n".to_owned(), code::OK);
    assert_eq!(run("--arch arm", &["bad.record"]), none);
    assert_eq!(run("--libc musl-1.2.5", &["bad.record"]), none);
    assert_eq!(run("--arch what", &["good.record"]).1, code::USAGE);
    here.write("broken.record", "libc\n");
    assert_eq!(run("", &["broken.record"]).1, code::DATA);
}
