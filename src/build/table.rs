// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables of src/table.rs, as Rust.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::facts::limits::{Test, Value};
use crate::facts::reduce::{Grant, Limited, Reduced};
use crate::facts::sockets::Numbered;
use crate::promise::Set;

/// What `Table` holds beside the reduced facts.
pub struct Frame {
    pub audit: u32,
    pub big_endian: bool,
    pub foreign_from: u32,
    pub release: String,
    pub broker: Set,
    pub covered: Vec<(Set, Set)>,
    pub partial: Set,
    pub classes: Vec<Numbered>,
}

/// `TABLE` and `BUILDS`.
pub fn print(reduced: &Reduced, frame: &Frame) -> String {
    let mut out = String::new();
    let mut grants = Grants::default();
    let calls: String = reduced
        .calls
        .iter()
        .map(|(nr, name)| format!("    Call {{ nr: {nr}, name: {name:?} }},\n"))
        .collect();
    let limits: String = reduced.limits.iter().map(limit).collect();
    let errnos: String = reduced
        .errnos
        .iter()
        .map(|(call, errno)| format!("({call}, {errno}), "))
        .collect();
    let mut builds = phf_codegen::Map::new();
    let mut libcs = String::new();
    for (n, libc) in reduced.libcs.iter().enumerate() {
        for id in &libc.builds {
            builds.entry(id.as_str(), n.to_string());
        }
        let promises: Vec<_> = libc.promises.iter().map(|g| grants.add(g)).collect();
        let always = grants.add(&libc.always);
        let _ = writeln!(
            libcs,
            "    Libc {{ name: {:?}, version: {:?}, builds: &{:?}, always: {always}, promises: &[{}] }},",
            libc.name,
            libc.version,
            libc.builds,
            promises.join(", ")
        );
    }
    let _ = write!(out, "{}", grants.text);
    let _ = writeln!(
        out,
        "/// The tables of this architecture.\npub static TABLE: Table<'static> = Table {{"
    );
    let _ = writeln!(
        out,
        "    arch: {:?}, audit: {:#x}, big_endian: {}, foreign_from: {:#x},",
        reduced.arch, frame.audit, frame.big_endian, frame.foreign_from
    );
    let _ = writeln!(
        out,
        "    kernel: {:?}, release: {:?},",
        reduced.kernel, frame.release
    );
    let _ = writeln!(
        out,
        "    calls: &[\n{calls}    ],\n    limits: &[\n{limits}    ],\n    errnos: &[{errnos}],"
    );
    let pairs = |list: &[(usize, usize)]| -> String {
        list.iter()
            .map(|(call, arg)| format!("({call}, {arg}), "))
            .collect()
    };
    let _ = writeln!(out, "    paths: &[{}],", pairs(&reduced.paths));
    let survivable = reduced.survivable.iter().map(|(head, tail, errno)| {
        format!("Survivable {{ head: {head:?}, tail: {tail:?}, errno: {errno} }}, ")
    });
    let _ = writeln!(
        out,
        "    survivable: &[{}],",
        survivable.collect::<String>()
    );
    let _ = writeln!(
        out,
        "    broker: Set::from_bits({:#x}), partial: Set::from_bits({:#x}),",
        frame.broker.bits(),
        frame.partial.bits()
    );
    let covered = frame.covered.iter().map(|(promise, by)| {
        let (promise, by) = (promise.bits(), by.bits());
        format!("(Set::from_bits({promise:#x}), Set::from_bits({by:#x})), ")
    });
    let _ = writeln!(out, "    covered: &[{}],", covered.collect::<String>());
    let classes: String = frame.classes.iter().map(class).collect();
    let _ = writeln!(out, "    classes: &[\n{classes}    ],");
    let _ = writeln!(out, "    libcs: &[\n{libcs}    ],\n}};");
    let _ = writeln!(
        out,
        "/// Build-id, in hex, to place in the libcs of [`TABLE`].\npub static BUILDS: phf::Map<&'static str, u16> = {};",
        builds.build()
    );
    out
}

/// Grants that several libcs share are written once.
#[derive(Default)]
struct Grants {
    names: BTreeMap<String, String>,
    text: String,
}

impl Grants {
    fn add(&mut self, grant: &Grant) -> String {
        let words = |places: &mut dyn Iterator<Item = usize>, count: usize| -> String {
            let mut words = vec![0u64; count];
            for place in places {
                words[place / 64] |= 1 << (place % 64);
            }
            words.iter().map(|w| format!("{w:#x}, ")).collect()
        };
        let calls = words(&mut grant.calls.iter().copied(), crate::CALL_WORDS);
        let limits = words(&mut grant.limits.iter().copied(), crate::LIMIT_WORDS);
        let value = format!("Grant {{ calls: Bits([{calls}]), limits: Bits([{limits}]) }}");
        let name = format!("GRANT_{}", self.names.len());
        let text = &mut self.text;
        let name = self.names.entry(value).or_insert_with_key(|value| {
            let _ = writeln!(text, "const {name}: Grant = {value};");
            name
        });
        name.clone()
    }
}

fn class(class: &Numbered) -> String {
    let Numbered {
        name,
        libc,
        promises,
        families,
        types,
        protocols,
        ports,
        mark,
        rewrites,
        paths,
        absent,
        messages,
    } = class;
    let promises = promises.bits();
    format!(
        "    Class {{ name: {name:?}, libc: {libc:?}, promises: Set::from_bits({promises:#x}), \
         families: &{families:?}, types: &{types:?}, protocols: &{protocols:?}, \
         ports: &{ports:?}, mark: {mark:#x}, rewrites: {rewrites}, paths: &{paths:?}, \
         absent: &{absent:?}, messages: &{messages:?} }},\n"
    )
}

fn limit(limit: &Limited) -> String {
    let Limited {
        call,
        needs,
        refuse,
        errno,
        limit,
        text,
    } = limit;
    let clauses: String = limit
        .0
        .iter()
        .map(|clause| {
            let tests: String = clause.iter().map(test).collect();
            format!("&[{tests}], ")
        })
        .collect();
    let needs = needs.bits();
    format!(
        "    Limit {{ call: {call}, needs: Set::from_bits({needs:#x}), refuse: {refuse}, errno: {errno}, clauses: &[{clauses}], text: {text:?} }},\n"
    )
}

fn test(test: &Test) -> String {
    let Test {
        arg,
        wide,
        mask,
        negated,
        values,
    } = test;
    let op = if *negated { "NotIn" } else { "In" };
    let values: String = values
        .iter()
        .map(|value| match value {
            Value::Number(n) => format!("Value::Number({n:#x}), "),
            Value::SelfPid => "Value::SelfPid, ".to_owned(),
            Value::Report => "Value::Report, ".to_owned(),
            Value::Uid => "Value::Uid, ".to_owned(),
            Value::Gid => "Value::Gid, ".to_owned(),
        })
        .collect();
    format!(
        "Test {{ arg: {arg}, wide: {wide}, mask: {mask:#x}, op: Op::{op}, values: &[{values}] }}, "
    )
}
