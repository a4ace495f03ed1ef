// SPDX-License-Identifier: MIT OR Apache-2.0
//! `rpledge run` where a broker has to be asked: promises that need one, execpromises, rules that Landlock cannot hold.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::programs;
use crate::run::{Outcome, Program, expect, run, status, text, words};

/// Words of ctests/launch/asks.c, and what they print, by a digit each: bare all
/// are 0, or as `bare` says; then with options of the command.
struct Case {
    name: &'static str,
    line: &'static str,
    bare: &'static str,
    options: &'static [&'static str],
    /// Its status and what it prints.
    under: (i32, &'static str),
    /// Promise and system call of the report.
    report: Option<(&'static str, &'static str)>,
}

const fn served(
    name: &'static str,
    options: &'static [&'static str],
    line: &'static str,
    prints: &'static str,
) -> Case {
    Case {
        name,
        line,
        bare: prints,
        options,
        under: (0, prints),
        report: None,
    }
}

/// As the case, but a violation ends it after it has printed that much.
const fn refused(prints: &'static str, report: (&'static str, &'static str), case: Case) -> Case {
    Case {
        under: (134, prints),
        report: Some(report),
        ..case
    }
}

/// As the case, but it goes on and prints something else.
const fn differs(prints: &'static str, case: Case) -> Case {
    Case {
        under: (0, prints),
        ..case
    }
}

const TMP: &[&str] = &["-p", "stdio tmppath proc"];
const NARROWER: &[&str] = &[
    "-p",
    "stdio rpath wpath cpath proc exec prot_exec",
    "-x",
    "stdio rpath prot_exec",
];
const WIDER: &[&str] = &[
    "-p",
    "stdio rpath proc exec",
    "-x",
    "stdio rpath wpath cpath prot_exec",
];
const READS: (&str, &str) = ("rpath", "open");
const WRITES: (&str, &str) = ("wpath", "open");

const CASES: &[Case] = &[
    served(
        "stdio",
        &["-p", "stdio"],
        "read:/dev/null",
        "read:/dev/null 0\n",
    ),
    served("tmppath", TMP, "temporary", "temporary 0\n"),
    served("tmppath in a child", TMP, "fork temporary", "temporary 0\n"),
    served("getpw", &["-p", "stdio getpw"], "user", "user 0\n"),
    served("dns", &["-p", "stdio dns"], "host", "host 0\n"),
    refused(
        "",
        ("inet", "connect"),
        served("no inet", &["-p", "stdio dns"], "connect", "connect 111\n"),
    ),
    refused("", READS, served("no rpath", TMP, "read:/", "read:/ 0\n")),
    refused(
        "block 0\ntemporary 0\n",
        READS,
        served(
            "all signals blocked",
            TMP,
            "block temporary read:/",
            "block 0\ntemporary 0\nread:/ 0\n",
        ),
    ),
    refused(
        "ignore 0\n",
        READS,
        served(
            "all signals ignored",
            TMP,
            "ignore read:/",
            "ignore 0\nread:/ 0\n",
        ),
    ),
    Case {
        under: (0, "child signal 6\n"),
        ..refused(
            "",
            READS,
            served("a child's", TMP, "fork read:/", "read:/ 0\n"),
        )
    },
    differs(
        "read:/ 38\ntemporary 0\n",
        served(
            "error",
            &["-p", "stdio tmppath error"],
            "read:/ temporary",
            "read:/ 0\ntemporary 0\n",
        ),
    ),
    served("message", &["-p", "stdio"], "message", "message 0\n"),
    differs(
        "message 0\npass:/dev/null 1\n",
        served(
            "message without sendfd",
            &["-p", "stdio rpath"],
            "message pass:/dev/null",
            "message 0\npass:/dev/null 0\n",
        ),
    ),
    refused(
        "pass:/dev/null 0\n",
        ("", "sendmsg"),
        served(
            "no directory",
            &["-p", "stdio rpath sendfd recvfd"],
            "pass:/dev/null pass:/",
            "pass:/dev/null 0\npass:/ 0\n",
        ),
    ),
    served(
        "message of an executed program",
        NARROWER,
        "exec message",
        "message 0\n",
    ),
    // With an execpromise less and one more.
    served(
        "executed under the promises",
        &["-p", "stdio rpath wpath cpath exec prot_exec"],
        "exec make:made",
        "make:made 0\n",
    ),
    served(
        "narrower execpromises",
        NARROWER,
        "exec read:/",
        "read:/ 0\n",
    ),
    served("before the exec", NARROWER, "make:made", "make:made 0\n"),
    refused(
        "make:made 0\n",
        WRITES,
        served(
            "after the exec",
            NARROWER,
            "make:made exec make:made",
            "make:made 0\nmake:made 0\n",
        ),
    ),
    Case {
        under: (0, "child signal 6\n"),
        ..refused(
            "",
            WRITES,
            served(
                "of a child's exec",
                NARROWER,
                "fork exec make:made",
                "make:made 0\n",
            ),
        )
    },
    served(
        "wider execpromises",
        WIDER,
        "fork exec make:made",
        "make:made 0\n",
    ),
    refused(
        "",
        WRITES,
        served("and nothing before", WIDER, "make:made", "make:made 0\n"),
    ),
];

