// SPDX-License-Identifier: MIT OR Apache-2.0
//! A snapshot as the text of its file.

use std::fmt::Write as _;

use crate::facts::{Row, Snapshot};

pub fn print(snapshot: &Snapshot) -> String {
    let mut out = String::from(
        "# Made by `rpledge data extract`: do not edit. Corrections go into data/quirks.toml.\nformat = 1\n",
    );
    let header = [
        ("libc", &snapshot.libc),
        ("version", &snapshot.version),
        ("arch", &snapshot.arch),
        ("extractor", &snapshot.extractor),
    ];
    for (key, value) in header {
        let _ = writeln!(out, "{key} = \"{value}\"");
    }
    for build in &snapshot.builds {
        let _ = writeln!(
            out,
            "\n[[build]]\ndistribution = \"{}\"",
            build.distribution
        );
        let _ = writeln!(out, "package = \"{}\"", build.package);
        let _ = writeln!(out, "package-version = \"{}\"", build.package_version);
        for object in &build.objects {
            let _ = writeln!(out, "\n[[build.object]]\nfile = \"{}\"", object.file);
            let _ = writeln!(
                out,
                "sha256 = \"{}\"\nbuild-id = \"{}\"",
                object.sha256, object.build_id
            );
        }
    }
    for (title, rows) in [
        ("effects", &snapshot.effects),
        ("functions", &snapshot.functions),
    ] {
        let _ = writeln!(out, "\n[{title}]");
        for (name, row) in rows {
            let bare = name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            let quote = if bare { "" } else { "\"" };
            let _ = writeln!(out, "{quote}{name}{quote} = \"{}\"", tokens(row));
        }
    }
    out
}

fn tokens(row: &Row) -> String {
    let mut tokens: Vec<String> = row.alias.iter().map(|name| format!("={name}")).collect();
    tokens.extend(row.calls.iter().cloned());
    tokens.extend(row.callees.iter().map(|name| format!("+{name}")));
    tokens.extend(row.effects.iter().map(|name| format!("!{name}")));
    tokens.extend(row.callback.then(|| "~".to_string()));
    tokens.extend(row.any.then(|| "*".to_string()));
    tokens.join(" ")
}
