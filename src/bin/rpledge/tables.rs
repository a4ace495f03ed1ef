// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's tables, made at run time for any libc and architecture of the data.

use rpledge::arch::{Arch, Endian};
use rpledge::facts::Snapshot;
use rpledge::facts::limits::{self, Value as Written};
use rpledge::facts::promises::Promises;
use rpledge::facts::reduce::{self, Limited, Reduced};
use rpledge::facts::sockets::{self, Numbered};
use rpledge::promise::Promise;
use rpledge::table::{Bits, Call, Class, Grant, Libc, Limit, Op, Survivable, Table, Test, Value};

use crate::report::Failure;
use crate::store::Store;

/// The table of some snapshots of an architecture, by the store's promises,
/// numbers and quirks.
pub fn of(
    store: &Store,
    arch: &Arch,
    snapshots: &[Snapshot],
) -> Result<&'static Table<'static>, Failure> {
    let missing = || Failure::data("rpledge: the data has no file promises.toml");
    let definitions = store.promises()?.ok_or_else(missing)?;
    let syscalls = store.syscalls(&store.arches()?)?;
    let quirks = store.quirks()?;
    let reduced = reduce::reduce(arch.name, &syscalls, &definitions, &quirks, snapshots);
    let reduced = reduced.map_err(|why| Failure::data(format!("rpledge: {why}")))?;
    let classes = sockets::numbered(&store.sockets()?, &definitions.constants(arch.name));
    let classes = classes.map_err(|why| Failure::data(format!("rpledge: {why}")))?;
    Ok(table(arch, &definitions, reduced, classes))
}

/// Reduced facts as the library has them. They live as long as the command,
/// which makes one table and ends.
fn table(
    arch: &Arch,
    promises: &Promises,
    reduced: Reduced,
    classes: Vec<Numbered>,
) -> &'static Table<'static> {
    let libcs: Vec<_> = reduced.libcs.iter().map(libc).collect();
    let calls = reduced.calls.into_iter().map(|(nr, name)| Call {
        nr,
        name: name.leak(),
    });
    let errnos = reduced
        .errnos
        .iter()
        .map(|(call, errno)| (*call as u16, *errno));
    let paths = reduced
        .paths
        .iter()
        .map(|(call, arg)| (*call as u16, *arg as u8));
    let survivable = reduced
        .survivable
        .into_iter()
        .map(|(head, tail, errno)| Survivable {
            head: head.leak(),
            tail: tail.map(|tail| &*tail.leak()),
            errno,
        });
    Box::leak(Box::new(Table {
        arch: arch.name,
        audit: arch.audit,
        big_endian: arch.endian == Endian::Big,
        foreign_from: arch.foreign_from,
        kernel: reduced.kernel.leak(),
        release: promises.release.clone().leak(),
        calls: calls.collect::<Vec<_>>().leak(),
        limits: reduced
            .limits
            .into_iter()
            .map(limit)
            .collect::<Vec<_>>()
            .leak(),
        errnos: errnos.collect::<Vec<_>>().leak(),
        paths: paths.collect::<Vec<_>>().leak(),
        survivable: survivable.collect::<Vec<_>>().leak(),
        broker: promises.broker(),
        covered: promises.covered().leak(),
        partial: promises.partial(),
        classes: classes.into_iter().map(class).collect::<Vec<_>>().leak(),
        libcs: libcs.leak(),
    }))
}

fn class(class: Numbered) -> Class<'static> {
    fn texts(texts: Vec<String>) -> &'static [&'static str] {
        let texts: Vec<&str> = texts.into_iter().map(|text| &*text.leak()).collect();
        texts.leak()
    }
    Class {
        name: class.name.leak(),
        libc: class.libc.map(|libc| &*libc.leak()),
        promises: class.promises,
        families: class.families.leak(),
        types: class.types.leak(),
        protocols: class.protocols.leak(),
        ports: class.ports.leak(),
        mark: class.mark,
        rewrites: class.rewrites,
        paths: texts(class.paths),
        absent: texts(class.absent),
        messages: class.messages.leak(),
    }
}

fn libc(libc: &reduce::Libc) -> Libc<'static> {
    let builds: Vec<&str> = libc.builds.iter().map(|id| &*id.clone().leak()).collect();
    let mut promises = [Grant::NONE; Promise::COUNT];
    for (slot, given) in promises.iter_mut().zip(&libc.promises) {
        *slot = grant(given);
    }
    Libc {
        name: libc.name.clone().leak(),
        version: libc.version.clone().leak(),
        builds: builds.leak(),
        always: grant(&libc.always),
        promises: Box::leak(Box::new(promises)),
    }
}

fn grant(given: &reduce::Grant) -> Grant {
    fn bits<const N: usize>(places: impl Iterator<Item = usize>) -> Bits<N> {
        let mut bits = Bits::EMPTY;
        for place in places {
            bits.insert(place);
        }
        bits
    }
    Grant {
        calls: bits(given.calls.iter().copied()),
        limits: bits(given.limits.iter().copied()),
    }
}

fn limit(limited: Limited) -> Limit<'static> {
    let clauses: Vec<&[Test]> = limited
        .limit
        .0
        .iter()
        .map(|clause| clause_of(clause))
        .collect();
    Limit {
        call: limited.call as u16,
        needs: limited.needs,
        refuse: limited.refuse,
        errno: limited.errno,
        clauses: clauses.leak(),
        text: limited.text.leak(),
    }
}

fn clause_of(clause: &[limits::Test]) -> &'static [Test<'static>] {
    let value = |value: &Written| match value {
        Written::Number(n) => Value::Number(*n),
        Written::SelfPid => Value::SelfPid,
        Written::Report => Value::Report,
        Written::Uid => Value::Uid,
        Written::Gid => Value::Gid,
    };
    let tests = clause.iter().map(|test| Test {
        arg: test.arg,
        wide: test.wide,
        mask: test.mask,
        op: if test.negated { Op::NotIn } else { Op::In },
        values: test.values.iter().map(value).collect::<Vec<_>>().leak(),
    });
    tests.collect::<Vec<_>>().leak()
}
