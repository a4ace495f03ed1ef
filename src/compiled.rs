// SPDX-License-Identifier: MIT OR Apache-2.0
//! The compiled form of the data: a [`Table`] as bytes, so that a program can have one that it was not built with.
//!
//! A file holds all that a table does, for one libc or some: numbers, names,
//! limits and grants. So it leans on nothing that the library was built with
//! but the words of pledge and what a limit can say; where it needs more it is
//! refused whole. It is read from front to back, each count and place checked
//! against what was read before, and nothing may be left at the end. Trust
//! comes from who owns the file; the checksum finds damage.

use crate::promise::{Promise, Set};
use crate::sys::arena::Arena;
use crate::table::{
    Bits, Call, CallSet, Grant, Libc, Limit, LimitSet, Op, Survivable, Table, Test, Value,
};

mod refusal;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "facts"))]
mod write;

pub use refusal::Refusal;
#[cfg(any(test, feature = "facts"))]
pub use write::write;

/// What a file begins with: no text, and spoilt by whatever changes line ends.
pub const MAGIC: [u8; 8] = *b"\x89rpd\r\n\x1a\n";
/// The format that is read and written here.
pub const FORMAT: u32 = 2;
/// Magic, format, length, checksum.
pub const HEADER: usize = 24;
/// The longest file that is read; one libc takes some 25 KB.
pub const SIZE_MAX: usize = 128 << 10;
/// Memory that reading one such file may take.
pub const ROOM: usize = 512 << 10;
/// Tests of a clause and values of a test: what a filter has jumps for.
const JUMPS_MAX: usize = 48;
/// Errnos end here.
const ERRNO_MAX: u16 = 4095;
/// How deep anything in a file is nested is fixed, so only bits are left to
/// name: the flags of a limit and of a test.
pub(crate) const REFUSE: u8 = 1;
pub(crate) const WIDE: u8 = 1;
pub(crate) const NEGATED: u8 = 2;

/// Sums that are kept side by side, since each step of one waits for the step before.
const LANES: usize = 4;

/// FNV-1a of 64 bits, taken a little-endian word at a time: each word goes into
/// the next of [`LANES`] sums (the last block is filled up with zeros), and
/// these into one. Any change of one word shows.
pub fn checksum(bytes: &[u8]) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut lanes = [START; LANES];
    let mut add = |block: &[u8; 8 * LANES]| {
        let (words, _) = block.as_chunks::<8>();
        for (sum, word) in lanes.iter_mut().zip(words) {
            *sum = (*sum ^ u64::from_le_bytes(*word)).wrapping_mul(PRIME);
        }
    };
    let (blocks, rest) = bytes.as_chunks();
    blocks.iter().for_each(&mut add);
    let mut last = [0; 8 * LANES];
    last[..rest.len()].copy_from_slice(rest);
    add(&last);
    lanes
        .iter()
        .fold(START, |sum, lane| (sum ^ lane).wrapping_mul(PRIME))
}

/// Read a file. `own` is the table of the same architecture that the library
/// was built with: what it knows of promises that a filter cannot serve stays.
pub fn read<'a>(bytes: &'a [u8], arena: &'a Arena, own: &Table<'a>) -> Result<Table<'a>, Refusal> {
    let body = body(bytes)?;
    let mut reader = Reader { rest: body, arena };
    let table = reader.table(own)?;
    match reader.rest {
        [] => Ok(table),
        _ => Err(Refusal::Form),
    }
}

/// The same for good: bytes and arena are never given back.
pub fn keep(
    bytes: &'static [u8],
    arena: &'static Arena,
    own: &Table<'static>,
) -> Result<&'static Table<'static>, Refusal> {
    let table = read(bytes, arena, own)?;
    let kept = arena.list(1, |_| Ok::<_, Refusal>(table))?;
    kept.first().ok_or(Refusal::Memory)
}

