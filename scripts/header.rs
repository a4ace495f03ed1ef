// SPDX-License-Identifier: MIT OR Apache-2.0
//! Prints include/rpledge.h: what cbindgen reads in src/ffi.rs and below, made fit for C89.

use std::process::ExitCode;

/// In the order in which the header has them.
const FACES: [&str; 2] = ["src/ffi.rs", "src/ffi/paths.rs"];
const CONFIG: &str = "include/cbindgen.toml";

fn main() -> ExitCode {
    match generate() {
        Ok(text) => {
            print!("{}", polish(&text));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("header: {error}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<String, String> {
    let config =
        cbindgen::Config::from_file(CONFIG).map_err(|e| format!("cannot read {CONFIG}: {e}"))?;
    let builder = FACES
        .iter()
        .fold(cbindgen::Builder::new(), |builder, face| {
            builder.with_src(face)
        });
    let bindings = builder
        .with_config(config)
        .generate()
        .map_err(|e| format!("cannot read {}: {e}", FACES.join(" ")))?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    String::from_utf8(text).map_err(|e| format!("cannot print the header: {e}"))
}

/// cbindgen closes its conditionals with `//`, which C89 has not; names the
/// integers of <stdint.h>, which the header must not include; and spends three
/// lines on a comment of one.
fn polish(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    let mut out = String::new();
    let mut at = 0;
    while at < lines.len() {
        if let [open, body, close, ..] = &lines[at..]
            && open.trim() == "/*"
            && close.trim() == "*/"
            && open.len() + body.trim().len() + 4 <= 80
        {
            let body = body.trim().trim_start_matches("* ");
            out += &format!("{open} {body} */\n");
            at += 3;
            continue;
        }
        out += &format!("{}\n", lines[at]);
        at += 1;
    }
    out
}

fn plain(line: &str) -> String {
    let line = match line.split_once(" // ") {
        Some((code, note)) => format!("{} /* {note} */", code.trim_end()),
        // A Doxygen comment's second star means nothing to a reader of C.
        None => line.replace("/**", "/*"),
    };
    // The two lines that give the names their meaning keep them.
    if line.starts_with("typedef ") {
        return line;
    }
    line.replace("uint32_t", "rpledge_u32")
        .replace("uint64_t", "rpledge_u64")
}
