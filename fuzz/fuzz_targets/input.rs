// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers out of the fuzzer's bytes; zeros where they end.
// No target asks for all of them.
#![allow(dead_code)]

use rpledge::policy::{Broker, Mode, Policy, Process};
use rpledge::promise::{Promise, Set};
use rpledge::sim::Data;
use rpledge::table::{Libc, Table};

pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn number(&mut self, bytes: usize) -> u64 {
        let (taken, rest) = self.0.split_at(bytes.min(self.0.len()));
        self.0 = rest;
        let fold = |all, byte: &u8| all << 8 | u64::from(*byte);
        taken.iter().fold(0, fold)
    }

    pub fn byte(&mut self) -> usize {
        self.number(1) as usize
    }

    pub fn set(&mut self) -> Set {
        Set::from_bits(self.number(5))
    }

    pub fn process(&mut self) -> Process {
        Process {
            pid: self.number(4) as u32,
            report: self.number(8),
            uid: self.number(4) as u32,
            gid: self.number(4) as u32,
        }
    }

    /// One libc of the table, or all as they stand for an unknown one.
    pub fn rows<'t, 'a>(&mut self, table: &'t Table<'a>) -> &'t [Libc<'a>] {
        let n = self.byte() % (table.libcs.len() + 1);
        table.libcs.get(n..=n).unwrap_or(table.libcs)
    }

    pub fn policy<'a>(&mut self, table: &'a Table<'a>) -> Policy<'a> {
        let rows = self.rows(table);
        let mut policy = Policy::of(table, rows, self.set());
        let flags = self.byte();
        policy.mode = Mode::from_number(flags as u64 & 3).unwrap_or(policy.mode);
        policy.handled = flags & 4 != 0;
        policy.exec =
            (flags & 8 != 0 && policy.promises.contains(Promise::Exec)).then(|| self.set());
        policy.process = self.process();
        policy
    }

    /// Policies of filters on top of each other: each gives up something of the
    /// one before; a broker may listen to the first.
    pub fn chain<'a>(&mut self, table: &'a Table<'a>) -> Vec<Policy<'a>> {
        let rows = self.rows(table);
        let (mut set, flags) = (self.set(), self.byte());
        let mut exec = (flags & 1 != 0).then(|| self.set());
        let mut list = Vec::new();
        for n in 0..=self.byte() % 4 {
            if n > 0 {
                set = set.minus(self.set());
                exec = exec.map(|exec| exec.minus(self.set()));
            }
            let mut policy = Policy::of(table, rows, set);
            let kind = self.byte();
            policy.mode = Mode::from_number(kind as u64 & 3).unwrap_or(policy.mode);
            (policy.handled, policy.exec) = (kind & 4 != 0, exec);
            policy.process = self.process();
            let broker = match (flags & 2 != 0, n) {
                (false, _) => Broker::Absent,
                (true, 0) => Broker::Here,
                (true, _) => Broker::Below,
            };
            list.push(policy.with_broker(broker).with_exec(rows));
        }
        list
    }

    /// A call, most often one that the table names, through the ABI it is of.
    pub fn call(&mut self, table: &Table) -> Data {
        let kind = self.byte();
        let nr = self.number(4) as u32;
        let known = table.calls.get(nr as usize % table.calls.len().max(1));
        let arch = if kind & 0xf0 == 0xf0 {
            self.number(4) as u32
        } else {
            table.audit
        };
        Data {
            nr: known.filter(|_| kind & 3 != 0).map_or(nr, |call| call.nr),
            arch,
            ip: 0,
            args: [(); 6].map(|()| self.number(8)),
        }
    }
}