/// Read bytes that are anywhere; for the command, which reads few and ends.
#[cfg(feature = "facts")]
pub fn load(bytes: &[u8], own: &Table<'static>) -> Result<&'static Table<'static>, Refusal> {
    let arena = Arena::map_for_good(SIZE_MAX + ROOM).map_err(|_| Refusal::Memory)?;
    if bytes.len() > SIZE_MAX {
        return Err(Refusal::Long);
    }
    let kept = arena.bytes(bytes.len(), |place| {
        place.copy_from_slice(bytes);
        Ok::<_, Refusal>(bytes.len())
    })?;
    keep(kept, arena, own)
}

/// Read bytes, and look at the table while it lasts: nothing of it stays.
#[cfg(feature = "facts")]
pub fn judge<T>(
    bytes: &[u8],
    own: &Table<'static>,
    look: impl FnOnce(&Table) -> T,
) -> Result<T, Refusal> {
    let arena = Arena::map(ROOM).map_err(|_| Refusal::Memory)?;
    read(bytes, &arena, own).map(|table| look(&table))
}

/// What follows the header, if that can be believed.
fn body(bytes: &[u8]) -> Result<&[u8], Refusal> {
    if bytes.len() > SIZE_MAX {
        return Err(Refusal::Long);
    }
    let mut header = Reader {
        rest: bytes,
        arena: &(),
    };
    if header.take(MAGIC.len()).ok() != Some(&MAGIC) {
        return Err(Refusal::Magic);
    }
    let damaged = |_| Refusal::Damaged;
    let format = header.u32().map_err(damaged)?;
    let len = header.u32().map_err(damaged)?;
    let sum = header.u64().map_err(damaged)?;
    // Before all else: another format may count and sum otherwise.
    if format != FORMAT {
        return Err(Refusal::Format(format));
    }
    if len as usize != bytes.len() || sum != checksum(header.rest) {
        return Err(Refusal::Damaged);
    }
    Ok(header.rest)
}

/// A file, read from front to back.
struct Reader<'a, A> {
    rest: &'a [u8],
    arena: A,
}

impl<'a, A> Reader<'a, A> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Refusal::Form)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| Refusal::Form)
    }

    fn u8(&mut self) -> Result<u8, Refusal> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, Refusal> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Refusal> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Refusal> {
        self.array().map(u64::from_le_bytes)
    }

    /// ASCII that can be printed, its length before it.
    fn text(&mut self) -> Result<&'a str, Refusal> {
        let len = self.u16()?;
        let bytes = self.take(usize::from(len))?;
        // Not given up at the first that is none, so that many are looked at together.
        let is_text = bytes
            .iter()
            .fold(true, |is, b| is & (b' '..=b'~').contains(b));
        let text = core::str::from_utf8(bytes).ok().filter(|_| is_text);
        text.ok_or(Refusal::Form)
    }

    /// A text that is not empty.
    fn name(&mut self) -> Result<&'a str, Refusal> {
        self.text().and_then(|name| match name {
            "" => Err(Refusal::Form),
            name => Ok(name),
        })
    }

    /// How many entries follow, at most `most`: what may be is the format's
    /// question, what this version has room for is its own.
    fn count(&mut self, most: usize) -> Result<usize, Refusal> {
        let count = usize::from(self.u16()?);
        if count > most {
            return Err(Refusal::Unknown);
        }
        Ok(count)
    }

    /// A place in a list of `count`.
    fn place(&mut self, count: usize) -> Result<u16, Refusal> {
        let place = self.u16()?;
        if usize::from(place) >= count {
            return Err(Refusal::Form);
        }
        Ok(place)
    }

    fn errno(&mut self) -> Result<u16, Refusal> {
        let errno = self.u16()?;
        if errno > ERRNO_MAX {
            return Err(Refusal::Form);
        }
        Ok(errno)
    }

    /// A bit set of `count` members, `WORDS` words at most.
    fn bits<const WORDS: usize>(&mut self, count: usize) -> Result<Bits<WORDS>, Refusal> {
        let bytes = self.take(count.div_ceil(8))?;
        let beyond = match count % 8 {
            0 => 0,
            used => u8::MAX << used,
        };
        if bytes.last().is_some_and(|last| last & beyond != 0) {
            return Err(Refusal::Form);
        }
        let mut bits = Bits::EMPTY;
        for (n, byte) in bytes.iter().enumerate() {
            let word = bits.0.get_mut(n / 8).ok_or(Refusal::Unknown)?;
            *word |= u64::from(*byte) << (n % 8 * 8);
        }
        Ok(bits)
    }
}

