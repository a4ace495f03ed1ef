// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the build script made of data/: system calls, limits and, for each libc, what each promise needs there.
//!
//! The types are plain data with a lifetime, so that the command can build the
//! same tables at run time for a libc and an architecture that are not its own.

use crate::promise::{Promise, Set};

/// Words in a [`CallSet`]: 512 system calls; the largest table has some 470.
const CALL_WORDS: usize = 8;
/// Words in a [`LimitSet`].
const LIMIT_WORDS: usize = 6;

/// A set of system calls, by their place in [`Table::calls`].
pub type CallSet = Bits<CALL_WORDS>;
/// A set of limits, by their place in [`Table::limits`].
pub type LimitSet = Bits<LIMIT_WORDS>;

/// A set of small numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bits<const WORDS: usize>(pub [u64; WORDS]);

impl<const WORDS: usize> Bits<WORDS> {
    /// No member.
    pub const EMPTY: Self = Bits([0; WORDS]);
    /// One more than the largest member possible.
    pub const CAPACITY: usize = WORDS * 64;

    /// Is it a member? What lies beyond the capacity is none.
    pub fn contains(&self, n: usize) -> bool {
        n < Self::CAPACITY && self.0[n / 64] & (1 << (n % 64)) != 0
    }

    /// Make it a member; false if it lies beyond the capacity.
    pub fn insert(&mut self, n: usize) -> bool {
        if n >= Self::CAPACITY {
            return false;
        }
        self.0[n / 64] |= 1 << (n % 64);
        true
    }

    /// Make it none.
    pub fn remove(&mut self, n: usize) {
        if n < Self::CAPACITY {
            self.0[n / 64] &= !(1 << (n % 64));
        }
    }

    /// Take every member of the other.
    pub fn join(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..Self::CAPACITY).filter(|n| self.contains(*n))
    }
}

/// Everything about one architecture.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Its name in data/arches.toml.
    pub arch: &'a str,
    /// AUDIT_ARCH_*, as the filter sees it.
    pub audit: u32,
    /// In seccomp_data the high half of an argument comes first.
    pub big_endian: bool,
    /// Numbers from here on belong to another ABI (x32 on x86_64).
    pub foreign_from: u32,
    /// The kernel whose system calls are listed: "6.16".
    pub kernel: &'a str,
    /// Release of the data.
    pub release: &'a str,
    /// Every system call, sorted by number.
    pub calls: &'a [Call<'a>],
    /// Every limit of every promise, sorted by call.
    pub limits: &'a [Limit<'a>],
    /// Calls that fail with an errno where no promise grants them.
    pub errnos: &'a [(u16, u16)],
    /// Which argument of a call is a path.
    pub paths: &'a [(u16, u8)],
    /// Files that a libc lives without.
    pub survivable: &'a [Survivable<'a>],
    /// What each promise asks a broker for, where no limit lets it through:
    /// the numbers of calls. None, where a filter serves the promise.
    pub asks: &'a [(Promise, &'a [u32])],
    /// Files that a broker opens.
    pub names: &'a [Name<'a>],
    /// Promises that neither a filter nor a broker serves.
    pub broker: Set,
    /// Promises that grant nothing more beside others, and those others.
    pub covered: &'a [(Set, Set)],
    /// Promises of which a filter alone cannot see all.
    pub partial: Set,
    /// Sockets that promises have beside those of their limits.
    pub classes: &'a [Class<'a>],
    /// Every libc, sorted by name and version.
    pub libcs: &'a [Libc<'a>],
}

/// Names that fail with an errno where opening them would be a violation.
#[derive(Clone, Copy, Debug)]
pub struct Survivable<'a> {
    /// The name, or what it begins with.
    pub head: &'a str,
    /// What it ends with, any characters between.
    pub tail: Option<&'a str>,
    pub errno: u16,
}

/// A file that a broker opens for who holds a promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name<'a> {
    pub promise: Promise,
    /// The name, or what it begins with.
    pub head: &'a str,
    /// What it ends with, any characters between.
    pub tail: Option<&'a str>,
    /// Look at its status.
    pub look: bool,
    /// Open for reading; look at its status, and at what it is a link to.
    pub read: bool,
    /// Open for writing what is there.
    pub write: bool,
    /// Open for anything with O_CREAT.
    pub create: bool,
    /// Remove it.
    pub unlink: bool,
    /// What any use of it fails with; 0: it does not.
    pub errno: u16,
}