/// Rules that Landlock cannot hold: fewer letters below more, a name that is not
/// there yet.
const RULES: &[&str] = &[
    "-p",
    "stdio rpath wpath cpath",
    "-v",
    "r:veil",
    "-v",
    ":veil/hidden",
    "-v",
    "rwc:veil/new",
];
const VEILED: Case = differs(
    "read:veil/file 0\nread:veil/hidden/file 2\nmake:veil/new 0\nmake:veil/other 13\nread:/ 2\n",
    served(
        "rules",
        RULES,
        "read:veil/file read:veil/hidden/file make:veil/new make:veil/other read:/",
        "read:veil/file 0\nread:veil/hidden/file 0\nmake:veil/new 0\nmake:veil/other 0\nread:/ 0\n",
    ),
);

/// The same, by which attributes are hidden, too.
const STRICT: &[&str] = &["-p", "stdio rpath", "--strict", "-v", "r:veil/file"];
const HELD: Case = differs(
    "look:veil/file 0\nlook:veil/hidden/file 2\nread:veil/file 0\n",
    served(
        "strict rules",
        STRICT,
        "look:veil/file look:veil/hidden/file read:veil/file",
        "look:veil/file 0\nlook:veil/hidden/file 0\nread:veil/file 0\n",
    ),
);

/// Make the files that cases meet, and remove what they made.
fn lay_out(site: &Path) -> std::io::Result<()> {
    let _ = std::fs::remove_dir_all(site);
    std::fs::create_dir_all(site.join("veil/hidden"))?;
    std::fs::write(site.join("veil/file"), "")?;
    std::fs::write(site.join("veil/hidden/file"), "")
}

fn check(program: &Path, case: &Case) -> Outcome {
    let site = programs::directory().join("site");
    let lay_out = || lay_out(&site).map_err(|error| error.to_string());
    let prepared = |command: &mut Command| {
        command.args(words(case.line)).current_dir(&site);
        run(command.stdin(Stdio::null()))
    };
    lay_out()?;
    let output = prepared(&mut Command::new(program));
    // What a child prints before it is one is the parent's.
    let bare = status(&output) == 0 && text(&output.stdout).ends_with(case.bare);
    expect("bare", bare, &output)?;
    lay_out()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpledge"));
    let output = prepared(command.arg("run").args(case.options).arg("--").arg(program));
    let (code, prints) = case.under;
    let under = status(&output) == code && text(&output.stdout) == prints;
    expect("under", under, &output)?;
    let told = text(&output.stderr);
    let reports = told.lines().filter(|line| line.contains(": pledge \""));
    let reports: Vec<&str> = reports.collect();
    match case.report {
        None => expect("no report", reports.is_empty(), &output),
        Some((promise, call)) => {
            let wanted = format!(": pledge \"{promise}\", syscall {call}");
            let one = reports.len() == 1 && reports[0].contains(&wanted);
            expect("report", one && told.contains(": rpledge: "), &output)
        }
    }
}

/// Every case, each with its name.
pub fn outcomes(program: &Program) -> Vec<(&'static str, Outcome)> {
    let path = match programs::build_asks(program.kind) {
        Ok(path) => path,
        Err(why) => return vec![("asks.c", Err(why))],
    };
    let cases = CASES.iter().chain([&VEILED, &HELD]);
    cases.map(|case| (case.name, check(&path, case))).collect()
}