/// The promises of a file: those of this version, and as many more as `count`
/// says, which no program of this version can hold.
#[derive(Clone, Copy)]
struct Words {
    count: usize,
}

impl Words {
    /// The set, and whether all of it is known.
    fn known(self, bits: u64) -> Result<(Set, bool), Refusal> {
        if self.count < 64 && bits >> self.count != 0 {
            return Err(Refusal::Form);
        }
        let set = Set::from_bits(bits);
        Ok((set, set.bits() == bits))
    }
}

impl<'a> Reader<'a, &'a Arena> {
    fn table(&mut self, own: &Table<'a>) -> Result<Table<'a>, Refusal> {
        if self.name()? != own.arch {
            return Err(Refusal::Arch);
        }
        let (audit, foreign_from) = (self.u32()?, self.u32()?);
        let big_endian = match self.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Refusal::Form),
        };
        // The filter's first questions are the architecture's, not the data's.
        if (audit, foreign_from, big_endian) != (own.audit, own.foreign_from, own.big_endian) {
            return Err(Refusal::Form);
        }
        let (kernel, release) = (self.name()?, self.name()?);
        let words = self.words()?;
        let (broker, partial) = (self.u64()?, self.u64()?);
        let (broker, partial) = (words.known(broker)?.0, words.known(partial)?.0);
        let calls = self.calls(foreign_from)?;
        let limits = self.limits(words, calls.len())?;
        let errnos = self.list(CallSet::CAPACITY, |r| {
            Ok((r.place(calls.len())?, r.errno()?))
        })?;
        let paths = self.list(CallSet::CAPACITY, |r| Ok((r.place(calls.len())?, r.arg()?)))?;
        let survivable = self.list(usize::from(u8::MAX), Self::survivable)?;
        let grants = self.list(usize::from(u16::MAX), |r| {
            Ok(Grant {
                calls: r.bits(calls.len())?,
                limits: r.bits(limits.len())?,
            })
        })?;
        let libcs = self.list(usize::from(u8::MAX), |r| r.libc(words, grants))?;
        Ok(Table {
            arch: own.arch,
            audit,
            big_endian,
            foreign_from,
            kernel,
            release,
            calls,
            limits,
            errnos,
            paths,
            survivable,
            // What serves them is the library's own to know.
            asks: own.asks,
            names: own.names,
            broker: broker.or(own.broker),
            covered: own.covered,
            partial: partial.or(own.partial),
            // So are the sockets that go with them: a file is about libcs.
            classes: own.classes,
            libcs,
        })
    }

    /// A count, and as many entries.
    fn list<T: Copy>(
        &mut self,
        most: usize,
        mut each: impl FnMut(&mut Self) -> Result<T, Refusal>,
    ) -> Result<&'a [T], Refusal> {
        let count = self.count(most)?;
        let arena = self.arena;
        arena.list(count, |_| each(self))
    }

    /// The words that the sets of this file are about: ours come first.
    fn words(&mut self) -> Result<Words, Refusal> {
        let count = usize::from(self.u16()?);
        if !(Promise::COUNT..=64).contains(&count) {
            return Err(Refusal::Promises);
        }
        for n in 0..count {
            let word = self.name()?;
            if Promise::from_index(n).is_some_and(|promise| promise.name() != word) {
                return Err(Refusal::Promises);
            }
        }
        Ok(Words { count })
    }

    fn calls(&mut self, foreign_from: u32) -> Result<&'a [Call<'a>], Refusal> {
        let mut next = 0;
        self.list(CallSet::CAPACITY, |r| {
            let (nr, name) = (r.u32()?, r.name()?);
            if nr < next || nr >= foreign_from {
                return Err(Refusal::Form);
            }
            next = nr + 1;
            Ok(Call { nr, name })
        })
    }

    fn limits(&mut self, words: Words, calls: usize) -> Result<&'a [Limit<'a>], Refusal> {
        let mut last = 0;
        self.list(LimitSet::CAPACITY, |r| {
            let limit = r.limit(words, calls)?;
            if limit.call < last {
                return Err(Refusal::Form);
            }
            last = limit.call;
            Ok(limit)
        })
    }

    fn limit(&mut self, words: Words, calls: usize) -> Result<Limit<'a>, Refusal> {
        let call = self.place(calls)?;
        let (needs, is_known) = words.known(self.u64()?)?;
        let refuse = match self.u8()? {
            0 => false,
            REFUSE => true,
            _ => return Err(Refusal::Unknown),
        };
        let (errno, text) = (self.errno()?, self.text()?);
        let clauses = self.list(usize::from(u8::MAX), Self::clause)?;
        if refuse && errno == 0 {
            return Err(Refusal::Form);
        }
        // Without the words that this version lacks it would say more than it
        // does: nobody can hold them here, so it says nothing.
        let nothing = Limit {
            refuse: false,
            errno: 0,
            clauses: &[],
            call,
            needs,
            text,
        };
        Ok(match is_known {
            true => Limit {
                refuse,
                errno,
                clauses,
                ..nothing
            },
            false => nothing,
        })
    }

    fn clause(&mut self) -> Result<&'a [Test<'a>], Refusal> {
        let tests = self.list(JUMPS_MAX, Self::test)?;
        let jumps = tests.iter().map(|test| match test.op {
            Op::In => 2,
            Op::NotIn => test.values.len(),
        });
        if jumps.sum::<usize>() > JUMPS_MAX {
            return Err(Refusal::Unknown);
        }
        Ok(tests)
    }

    fn arg(&mut self) -> Result<u8, Refusal> {
        match self.u8()? {
            arg @ 0..6 => Ok(arg),
            _ => Err(Refusal::Form),
        }
    }

    fn test(&mut self) -> Result<Test<'a>, Refusal> {
        let (arg, flags, mask) = (self.arg()?, self.u8()?, self.u64()?);
        if flags & !(WIDE | NEGATED) != 0 {
            return Err(Refusal::Unknown);
        }
        let values = self.list(JUMPS_MAX, |r| {
            Ok(match r.u8()? {
                0 => Value::Number(r.u64()?),
                1 => Value::SelfPid,
                2 => Value::Report,
                3 => Value::Uid,
                4 => Value::Gid,
                _ => return Err(Refusal::Unknown),
            })
        })?;
        if values.is_empty() {
            return Err(Refusal::Form);
        }
        Ok(Test {
            arg,
            wide: flags & WIDE != 0,
            mask,
            op: match flags & NEGATED {
                0 => Op::In,
                _ => Op::NotIn,
            },
            values,
        })
    }

    fn survivable(&mut self) -> Result<Survivable<'a>, Refusal> {
        let head = self.name()?;
        let tail = match self.u8()? {
            0 => None,
            1 => Some(self.text()?),
            _ => return Err(Refusal::Form),
        };
        let errno = self.errno()?;
        Ok(Survivable { head, tail, errno })
    }

    fn libc(&mut self, words: Words, grants: &[Grant]) -> Result<Libc<'a>, Refusal> {
        let (name, version) = (self.name()?, self.name()?);
        let builds = self.list(usize::from(u8::MAX), Self::name)?;
        let grant = |r: &mut Self| -> Result<Grant, Refusal> {
            Ok(grants[usize::from(r.place(grants.len())?)])
        };
        let always = grant(self)?;
        let arena = self.arena;
        let promises = arena.list(Promise::COUNT, |_| grant(self))?;
        for _ in Promise::COUNT..words.count {
            grant(self)?;
        }
        Ok(Libc {
            name,
            version,
            builds,
            always,
            promises: promises.try_into().map_err(|_| Refusal::Form)?,
        })
    }
}