impl Survivable<'_> {
    fn matches(&self, name: &[u8]) -> bool {
        let Some(rest) = name.strip_prefix(self.head.as_bytes()) else {
            return false;
        };
        match self.tail {
            None => rest.is_empty(),
            // "/usr/share/../etc": what climbs is no name of these.
            Some(tail) => rest.ends_with(tail.as_bytes()) && !rest.windows(3).any(|w| w == b"/.."),
        }
    }
}

/// One row of a class of sockets: which they are, and what may be done with them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Class<'a> {
    pub name: &'a str,
    /// Only on this libc.
    pub libc: Option<&'a str>,
    /// Any of these has it.
    pub promises: Set,
    /// Beside any of these it needs no bounds.
    pub covered: Set,
    /// Beside any of these nothing bounds such a socket.
    pub unbounded: Set,
    /// Beyond its bounds the kernel asks for this capability.
    pub power: Option<u16>,
    pub families: &'a [u16],
    pub types: &'a [u16],
    pub protocols: &'a [u16],
    /// Of AF_INET and AF_INET6: that may be sent and connected to.
    pub ports: &'a [u16],
    /// Bit in socket(2)'s type that asks for this class and no other.
    pub mark: u32,
    /// A datagram socket that connects to another port is connected to the
    /// first of `ports`.
    pub rewrites: bool,
    /// Of AF_UNIX: that may be connected to.
    pub paths: &'a [&'a str],
    /// Of AF_UNIX: that are not there, whether they are or not.
    pub absent: &'a [&'a str],
    /// Of AF_NETLINK: requests that may be sent.
    pub messages: &'a [u16],
}

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Its number.
    pub nr: u32,
    /// The kernel's name for it.
    pub name: &'a str,
}

/// Limits that follow each other in [`Table::limits`], and the place of the
/// first of them.
pub type Run<'a> = (usize, &'a [Limit<'a>]);

/// What the arguments of one call must satisfy for one promise to grant it:
/// one of the clauses.
#[derive(Clone, Copy, Debug)]
pub struct Limit<'a> {
    /// Place in [`Table::calls`].
    pub call: u16,
    /// Counts only where all of these promises are held.
    pub needs: Set,
    /// A call that satisfies a clause fails with `errno`, whatever grants it.
    pub refuse: bool,
    /// Errno of a call that is refused or satisfies no clause; 0 leaves it a
    /// violation.
    pub errno: u16,
    /// Alternatives; each is a list of tests that must all hold.
    pub clauses: &'a [&'a [Test<'a>]],
    /// As data/promises.toml writes it.
    pub text: &'a str,
}

/// One look at one argument.
#[derive(Clone, Copy, Debug)]
pub struct Test<'a> {
    /// Which argument, from 0.
    pub arg: u8,
    /// A pointer or long: both halves count. An int: the kernel reads the low
    /// half alone, so a filter must too.
    pub wide: bool,
    /// The bits looked at.
    pub mask: u64,
    /// How they are compared.
    pub op: Op,
    /// With what.
    pub values: &'a [Value],
}

/// How an argument is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// Equals one of the values.
    In,
    /// Equals none of them.
    NotIn,
}

/// What an argument is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// A number.
    Number(u64),
    /// The process's own id.
    SelfPid,
    /// The address of the buffer that a violation is reported from.
    Report,
    /// The effective user that the process had when it pledged.
    Uid,
    /// The effective group likewise.
    Gid,
}

/// What promises need on one libc.
#[derive(Clone, Copy, Debug)]
pub struct Libc<'a> {
    /// "glibc".
    pub name: &'a str,
    /// "2.36"; "2.36+" of what versions after the newest may need beside it.
    pub version: &'a str,
    /// Build-ids, in lower-case hex, of the builds that were read.
    pub builds: &'a [&'a str],
    /// What every pledged process keeps.
    pub always: Grant,
    /// In the order of [`Promise`].
    pub promises: &'a [Grant; Promise::COUNT],
}

/// What one promise grants on one libc.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Calls with any arguments.
    pub calls: CallSet,
    /// Calls within limits.
    pub limits: LimitSet,
}

impl Grant {
    /// Nothing.
    pub const NONE: Grant = Grant {
        calls: CallSet::EMPTY,
        limits: LimitSet::EMPTY,
    };

