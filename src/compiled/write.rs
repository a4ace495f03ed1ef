// SPDX-License-Identifier: MIT OR Apache-2.0
//! A table to bytes.

use super::{FORMAT, HEADER, MAGIC, NEGATED, REFUSE, WIDE, checksum};
use crate::promise::Promise;
use crate::table::{Grant, Libc, Limit, Op, Table, Test, Value};

/// The file of a table. The reader says whether it fits: read it back.
pub fn write(table: &Table) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    out.table(table);
    let Writer(body) = out;
    seal(&body)
}

/// A body with its header.
pub fn seal(body: &[u8]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.extend(FORMAT.to_le_bytes());
    file.extend(((HEADER + body.len()) as u32).to_le_bytes());
    file.extend(checksum(body).to_le_bytes());
    file.extend(body);
    file
}

struct Writer(Vec<u8>);

impl Writer {
    fn u8(&mut self, n: u8) {
        self.0.push(n);
    }

    fn u16(&mut self, n: u16) {
        self.0.extend(n.to_le_bytes());
    }

    fn u32(&mut self, n: u32) {
        self.0.extend(n.to_le_bytes());
    }

    fn u64(&mut self, n: u64) {
        self.0.extend(n.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u16(text.len() as u16);
        self.0.extend(text.as_bytes());
    }

    fn list<T>(&mut self, list: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.u16(list.len() as u16);
        for item in list {
            each(self, item);
        }
    }

    fn bits(&mut self, words: &[u64], count: usize) {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes());
        self.0.extend(bytes.take(count.div_ceil(8)));
    }

    fn table(&mut self, table: &Table) {
        self.text(table.arch);
        self.u32(table.audit);
        self.u32(table.foreign_from);
        self.u8(u8::from(table.big_endian));
        self.text(table.kernel);
        self.text(table.release);
        let words: Vec<&str> = Promise::all().map(Promise::name).collect();
        self.list(&words, |out, word| out.text(word));
        self.u64(table.broker.bits());
        self.u64(table.partial.bits());
        self.list(table.calls, |out, call| {
            out.u32(call.nr);
            out.text(call.name);
        });
        self.list(table.limits, Writer::limit);
        self.list(table.errnos, |out, (call, errno)| {
            out.u16(*call);
            out.u16(*errno);
        });
        self.list(table.paths, |out, (call, arg)| {
            out.u16(*call);
            out.u8(*arg);
        });
        self.list(table.survivable, |out, name| {
            out.text(name.head);
            out.u8(u8::from(name.tail.is_some()));
            if let Some(tail) = name.tail {
                out.text(tail);
            }
            out.u16(name.errno);
        });
        let grants = grants(table.libcs);
        self.list(&grants, |out, grant| {
            out.bits(&grant.calls.0, table.calls.len());
            out.bits(&grant.limits.0, table.limits.len());
        });
        self.list(table.libcs, |out, libc| out.libc(libc, &grants));
    }

    fn limit(&mut self, limit: &Limit) {
        self.u16(limit.call);
        self.u64(limit.needs.bits());
        self.u8(if limit.refuse { REFUSE } else { 0 });
        self.u16(limit.errno);
        self.text(limit.text);
        self.list(limit.clauses, |out, clause| out.list(clause, Writer::test));
    }

    fn test(&mut self, test: &Test) {
        let flag = |holds: bool, flag: u8| if holds { flag } else { 0 };
        self.u8(test.arg);
        self.u8(flag(test.wide, WIDE) | flag(test.op == Op::NotIn, NEGATED));
        self.u64(test.mask);
        self.list(test.values, |out, value| match value {
            Value::Number(n) => {
                out.u8(0);
                out.u64(*n);
            }
            Value::SelfPid => out.u8(1),
            Value::Report => out.u8(2),
            Value::Uid => out.u8(3),
            Value::Gid => out.u8(4),
        });
    }

    fn libc(&mut self, libc: &Libc, grants: &[Grant]) {
        self.text(libc.name);
        self.text(libc.version);
        self.list(libc.builds, |out, build| out.text(build));
        let place = |grant: &Grant| grants.iter().position(|g| g == grant).unwrap_or(0) as u16;
        self.u16(place(&libc.always));
        for grant in libc.promises {
            self.u16(place(grant));
        }
    }
}

/// Every grant once: promises that come to nothing are many.
fn grants(libcs: &[Libc]) -> Vec<Grant> {
    let mut grants = Vec::new();
    for grant in libcs
        .iter()
        .flat_map(|l| l.promises.iter().chain([&l.always]))
    {
        if !grants.contains(grant) {
            grants.push(*grant);
        }
    }
    grants
}