    /// Does it grant the call at `place`, if only within limits?
    pub fn mentions(&self, place: usize, table: &Table) -> bool {
        let limits = table.limits.iter().enumerate();
        let grants = |l: &Limit| usize::from(l.call) == place && !l.refuse && !l.clauses.is_empty();
        self.calls.contains(place)
            || limits
                .into_iter()
                .any(|(n, l)| self.limits.contains(n) && grants(l))
    }

    /// Take what the other grants, too.
    pub fn join(&mut self, other: &Grant) {
        self.calls.join(&other.calls);
        self.limits.join(&other.limits);
    }
}

impl Libc<'_> {
    /// What `promise` grants here.
    pub fn grant(&self, promise: Promise) -> &Grant {
        &self.promises[promise as usize]
    }

    /// Is it what promised functions need on other libcs that the newest
    /// version lacks? It stands beside that one for versions after it.
    pub fn is_later(&self) -> bool {
        self.version.ends_with('+')
    }
}

/// What "stdio" asks a broker for, and most programs live without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wishes {
    /// What OpenBSD lets it open by name.
    pub files: bool,
    /// A socket for the system's log, or to ask which interfaces there are.
    pub sockets: bool,
}

impl Wishes {
    pub const ALL: Wishes = Wishes {
        files: true,
        sockets: true,
    };
}

impl<'a> Table<'a> {
    /// Which of `promises` nothing serves: not those that the others cover.
    pub fn unserved(&self, promises: Set) -> Set {
        self.uncovered(promises).and(self.broker)
    }

    /// Those of `promises` that grant something beside the others.
    fn uncovered(&self, promises: Set) -> Set {
        let covered = self.covered.iter().filter(|(_, by)| by.is_subset(promises));
        let covered = covered.fold(Set::EMPTY, |all, (promise, _)| all.or(*promise));
        promises.minus(covered)
    }

    /// Those of `promises` for which a broker must be there: what the others
    /// cover needs none, and what "stdio" asks for it can live without.
    pub fn brokered(&self, promises: Set) -> Set {
        let asking = self.asks.iter().map(|(promise, _)| *promise);
        let asking = asking.fold(Set::EMPTY, Set::with);
        self.uncovered(promises).and(asking).without(Promise::Stdio)
    }

    /// The calls that `promises` ask a broker for.
    pub fn asked(&self, promises: Set, wishes: Wishes) -> CallSet {
        let mut asked = CallSet::EMPTY;
        let uncovered = self.uncovered(promises);
        for (promise, calls) in self.asks.iter().filter(|(p, _)| uncovered.contains(*p)) {
            let is_wished = |nr: &&u32| match self.call_name(**nr) {
                _ if *promise != Promise::Stdio => true,
                Some("socket" | "connect") => wishes.sockets,
                _ => wishes.files,
            };
            for nr in calls.iter().filter(is_wished) {
                if let Some(place) = self.place(*nr) {
                    asked.insert(place);
                }
            }
        }
        asked
    }

    /// Place of the call with this number.
    pub fn place(&self, nr: u32) -> Option<usize> {
        self.calls.binary_search_by_key(&nr, |call| call.nr).ok()
    }

    /// The limits on the call at `place`.
    pub fn limits_on(&self, place: usize) -> Run<'a> {
        let first = self.limits.partition_point(|l| usize::from(l.call) < place);
        let rest = &self.limits[first..];
        let same = rest.iter().take_while(|l| usize::from(l.call) == place);
        (first, &rest[..same.count()])
    }

    /// The limits on every call, in order: for who asks for all of them.
    pub fn runs(&self) -> impl Iterator<Item = Run<'a>> {
        let limits = self.limits;
        let mut first = 0;
        (0..self.calls.len()).map(move |place| {
            let rest = &limits[first..];
            let same = rest.iter().take_while(|l| usize::from(l.call) == place);
            let run = (first, &rest[..same.count()]);
            first += run.1.len();
            run
        })
    }

    /// Which argument of the call with this number is a path.
    pub fn path_argument(&self, nr: u32) -> Option<usize> {
        let place = self.place(nr)?;
        let found = self
            .paths
            .iter()
            .find(|(call, _)| usize::from(*call) == place);
        found.map(|(_, arg)| usize::from(*arg))
    }

    /// The errno of a name that a libc lives without.
    pub fn survives(&self, name: &[u8]) -> Option<u16> {
        let found = self.survivable.iter().find(|s| s.matches(name));
        found.map(|s| s.errno)
    }

    /// Name of the call with this number.
    pub fn call_name(&self, nr: u32) -> Option<&str> {
        self.place(nr).map(|n| self.calls[n].name)
    }
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));
